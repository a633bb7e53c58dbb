"""When the tier or the qualification can change next by the passing of time alone: computed, never polled."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scorer.domain.decay import is_gradual, settled_age_us
from scorer.domain.dossier import Dossier, Facts, effective
from scorer.domain.instants import from_us, to_us
from scorer.domain.qualify import high_value_ends_us, qualifies
from scorer.domain.scorecard import Scorecard, tier_rank
from scorer.domain.scoring import Hit, hits, points_at, settled, tally

MAX_PROBES = 600


def next_change(dossier: Dossier, scorecard: Scorecard, at: datetime) -> datetime | None:
    """The first instant after `at` with another tier or qualification, None if there is none.

    Exact to the microsecond. Only where gradual decays of both signs hold a score within a hair of a threshold may
    it be early, and then the caller finds nothing changed and asks again. It is never late.
    """
    if not dossier.is_scored:
        return None
    facts = effective(dossier)
    return change_after(hits(dossier, facts, scorecard), facts, scorecard, to_us(at))


def change_after(
    found: Sequence[Hit],
    facts: Facts,
    scorecard: Scorecard,
    at_us: int,
    *,
    milli: int | None = None,
    qualifying: bool | None = None,
) -> datetime | None:
    """`next_change` of what was found; `milli` and `qualifying` are how it stands then, where the caller knows."""
    cuts = _cuts(found, facts, scorecard, at_us)
    if not cuts:
        return None
    fades = scorecard.decays and any(hit.rule.decay.kind != "none" for hit in found)
    course = _Course(found, facts, scorecard, steady_milli=None if fades else milli)
    here = course.state(at_us) if milli is None or qualifying is None else (tier_rank(scorecard, milli), qualifying)
    gradual = fades and course.is_gradual
    start_us = at_us
    for cut_us in cuts:
        crossing_us = course.crossing(start_us, cut_us - 1) if gradual else None
        while crossing_us is not None:
            if course.spent or course.state(crossing_us) != here:
                return from_us(crossing_us)
            crossing_us = course.crossing(crossing_us, cut_us - 1)
        if course.state(cut_us) != here:
            return from_us(cut_us)
        start_us = cut_us
    return None


def _cuts(found: Sequence[Hit], facts: Facts, scorecard: Scorecard, at_us: int) -> list[int]:
    """The instants at which a fact stops counting or fading, or leaves a window: between them all moves smoothly."""
    if not facts.engagements and not scorecard.decays:
        return []
    cuts = high_value_ends_us(scorecard, facts)
    for hit in found if scorecard.decays else ():
        settled_us = settled_age_us(hit.rule.points_milli, hit.rule.decay)
        if settled_us is not None:
            cuts |= {row[0] + settled_us for row in hit.rows}
    return sorted(cut for cut in cuts if cut > at_us)


@dataclass(slots=True)
class _Course:
    """One lead's score over time."""

    found: Sequence[Hit]
    facts: Facts
    scorecard: Scorecard
    probes: int = 0
    steady_milli: int | None = None

    @property
    def is_gradual(self) -> bool:
        return any(is_gradual(hit.rule.decay) for hit in self.found)

    @property
    def spent(self) -> bool:
        return self.probes >= MAX_PROBES

    def state(self, at_us: int) -> tuple[int, bool]:
        total = self.total(at_us)
        return tier_rank(self.scorecard, total), qualifies(self.scorecard, self.facts, total, at_us)

    def total(self, at_us: int) -> int:
        """The score; known already where nothing fades."""
        if self.steady_milli is not None:
            return self.steady_milli
        return tally(self.found, self.scorecard, at_us).total_milli

    def crossing(self, from_us_: int, to_us_: int) -> int | None:
        """The first instant in (from, to] whose score lies in another band than at `from`; no cut lies between.

        Every part fades monotonically, so its ends bound it, and the total is monotone in its parts: where both
        bounds lie in one band nothing can have happened between. Otherwise halve, the earlier half first. When the
        probes are spent, the instant up to which nothing happened.
        """
        base = self._band(tally(self.found, self.scorecard, from_us_).total_milli)
        pending = [(from_us_, to_us_)]
        while pending:
            start_us, end_us = pending.pop()
            if start_us >= end_us or self._is_calm(start_us, end_us):
                continue
            self.probes += 1
            if self.spent:
                return start_us + 1
            if end_us - start_us == 1:
                if self._band(tally(self.found, self.scorecard, end_us).total_milli) != base:
                    return end_us
                continue
            middle_us = (start_us + end_us) // 2
            pending += [(middle_us, end_us), (start_us, middle_us)]
        return None

    def _is_calm(self, start_us: int, end_us: int) -> bool:
        lowest: list[tuple[Hit, int]] = []
        highest: list[tuple[Hit, int]] = []
        for hit in self.found:
            first = points_at(hit, start_us)
            if first is None:
                continue
            last = points_at(hit, end_us) or 0
            lowest.append((hit, min(first, last)))
            highest.append((hit, max(first, last)))
        lower = self._band(settled(lowest, self.scorecard).total_milli)
        return lower == self._band(settled(highest, self.scorecard).total_milli)

    def _band(self, milli: int) -> tuple[int, int]:
        bounds = self.scorecard.bounds_milli
        return bisect_left(bounds, milli), bisect_right(bounds, milli)
