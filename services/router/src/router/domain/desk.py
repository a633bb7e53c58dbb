"""A team's desk: how much each rep has taken, whether they may take one more, and since when to look again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

import msgspec
from msgspec.structs import replace

from router.domain.policy import Leave, Rep, Team
from router.domain.rotation import Rotation
from shared.calendars import Compiled, is_open, next_opening
from shared.contracts.attributes import Attributes


class Hours(Protocol):
    """The calendars by name."""

    def is_open(self, calendar: str, at: datetime, /) -> bool: ...
    def next_opening(self, calendar: str, at: datetime, /) -> datetime: ...


@dataclass(frozen=True)
class CalendarHours:
    """Hours by compiled calendars. A name that is unknown is a policy error and raises KeyError."""

    calendars: Mapping[str, Compiled]

    def is_open(self, calendar: str, at: datetime, /) -> bool:
        return is_open(self.calendars[calendar], at)

    def next_opening(self, calendar: str, at: datetime, /) -> datetime:
        return next_opening(self.calendars[calendar], at)


class Load(msgspec.Struct, frozen=True, gc=False):
    """What a rep holds. `today` counts `day` (the team's local date) alone, `this_week` the week from `monday`."""

    open: int = 0
    day: date = date.min
    today: int = 0
    monday: date = date.min
    this_week: int = 0
    performance_milli: int = 1000


NOTHING_TAKEN = Load()


class Desk(msgspec.Struct, frozen=True, gc=False):
    """A team's row, read under its lock. `switched_off`: reps who said they are away; the rest is policy."""

    team: str
    next_number: int = 1
    rotation: Rotation = msgspec.field(default_factory=Rotation)
    loads: Mapping[str, Load] = msgspec.field(default_factory=dict[str, Load])
    switched_off: frozenset[str] = frozenset()
    kept_on: date = date.min
    """The team's local date on which its desk was last kept as the day began."""

    def load(self, rep_id: str) -> Load:
        return self.loads.get(rep_id, NOTHING_TAKEN)


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a rep is not taken, and the instant at which that may end by itself."""

    reason: str
    until: datetime | None = None


def taken(desk: Desk, rep_id: str, day: date) -> Desk:
    """The desk after `rep_id` got one more lead on the team's local date `day`."""
    return replace(desk, loads=fuller(desk, rep_id, day))


def fuller(desk: Desk, rep_id: str, day: date) -> dict[str, Load]:
    """What the reps hold after one of them got one more lead."""
    load, monday = desk.load(rep_id), monday_of(day)
    more = Load(
        load.open + 1,
        day,
        (load.today if load.day == day else 0) + 1,
        monday,
        (load.this_week if load.monday == monday else 0) + 1,
        load.performance_milli,
    )
    return {**desk.loads, rep_id: more}


def kept_today(desk: Desk, day: date) -> Desk:
    """The desk as it is to be kept at the beginning of a day; itself where that was done."""
    return desk if desk.kept_on >= day else replace(desk, kept_on=day)


def released(desk: Desk, rep_id: str) -> Desk:
    """The desk after one piece of open work of `rep_id` ended. What the day and week took stays taken."""
    load = desk.load(rep_id)
    return replace(desk, loads={**desk.loads, rep_id: replace(load, open=max(0, load.open - 1))})


@lru_cache(maxsize=64)
def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def local_day(team: Team, at: datetime) -> date:
    return at.astimezone(team.zone_info).date()


def skip(rep: Rep, team: Team, desk: Desk, attributes: Attributes, *, at: datetime, hours: Hours) -> Skip | None:
    """Why `rep` may not take this lead now, the lasting reasons before the passing ones; None when they may."""
    unfit = mismatch(rep, attributes)
    return unavailable(rep, team, desk, at, hours) if unfit is None else Skip(unfit)


def unavailable(rep: Rep, team: Team, desk: Desk, at: datetime, hours: Hours) -> Skip | None:
    """Why `rep` may take no lead now, whichever it is."""
    if not rep.active:
        return Skip("inactive")
    if rep.id in desk.switched_off:
        return Skip("switched_off")
    back = _on_leave(rep, team, at)
    if back is not None:
        return Skip("on_leave", _open_from(rep, team, back, hours))
    calendar = rep.calendar or team.calendar
    if team.outside_hours == "wait" and calendar is not None and not hours.is_open(calendar, at):
        return Skip("closed_hours", _open_from(rep, team, at, hours))
    return full(rep, team, desk, at, hours)


def full(rep: Rep, team: Team, desk: Desk, at: datetime, hours: Hours, today: date | None = None) -> Skip | None:
    """Which cap is reached, if any. `today` is the team's local date, where it is known."""
    load, caps = desk.load(rep.id), rep.capacity
    if caps.open is not None and load.open >= caps.open:
        return Skip("capacity_open")
    if caps.week is None and caps.day is None:
        return None
    day = today or local_day(team, at)
    monday = monday_of(day)
    if caps.week is not None and (load.this_week if load.monday == monday else 0) >= caps.week:
        again = _midnight(team, monday + timedelta(days=7)) if caps.week else None
        return Skip("capacity_week", again and _open_from(rep, team, again, hours))
    if caps.day is not None and (load.today if load.day == day else 0) >= caps.day:
        again = _midnight(team, day + timedelta(days=1)) if caps.day else None
        return Skip("capacity_day", again and _open_from(rep, team, again, hours))
    return None


def mismatch(rep: Rep, attributes: Attributes) -> str | None:
    """The first attribute that is known and not served by this rep."""
    if rep.languages and attributes.language and attributes.language not in rep.languages:
        return "not_eligible_language"
    if rep.industries and attributes.industry and attributes.industry not in rep.industries:
        return "not_eligible_industry"
    where = {place for place in (attributes.region, attributes.country, attributes.city) if place}
    if rep.regions and where and where.isdisjoint(rep.regions):
        return "not_eligible_region"
    if rep.products and attributes.product and attributes.product not in rep.products:
        return "not_eligible_product"
    return None


def _on_leave(rep: Rep, team: Team, at: datetime) -> datetime | None:
    """The end of the leave that covers `at`."""
    for leave in rep.leave:
        start, end = _span(leave, team)
        if start <= at < end:
            return end
    return None


def _span(leave: Leave, team: Team) -> tuple[datetime, datetime]:
    start, end = leave.start, leave.end
    first = start if isinstance(start, datetime) else _midnight(team, start)
    last = end if isinstance(end, datetime) else _midnight(team, end + timedelta(days=1))
    return _aware(first, team), _aware(last, team)


def _aware(moment: datetime, team: Team) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=team.zone_info)


def _midnight(team: Team, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=team.zone_info)


def _open_from(rep: Rep, team: Team, at: datetime, hours: Hours) -> datetime:
    calendar = rep.calendar or team.calendar
    return at if calendar is None or team.outside_hours == "assign" else hours.next_opening(calendar, at)
