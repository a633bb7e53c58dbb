"""What a lead lacks: the points to its next tier and the rules that would give them, the acts that the line asks for.

Nothing is estimated: each way is tried on the lead's own facts, under the caps and exclusions of its scorecard.
"""

from dataclasses import dataclass

from scorer.domain.dossier import Dossier, Engagement, Facts, effective
from scorer.domain.instants import DAY_US, to_us
from scorer.domain.qualify import high_value_count, line_holds, qualifies
from scorer.domain.scorecard import MAX_SCORE_MILLI, Scorecard, ScoringRule, Tier, tier_rank
from scorer.domain.scoring import Hit, Score, hits, tally

MAX_ACTS = 10
_MAX_TOGETHER = 6


@dataclass(frozen=True, slots=True)
class Way:
    """A rule that does not give all it could, and what it would add now."""

    rule: ScoringRule
    gain_milli: int


@dataclass(frozen=True, slots=True)
class Acts:
    """High-value acts within so many days: how many there are and how many the line asks for."""

    days: int
    have: int
    need: int


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing. `alone`: each would close the gap; `together`: a fewest-first set, where none does alone."""

    tier: Tier | None
    missing_milli: int
    alone: tuple[Way, ...]
    together: tuple[Way, ...]
    qualifies: bool
    acts: tuple[Acts, ...]
    line_asks_more: bool
    new_act_after_us: int | None


def lacking(dossier: Dossier, scorecard: Scorecard, now: Score) -> Lack:
    """Of a lead with this score."""
    facts = effective(dossier)
    at_us = to_us(now.at)
    rank = tier_rank(scorecard, now.milli)
    above = scorecard.tiers[rank + 1] if rank + 1 < len(scorecard.tiers) else None
    missing_milli = above.from_milli - now.milli if above else 0
    alone, together = _closing(dossier, facts, scorecard, at_us, missing_milli) if above else ((), ())
    holds = qualifies(scorecard, facts, now.milli, at_us)
    extra = 0 if holds else _extra_acts(scorecard, facts, now.milli, at_us)
    return Lack(
        tier=above,
        missing_milli=missing_milli,
        alone=alone,
        together=together,
        qualifies=holds,
        acts=_acts(scorecard, facts, at_us, extra or 0),
        line_asks_more=extra is None,
        new_act_after_us=_disarmed_since(dossier, facts, scorecard),
    )


def _closing(
    dossier: Dossier, facts: Facts, scorecard: Scorecard, at_us: int, missing_milli: int
) -> tuple[tuple[Way, ...], tuple[Way, ...]]:
    found = hits(dossier, facts, scorecard)
    ways = _ways(scorecard, found, at_us)
    alone = tuple(way for way in ways if way.gain_milli >= missing_milli)
    if alone:
        return alone, ()
    taken: list[Way] = []
    while ways and len(taken) < _MAX_TOGETHER:
        best = ways[0]
        taken.append(best)
        missing_milli -= best.gain_milli
        if missing_milli <= 0:
            return (), tuple(taken)
        found = _with(found, best.rule, at_us)
        ways = [way for way in _ways(scorecard, found, at_us) if way.rule not in [each.rule for each in taken]]
    return (), ()


def _ways(scorecard: Scorecard, found: list[Hit], at_us: int) -> list[Way]:
    """The rules that would add something, the most first."""
    base_milli = tally(found, scorecard, at_us).total_milli
    ways: list[Way] = []
    for rule in scorecard.rules:
        if rule.points_milli <= 0 or (rule.when is not None and rule.kinds):
            continue  # a rule of both needs another fact about the lead as well: no single way
        gain_milli = tally(_with(found, rule, at_us), scorecard, at_us).total_milli - base_milli
        if gain_milli > 0:
            ways.append(Way(rule, gain_milli))
    return sorted(ways, key=lambda way: (-way.gain_milli, not way.rule.kinds))


def _with(found: list[Hit], rule: ScoringRule, at_us: int) -> list[Hit]:
    """The same, were the rule met once more now."""
    known = next((hit for hit in found if hit.rule.id == rule.id), None)
    rows = () if known is None or not rule.kinds else known.rows
    met = Hit(rule, (*rows, (at_us, "", ""))[-rule.most :])
    return [hit for hit in found if hit is not known] + [met]


def _extra_acts(scorecard: Scorecard, facts: Facts, milli: int, at_us: int) -> int | None:
    """The fewest new high-value acts with which the line holds at some score; None where no number does."""
    scores = sorted({milli, MAX_SCORE_MILLI, *(bound for bound in scorecard.bounds_milli if bound > milli)})
    for extra in range(MAX_ACTS + 1):
        counts = {
            name: high_value_count(scorecard, facts, at_us - span_us) + extra
            for name, span_us in scorecard.qualify.windows
        }
        if any(line_holds(scorecard, facts, each, counts) for each in scores):
            return extra
    return None


def _acts(scorecard: Scorecard, facts: Facts, at_us: int, extra: int) -> tuple[Acts, ...]:
    return tuple(
        Acts(span_us // DAY_US, have, have + extra)
        for _, span_us in scorecard.qualify.windows
        for have in (high_value_count(scorecard, facts, at_us - span_us),)
    )


def _disarmed_since(dossier: Dossier, facts: Facts, scorecard: Scorecard) -> int | None:
    """When the last episode ended, where nothing that qualifies was done since."""
    over_us = dossier.episodes[-1].ended_us if dossier.episodes else None
    if over_us is None:
        return None
    latest: list[Engagement] = [row[-1] for kind, row in facts.engagements.items() if kind in scorecard.requalifying]
    return None if any(each.occurred_us > over_us for each in latest) else over_us
