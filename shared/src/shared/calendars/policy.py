"""Reading the calendars policy: every fault with its place and its cure, a calendar that never opens refused."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.calendars.hours import DAY_MIN, ROUND_THE_CLOCK, Calendar, Span, Spans, days_off

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = ("zone", "open", "holidays", "closed", "extra")
HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")
HOURS_FIX = 'write hours as "09:00-18:00"; the last instant of a day is 24:00'
DATE_FIX = "write a date as 2026-12-24"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where (a path like `calendars.office.open.mon-fri[0]`) and how to put it right."""

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.fix}"


class InvalidCalendars(ValueError):
    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class _Fault(Exception):
    def __init__(self, path: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.problem = Problem(path, what, fix)


def parse_calendars(raw: object, *, default_zone: str = "UTC") -> Mapping[str, Calendar]:
    """The calendars of a policy by name; `default_zone` is for those that name none (the company's zone).

    `raw` is the loaded YAML: `{calendars: {office: {zone, open, holidays, closed, extra}, always: {}}}`.
    A calendar without `open` is open round the clock, except on its holidays and closed days.
    `closed` empties a date, `extra` adds hours to a date; both on one date = exactly the extra hours.
    Raises InvalidCalendars with every calendar's first problem.
    """
    try:
        entries = _mapping(_mapping(raw, "policy").get("calendars"), "calendars")
    except _Fault as fault:
        raise InvalidCalendars((fault.problem,)) from None
    calendars: dict[str, Calendar] = {}
    problems: list[Problem] = []
    for name, entry in entries.items():
        try:
            calendars[str(name)] = _calendar(str(name), entry, default_zone)
        except _Fault as fault:
            problems.append(fault.problem)
    if problems:
        raise InvalidCalendars(tuple(problems))
    return calendars


def _mapping(raw: object, path: str) -> Mapping[object, object]:
    if not isinstance(raw, Mapping):
        raise _Fault(path, f"expected a mapping, found {_shown(raw)}", "write `name: value` pairs, or {} for none")
    return cast("Mapping[object, object]", raw)


def _list(raw: object, path: str, fix: str) -> list[object]:
    if not isinstance(raw, list):
        raise _Fault(path, f"expected a list, found {_shown(raw)}", fix)
    return cast("list[object]", raw)


def _shown(raw: object) -> str:
    return "nothing" if raw is None else repr(raw)


def _calendar(name: str, raw: object, default_zone: str) -> Calendar:
    path = f"calendars.{name}"
    entry = _mapping(raw, path)
    for key in entry:
        if key not in KEYS:
            raise _Fault(f"{path}.{key}", "unknown key", f"use one of {', '.join(KEYS)}")
    week = _week(entry["open"], f"{path}.open") if "open" in entry else (ROUND_THE_CLOCK,) * 7
    return Calendar(
        name=name,
        zone=_zone(entry.get("zone", default_zone), f"{path}.zone"),
        week=week,
        holidays=_country(entry["holidays"], f"{path}.holidays") if "holidays" in entry else None,
        closed=frozenset(_closed(entry.get("closed", []), f"{path}.closed")),
        extra=tuple(sorted(_extra(entry.get("extra", {}), f"{path}.extra"))),
    )


def _zone(raw: object, path: str) -> str:
    try:
        return ZoneInfo(str(raw)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _Fault(path, f"unknown time zone {_shown(raw)}", "use an IANA name such as Asia/Ho_Chi_Minh") from None


def _country(raw: object, path: str) -> str:
    fix = 'use an ISO country code such as VN or CN (with a region: DE-BY), in quotes if it is "NO"'
    if not isinstance(raw, str):
        raise _Fault(path, f"expected a country, found {_shown(raw)}", fix)
    try:
        days_off(raw, 2026)
    except NotImplementedError:
        raise _Fault(path, f"no holidays are known for {raw!r}", fix) from None
    return raw


def _week(raw: object, path: str) -> tuple[Spans, ...]:
    week: dict[int, Spans] = {}
    for key, hours in _mapping(raw, path).items():
        place = f"{path}.{key}"
        spans = _spans(hours, place)
        for day in _days(str(key), place):
            if day in week:
                raise _Fault(place, f"{DAYS[day]} has hours already", "name each day once")
            week[day] = spans
    if not any(week.values()):
        raise _Fault(path, "this calendar never opens", 'give a day hours, such as mon-fri: ["09:00-18:00"]')
    return tuple(week.get(day, ()) for day in range(7))


def _days(key: str, path: str) -> Iterator[int]:
    for part in key.lower().split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise _Fault(
                path, f"{part.strip()!r} is no day", f"use {', '.join(DAYS)}, a range mon-fri or a list sat,sun"
            )
        low, high = DAYS.index(first), DAYS.index(last or first)
        yield from ((low + step) % 7 for step in range((high - low) % 7 + 1))


def _spans(raw: object, path: str) -> Spans:
    items = _list([raw] if isinstance(raw, str) else raw, path, f"{HOURS_FIX}, in a list")
    spans = sorted(_span(item, f"{path}[{index}]") for index, item in enumerate(items))
    for earlier, later in pairwise(spans):
        if later.start_min < earlier.end_min:
            raise _Fault(path, "two of the intervals overlap", "make them one, or move one of them")
    return tuple(spans)


def _span(raw: object, path: str) -> Span:
    match = HOURS.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if match is None:
        raise _Fault(path, f"{_shown(raw)} are no hours", HOURS_FIX)
    start_h, start_m, end_h, end_m = map(int, match.groups())
    start, end = start_h * 60 + start_m, end_h * 60 + end_m
    if max(start_m, end_m) > 59 or start >= DAY_MIN or end > DAY_MIN:
        raise _Fault(path, f"{raw!r} is not on the clock", HOURS_FIX)
    if start == end:
        raise _Fault(path, f"{raw!r} is empty", 'write "00:00-24:00" for the whole day')
    return Span(start, end if end > start else end + DAY_MIN)


def _date(raw: object, path: str) -> date:
    # YAML reads 2026-12-24 as a date and "2026-12-24" as text; a timestamp is a slip of the pen.
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    try:
        return date.fromisoformat(str(raw))
    except ValueError:
        raise _Fault(path, f"{_shown(raw)} is no date", DATE_FIX) from None


def _closed(raw: object, path: str) -> Iterator[date]:
    for index, item in enumerate(_list(raw, path, f"{DATE_FIX}, in a list")):
        yield _date(item, f"{path}[{index}]")


def _extra(raw: object, path: str) -> Iterator[tuple[date, Spans]]:
    seen: set[date] = set()
    for key, hours in _mapping(raw, path).items():
        day = _date(key, f"{path}.{key}")
        if day in seen:
            raise _Fault(f"{path}.{key}", "this date has hours already", "name each date once")
        seen.add(day)
        yield day, _spans(hours, f"{path}.{key}")
