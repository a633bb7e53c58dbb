"""A calendar as a value, and the hours it keeps on a local date (week, holidays, make-up days, exceptions)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import holidays

DAY_MIN = 24 * 60
SATURDAY = 5


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Open from `start_min` up to, not including, `end_min`: minutes of wall clock after the day's midnight.

    `end_min` is above 1440 for hours that run past midnight; they belong to the day on which they begin.
    """

    start_min: int
    end_min: int


Spans = tuple[Span, ...]
ROUND_THE_CLOCK: Spans = (Span(0, DAY_MIN),)


@dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar of the policy. `week` has seven entries, Monday first."""

    name: str
    zone: str
    week: tuple[Spans, ...]
    holidays: str | None = None
    closed: frozenset[date] = frozenset()
    extra: tuple[tuple[date, Spans], ...] = ()

    @property
    def always_open(self) -> bool:
        return not self.closed and self.holidays is None and all(spans == ROUND_THE_CLOCK for spans in self.week)


ALWAYS = Calendar(name="always", zone="UTC", week=(ROUND_THE_CLOCK,) * 7)


@dataclass(frozen=True, slots=True)
class DaysOff:
    """A country's year: its public holidays, and the weekend days worked in exchange for them."""

    off: frozenset[date]
    make_up: frozenset[date]


NO_DAYS_OFF = DaysOff(frozenset(), frozenset())


@lru_cache(maxsize=1024)
def days_off(country: str, year: int) -> DaysOff:
    """`country` is an ISO code, with a subdivision after a dash if wanted (`CN`, `DE-BY`).

    Raises NotImplementedError for a country or subdivision that the holidays library does not know.
    """
    code, _, subdivision = country.partition("-")
    known = holidays.country_holidays(code, subdiv=subdivision or None, years=year)
    return DaysOff(
        off=frozenset(day for day in known if day.year == year),
        make_up=frozenset(day for day in known.weekend_workdays if day.year == year),
    )


def typical_weekday(calendar: Calendar) -> Spans:
    """The hours kept on a weekend day that is worked in exchange for a holiday."""
    return next((spans for spans in calendar.week[:SATURDAY] if spans), ())


def extra_hours(calendar: Calendar) -> Mapping[date, Spans]:
    return MappingProxyType(dict(calendar.extra))


def regular_hours(calendar: Calendar, day: date) -> Spans:
    """The hours of a day before `extra` is added: none when closed or a holiday."""
    if day in calendar.closed:
        return ()
    country = NO_DAYS_OFF if calendar.holidays is None else days_off(calendar.holidays, day.year)
    if day in country.off:
        return ()
    usual = calendar.week[day.weekday()]
    return (typical_weekday(calendar) or usual) if day in country.make_up else usual
