"""The score: a pure function of (facts, scorecard, instant), in whole thousandths, whose parts sum exactly to it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from scorer.domain.decay import faded
from scorer.domain.dossier import Basis, Dossier, Engagement, Facts, effective
from scorer.domain.instants import from_us, to_us
from scorer.domain.scorecard import (
    MAX_SCORE_MILLI,
    MEMO_SIZE,
    FitAnswer,
    Group,
    Scorecard,
    ScoringRule,
    Tier,
    tier_rank,
)

PartKind = Literal["rule", "cap", "limit"]


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A rule and the facts it counts: `rows` of (instant, fact id, fact kind), freshest last."""

    rule: ScoringRule
    rows: tuple[tuple[int, str, str], ...]


class Tally(msgspec.Struct, frozen=True, gc=False):
    """What each hit gives, what caps and the limits 0 and 100 take away, and the total."""

    kept: list[tuple[Hit, int]]
    corrections: list[tuple[str, int]]
    total_milli: int


class Part(msgspec.Struct, frozen=True, gc=False):
    """One reason for points. Caps, and the limits of 0 and 100, are parts with the group's name and no fact."""

    rule: str
    points_milli: int
    kind: PartKind = "rule"
    title: Mapping[str, str] | None = None
    fact_kind: str | None = None
    fact_id: str | None = None
    occurred_us: int | None = None
    age_us: int | None = None

    @property
    def occurred_at(self) -> datetime | None:
        return None if self.occurred_us is None else from_us(self.occurred_us)

    @property
    def age_s(self) -> float | None:
        return None if self.age_us is None else self.age_us / 1_000_000


