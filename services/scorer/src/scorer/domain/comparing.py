"""Two scorecards over the same leads: who crosses under which, when, and whom sales had found good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import msgspec

from scorer.domain.dossier import Dossier, effective
from scorer.domain.episodes import decide
from scorer.domain.instants import from_us
from scorer.domain.replaying import Replayed, history, replay
from scorer.domain.scorecard import Scorecard

DifferenceKind = Literal["only_draft", "only_live", "earlier", "later", "otherwise"]
Truth = Literal["verdict", "win"]

DIFFERENCE_KINDS: Final[tuple[DifferenceKind, ...]] = ("only_draft", "only_live", "earlier", "later", "otherwise")
MAX_WHOSE = 500
"""Owners, regions and countries counted by name; those beyond are one."""
BEYOND: Final = "other"


@dataclass(frozen=True, slots=True)
class Window:
    """The crossings that count: from `from_us` up to, not at, `until_us`, which is also where the facts end.

    `now_us` is the instant at which the draft is tried on all leads as they stand.
    """

    from_us: int
    until_us: int
    now_us: int


class Difference(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One lead that the scorecards treat differently: its first crossing under each, and how many there are.

    `otherwise`: the first crossing is the same and a later one is not.
    """

    kind: DifferenceKind
    live_us: int | None
    draft_us: int | None
    live_crossings: int
    draft_crossings: int


class Hits(msgspec.Struct, array_like=True, gc=False):
    """What one scorecard caught: `good` and `bad` by sales' word, `won`, and crossed without any word."""

    good: int = 0
    bad: int = 0
    unjudged: int = 0
    won: int = 0
    not_won: int = 0


class Sums(msgspec.Struct, omit_defaults=True, gc=False):
    """What a backtest has counted so far. Pairs are (live, draft)."""

    leads: int = 0
    cut_short: int = 0
    crossed_live: int = 0
    crossed_draft: int = 0
    differences: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    weeks: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict[str, tuple[int, int]])
    whose: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict[str, tuple[int, int]])
    good: int = 0
    bad: int = 0
    won: int = 0
    closed: int = 0
    live: Hits = msgspec.field(default_factory=Hits)
    draft: Hits = msgspec.field(default_factory=Hits)
    would_cross_now: int = 0
    would_rescore_now: int = 0


def compare(
    sums: Sums, dossier: Dossier, live: Scorecard, draft: Scorecard, window: Window
) -> tuple[Difference | None, int]:
    """Count one lead in, in place; how it differs, and how many instants were decided."""
    past = history(dossier, window.until_us)
    if not past.moments:
        return None, 0
    under_live, under_draft = replay(past, live), replay(past, draft)
    before, after = _within(under_live, window), _within(under_draft, window)
    sums.leads += 1
    sums.cut_short += under_live.cut_short or under_draft.cut_short
    sums.crossed_live += bool(before)
    sums.crossed_draft += bool(after)
    _count_load(sums, dossier, before, after)
    _count_truth(sums, dossier, before, after, window)
    _count_now(sums, dossier, draft, window.now_us)
    difference = _difference(before, after)
    if difference is not None:
        sums.differences[difference.kind] = sums.differences.get(difference.kind, 0) + 1
    return difference, under_live.steps + under_draft.steps + 1


def joined(one: Sums, other: Sums) -> Sums:
    """The sum of two lots of leads."""
    both = Sums()
    for name in Sums.__struct_fields__:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, Hits):
            setattr(both, name, Hits(*[getattr(left, each) + getattr(right, each) for each in Hits.__struct_fields__]))
        elif isinstance(left, dict):
            setattr(both, name, _pairwise(left, right))  # pyright: ignore[reportUnknownArgumentType]
        else:
            setattr(both, name, left + right)
    return both


def share(part: int, whole: int) -> float | None:
    """A ratio, or nothing where there is nothing to divide by."""
    return round(part / whole, 4) if whole else None


