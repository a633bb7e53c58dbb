"""A team at one instant under its desk's lock: what of a decision is the same for many leads, worked out once.

A transaction decides hundreds of leads of a few teams. Leave, hours, caps and weights do not depend on the lead; what
does, the attributes that some rep of the team is particular about, takes few values. So reps are looked at one by one
only for the first lead of a kind, and again after a decision that filled somebody's cap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from router.domain.desk import Desk, Hours, Skip, full, local_day, mismatch, unavailable
from router.domain.policy import Rep, Team
from router.domain.rotation import Eligible
from router.domain.rules import Policy
from shared.contracts.attributes import Attributes
from shared.contracts.handoffs import Considered

WaitingReason = Literal["no_team", "nobody_eligible", "all_at_capacity", "closed_hours"]
_CAPPED: Final = frozenset({"capacity_day", "capacity_week", "capacity_open"})
_HAD_IT: Final = Skip("had_it_before")
_NO_WEIGHT: Final = Skip("no_weight")


class View(NamedTuple):
    """How a team stands to leads of one kind: the record of its reps, and who is able, in the team's order.

    `eligible` are the able with their weights, by name, for the rotation. `reason` and `wake_at` are why nobody is able.
    """

    considered: tuple[Considered, ...]
    able: Mapping[str, Rep]
    eligible: Eligible
    reason: WaitingReason
    wake_at: datetime | None


@dataclass(slots=True)
class Roster:
    """A team, its desk as it is now, and why each rep takes no lead of any kind. Goes on with the desk."""

    team: Team
    desk: Desk
    at: datetime
    hours: Hours
    day: date
    skips: dict[str, Skip | None]
    particulars: tuple[str, ...]
    views: dict[tuple[object, ...], View] = field(default_factory=dict[tuple[object, ...], View])

    def view(self, attributes: Attributes, avoid: frozenset[str]) -> View:
        """How the team stands to a lead; `avoid` are those who had it before."""
        kind = (avoid, *[getattr(attributes, name) for name in self.particulars])
        known = self.views.get(kind)
        if known is None:
            known = self.views[kind] = self._look(attributes, avoid)
        return known

    def go_on(self, desk: Desk, rep: Rep | None = None) -> None:
        """The desk after a decision; `rep` got the lead, which may have filled a cap."""
        self.desk = desk
        reached = full(rep, self.team, desk, self.at, self.hours, self.day) if rep is not None else None
        if rep is not None and reached is not None:
            self.skips[rep.id] = reached
            self.views.clear()

    def weight(self, rep: Rep) -> int:
        """The rep's part of the rotation."""
        if self.team.strategy != "performance":
            return rep.weight_milli
        return rep.weight_milli * self.desk.load(rep.id).performance_milli // 1000

    def _look(self, attributes: Attributes, avoid: frozenset[str]) -> View:
        skips = {rep.id: self._skip(rep, attributes, avoid) for rep in self.team.reps}
        able = {rep.id: rep for rep in self.team.reps if skips[rep.id] is None}
        turning = self.team.strategy in ("rotation", "performance")
        return View(
            tuple([considered(rep, why.reason if why is not None else None) for rep, why in skips.items()]),
            able,
            tuple(sorted((rep.id, self.weight(rep)) for rep in able.values())) if turning else (),
            *_why_nobody([why for why in skips.values() if why is not None]),
        )

    def _skip(self, rep: Rep, attributes: Attributes, avoid: frozenset[str]) -> Skip | None:
        if rep.id in avoid:
            return _HAD_IT
        unfit = mismatch(rep, attributes)
        return self.skips[rep.id] if unfit is None else Skip(unfit)


@dataclass(frozen=True, slots=True)
class Rosters:
    """The rosters of one instant under one policy. A desk that was changed by somebody else is looked at afresh."""

    policy: Policy
    at: datetime
    hours: Hours
    known: dict[str, Roster] = field(default_factory=dict[str, Roster])

    def of(self, desk: Desk) -> Roster:
        """The roster of the team whose desk this is."""
        found = self.known.get(desk.team)
        if found is None or found.desk is not desk:
            found = self.known[desk.team] = roster_of(self.policy.team(desk.team), desk, self.at, self.hours)
        return found


def roster_of(team: Team, desk: Desk, at: datetime, hours: Hours) -> Roster:
    """A team as it stands to every lead."""
    roster = Roster(team, desk, at, hours, local_day(team, at), {}, _particulars(team))
    turning = team.strategy in ("rotation", "performance")
    for rep in team.reps:
        found = unavailable(rep, team, desk, at, hours)
        weightless = found is None and turning and roster.weight(rep) <= 0
        roster.skips[rep.id] = _NO_WEIGHT if weightless else found
    return roster


@lru_cache(maxsize=4096)
def considered(rep: str, skipped: str | None) -> Considered:
    """The record of one rep; the same few over and over."""
    return Considered(rep=rep, skipped=skipped)


def _particulars(team: Team) -> tuple[str, ...]:
    """The attributes that decide which of the team's reps may take a lead."""
    particular = (
        (("language",), any(rep.languages for rep in team.reps)),
        (("industry",), any(rep.industries for rep in team.reps)),
        (("region", "country", "city"), any(rep.regions for rep in team.reps)),
        (("product",), any(rep.products for rep in team.reps)),
    )
    return tuple(name for names, matters in particular if matters for name in names)


def _why_nobody(skips: list[Skip]) -> tuple[WaitingReason, datetime | None]:
    reasons = {found.reason for found in skips}
    reason: WaitingReason = "nobody_eligible"
    if "closed_hours" in reasons:
        reason = "closed_hours"
    elif reasons & _CAPPED:
        reason = "all_at_capacity"
    wakes = [found.until.astimezone(UTC) for found in skips if found.until is not None]
    return reason, min(wakes, default=None)