class Score(msgspec.Struct, frozen=True):
    """`undecided` names the rules that could not be decided (a missing attribute, usually) and why: no match."""

    milli: int
    tier: Tier
    total: Tally
    version: int
    at: datetime
    next_tier: str | None
    missing_to_next_tier_milli: int | None
    undecided: tuple[tuple[str, str], ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The reasons; made when asked for, since most scores move nothing and are told to nobody."""
        at_us = to_us(self.at)
        parts = [_part(hit.rule, row, points, at_us) for hit, row, points in _given(self.total, at_us)]
        return (*parts, *(_correction(name, points) for name, points in self.total.corrections))

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The parts in short, as they are told: what each is named after, and its points."""
        given = [(hit.rule.id, points) for hit, _, points in _given(self.total, to_us(self.at))]
        return given + self.total.corrections

    @property
    def shown(self) -> str:
        """One decimal, rounded down: 79.96 is not 80 and does not look like it."""
        return str(Decimal(self.milli // 100) / 10)


def score(dossier: Dossier, scorecard: Scorecard, at: datetime) -> Score:
    """The lead's score at this instant, with its explanation. A fact dated after `at` counts with age 0."""
    facts = effective(dossier)
    found = hits(dossier, facts, scorecard)
    return explained(found, scorecard, at, to_us(at), _fit(facts, scorecard)[1])


def explained(
    found: Sequence[Hit], scorecard: Scorecard, at: datetime, at_us: int, undecided: tuple[tuple[str, str], ...] = ()
) -> Score:
    total = tally(found, scorecard, at_us)
    rank = tier_rank(scorecard, total.total_milli)
    above = scorecard.tiers[rank + 1] if rank + 1 < len(scorecard.tiers) else None
    return Score(
        milli=total.total_milli,
        tier=scorecard.tiers[rank],
        total=total,
        version=scorecard.version,
        at=at,
        next_tier=above.name if above else None,
        missing_to_next_tier_milli=above.from_milli - total.total_milli if above else None,
        undecided=undecided,
    )


def hits(dossier: Dossier, facts: Facts, scorecard: Scorecard) -> list[Hit]:
    """The rules that match, whatever the instant."""
    in_play, _ = _fit(facts, scorecard)
    done = facts.engagements
    found: list[Hit] = []
    for rule in in_play:
        kinds = rule.kinds
        if not kinds:
            found.append(Hit(rule, (_newest(rule, facts, dossier.captured_us or 0),)))
        elif (len(kinds) != 1 or kinds[0] in done) and (rows := _engagements(rule, facts)):
            found.append(Hit(rule, rows))
    return found


def tally(found: Iterable[Hit], scorecard: Scorecard, at_us: int) -> Tally:
    """The hits at this instant under exclusions and caps."""
    if not scorecard.decays:
        return settled([(hit, hit.rule.points_milli * len(hit.rows)) for hit in found], scorecard)
    return settled([(hit, points) for hit in found if (points := points_at(hit, at_us)) is not None], scorecard)


def points_at(hit: Hit, at_us: int) -> int | None:
    """The points a hit gives at this instant; None when none of its facts counts any more."""
    rule = hit.rule
    if rule.decay.kind == "none":
        return rule.points_milli * len(hit.rows)
    given = [faded(rule.points_milli, rule.decay, max(at_us - row[0], 0)) for row in hit.rows]
    counting = [points for points in given if points is not None]
    return sum(counting) if counting else None


def settled(pairs: list[tuple[Hit, int]], scorecard: Scorecard) -> Tally:
    """Exclusions, caps and limits over what each hit gives. The total never falls when one of them rises."""
    members: dict[str, list[tuple[Hit, int]]] = {}
    for pair in pairs:
        group_name = pair[0].rule.group
        if group_name in members:
            members[group_name].append(pair)
        else:
            members[group_name] = [pair]
    kept: list[tuple[Hit, int]] = []
    corrections: list[tuple[str, int]] = []
    inner: dict[str, int] = {}
    total = 0
    for group in scorecard.groups:
        reached = inner.get(group.name, 0)
        if group.name in members:
            counted = _counted(group, members[group.name])
            kept += counted
            for _, points in counted:
                reached += points
        if group.cap_milli is not None and reached > group.cap_milli:
            corrections.append((group.name, group.cap_milli - reached))
            reached = group.cap_milli
        if group.within is None:
            total += reached
        else:
            inner[group.within] = inner.get(group.within, 0) + reached
    limited = min(max(total, 0), MAX_SCORE_MILLI)
    if limited != total:
        corrections.append(("total", limited - total))
    return Tally(kept, corrections, limited)


def basis_of(found: Iterable[Hit]) -> Basis:
    """What the points stand on, without what cannot change them: enough to score again at another instant."""
    return tuple(
        (hit.rule.id, tuple(0 if hit.rule.decay.kind == "none" else row[0] for row in hit.rows)) for hit in found
    )


def total_of(basis: Basis, scorecard: Scorecard, at_us: int) -> int:
    """The score that these facts alone would give at this instant."""
    found = [
        Hit(scorecard.rules_by_id[rule_id], tuple((instant_us, "", "") for instant_us in instants))
        for rule_id, instants in basis
        if rule_id in scorecard.rules_by_id
    ]
    return tally(found, scorecard, at_us).total_milli


def _counted(group: Group, pairs: list[tuple[Hit, int]]) -> list[tuple[Hit, int]]:
    if group.exclusive and len(pairs) > 1:
        return [max(pairs, key=lambda pair: pair[1])]
    return pairs


def _fit(facts: Facts, scorecard: Scorecard) -> FitAnswer:
    """The rules without a `when` and those whose `when` matches, and those that could not be decided with the reason."""
    attributes = facts.attributes
    key = tuple([None if (found := attributes.get(name[5:])) is None else found.value for name in scorecard.fit_uses])
    answer = scorecard.fit_memo.get(key)
    if answer is None:
        answer = _asked(scorecard, dict(zip(scorecard.fit_uses, key, strict=True)))
        if len(scorecard.fit_memo) >= MEMO_SIZE:
            scorecard.fit_memo.clear()
        scorecard.fit_memo[key] = answer
    return answer


def _asked(scorecard: Scorecard, values: Mapping[str, object]) -> FitAnswer:
    in_play: list[ScoringRule] = []
    undecided: list[tuple[str, str]] = []
    for rule in scorecard.rules:
        answer = None if rule.when is None else rule.when.answer(values)
        if answer is None or answer.matched:
            in_play.append(rule)
        elif answer.problem is not None:
            undecided.append((rule.id, answer.problem))
    return tuple(in_play), tuple(undecided)


def _engagements(rule: ScoringRule, facts: Facts) -> tuple[tuple[int, str, str], ...]:
    """What a rule counts. Most rules count one kind, whatever its content: the quick way is for them.

    A rule of one kind is asked only where that was done.
    """
    if len(rule.kinds) == 1 and not rule.contents:
        row = facts.engagements[rule.kinds[0]]
        return tuple([(each.occurred_us, each.id, each.kind) for each in row[-rule.most :]])
    found: list[Engagement] = []
    for kind in rule.kinds:
        done = facts.engagements.get(kind, ())
        found += done if not rule.contents else [each for each in done if _says(rule.contents, each.content)]
    if len(rule.kinds) > 1:
        found.sort()
    return tuple((each.occurred_us, each.id, each.kind) for each in found[-rule.most :])


def _says(contents: tuple[str, ...], content: str) -> bool:
    return any(content.startswith(each[:-1]) if each.endswith("*") else content == each for each in contents)


def _newest(rule: ScoringRule, facts: Facts, captured_us: int) -> tuple[int, str, str]:
    """The latest of the attributes that a fit rule reads; the capture where it reads none that is known."""
    newest = (captured_us, "", "captured")
    for name in rule.when.uses if rule.when else ():
        attribute = facts.attributes.get(name[5:])
        if attribute is not None and (attribute.occurred_us, attribute.fact_id, name) > newest:
            newest = (attribute.occurred_us, attribute.fact_id, name)
    return newest


def _given(total: Tally, at_us: int) -> list[tuple[Hit, tuple[int, str, str], int]]:
    """Every fact that gave points."""
    given: list[tuple[Hit, tuple[int, str, str], int]] = []
    for hit, points in total.kept:
        if not points:
            continue
        if len(hit.rows) == 1:
            given.append((hit, hit.rows[0], points))
            continue
        for row in hit.rows:
            each = points_at(Hit(hit.rule, (row,)), at_us)
            if each:
                given.append((hit, row, each))
    return given


def _part(rule: ScoringRule, row: tuple[int, str, str], points: int, at_us: int) -> Part:
    instant_us, fact_id, kind = row
    return Part(rule.id, points, "rule", rule.title, kind, fact_id or None, instant_us, max(at_us - instant_us, 0))


def _correction(name: str, points: int) -> Part:
    return Part(name, points, "limit" if name == "total" else "cap")