def _pairwise(left: Mapping[str, int | tuple[int, int]], right: Mapping[str, int | tuple[int, int]]) -> object:
    total: dict[str, int | tuple[int, int]] = dict(left)
    for key, value in right.items():
        known = total.get(key)
        if known is None:
            total[key] = value
        elif isinstance(known, tuple) and isinstance(value, tuple):
            total[key] = (known[0] + value[0], known[1] + value[1])
        elif isinstance(known, int) and isinstance(value, int):
            total[key] = known + value
    return total


def _within(replayed: Replayed, window: Window) -> tuple[int, ...]:
    return tuple(at_us for at_us in replayed.crossings_us if window.from_us <= at_us < window.until_us)


def _difference(before: tuple[int, ...], after: tuple[int, ...]) -> Difference | None:
    if before == after:
        return None
    kind: DifferenceKind
    if not before:
        kind = "only_draft"
    elif not after:
        kind = "only_live"
    elif after[0] == before[0]:
        kind = "otherwise"
    else:
        kind = "earlier" if after[0] < before[0] else "later"
    first_live = before[0] if before else None
    return Difference(kind, first_live, after[0] if after else None, len(before), len(after))


def _count_load(sums: Sums, dossier: Dossier, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    """Every crossing is a handoff somebody must take: in which week, and whose it would be."""
    if not before and not after:
        return
    for crossings, live, draft in ((before, 1, 0), (after, 0, 1)):
        for at_us in crossings:
            week = week_of(from_us(at_us).date()).isoformat()
            sums.weeks[week] = _more(sums.weeks.get(week), live, draft)
    who = _whose(dossier)
    if who not in sums.whose and len(sums.whose) >= MAX_WHOSE:
        who = BEYOND
    sums.whose[who] = _more(sums.whose.get(who), len(before), len(after))


def _more(known: tuple[int, int] | None, live: int, draft: int) -> tuple[int, int]:
    return (live, draft) if known is None else (known[0] + live, known[1] + draft)


def week_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _whose(dossier: Dossier) -> str:
    """The owner whose word is the latest; where sales said nothing yet, the region, else the country."""
    for verdict in reversed(dossier.verdicts):
        if verdict.owner:
            return f"owner:{verdict.owner}"
    known = effective(dossier).attributes
    for name in ("region", "country"):
        attribute = known.get(name)
        if attribute is not None and isinstance(attribute.value, str):
            return f"{name}:{attribute.value}"
    return BEYOND


def _count_truth(sums: Sums, dossier: Dossier, before: tuple[int, ...], after: tuple[int, ...], window: Window) -> None:
    """A scorecard caught a lead if it crossed before sales said what the lead was worth: afterwards is no merit."""
    verdicts = [each for each in dossier.verdicts if each.occurred_us < window.until_us]
    spoken_for = [each for each in verdicts if each.kind in {"activated", "won", "lost"}]
    against = [each for each in verdicts if each.kind in {"rejected", "invalid"}]
    won = next((each for each in verdicts if each.kind == "won"), None)
    decisive = spoken_for[0] if spoken_for else against[0] if against else None
    closing = won or next((each for each in verdicts if each.kind != "activated"), None)
    sums.good += bool(spoken_for)
    sums.bad += decisive is not None and not spoken_for
    sums.won += won is not None
    sums.closed += closing is not None
    for crossings, hits in ((before, sums.live), (after, sums.draft)):
        if not crossings:
            continue
        if decisive is None:
            hits.unjudged += 1
        elif crossings[0] <= decisive.occurred_us:
            hits.good += bool(spoken_for)
            hits.bad += not spoken_for
        if closing is not None and crossings[0] <= closing.occurred_us:
            hits.won += won is not None
            hits.not_won += won is None


def _count_now(sums: Sums, dossier: Dossier, draft: Scorecard, at_us: int) -> None:
    """What would happen if the draft were applied to all at this instant, from how the leads really stand."""
    outcome = decide(dossier, draft, from_us(at_us))
    sums.would_cross_now += outcome.qualified is not None
    sums.would_rescore_now += outcome.scored is not None
