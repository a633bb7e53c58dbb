"""Open time over UTC instants: calendars compiled to cumulative sums, a year at a time, searched by bisection.

An instant is open when the wall clock of the calendar's zone shows an open hour. So hours skipped in spring do not
count, and hours that the wall clock shows twice in autumn count twice.
All sums are integer microseconds since 1970, so that nothing is rounded.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from shared.calendars.hours import Calendar, extra_hours, regular_hours

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()
ONE_US = timedelta(microseconds=1)
MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
# A calendar whose every open day is a holiday for so long has no answer; looking on would never end.
HORIZON_YEARS = 100

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """One UTC year: the open intervals, and the open time in this year before each and up to the end of each."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    before: tuple[int, ...]
    through: tuple[int, ...]

    @property
    def total(self) -> int:
        return self.through[-1] if self.through else 0


@dataclass(frozen=True, eq=False)
class Compiled:
    """A calendar ready for arithmetic: one object for a calendar. Years are compiled when first asked for and kept."""

    calendar: Calendar
    zone: ZoneInfo
    windows: dict[int, Window] = field(default_factory=dict[int, Window], compare=False, repr=False)


@lru_cache(maxsize=512)
def compile_calendar(calendar: Calendar) -> Compiled:
    return Compiled(calendar, ZoneInfo(calendar.zone))


def add_open(compiled: Compiled, start: datetime, duration: timedelta) -> datetime:
    """The instant at which `duration` of open time has passed since `start`.

    A duration that is used up exactly at closing time ends at that closing instant. No duration at all ends at
    `start` when open, else at the next opening. Raises ValueError for a negative duration or a naive `start`.
    """
    if duration < timedelta(0):
        raise ValueError(f"open time can only be added, got {duration}")
    if compiled.calendar.always_open:
        return _utc(start) + duration
    if not duration:
        return next_opening(compiled, start)
    at = _instant(start)
    year = _year(at)
    left = duration // ONE_US + _open_before(_window(compiled, year), at)
    for window in _windows_from(compiled, year):
        if left <= window.total:
            index = bisect_left(window.through, left)
            return _moment(window.starts[index] + left - window.before[index])
        left -= window.total
    raise ValueError(f"calendar {compiled.calendar.name!r} has no {duration} of open time in {HORIZON_YEARS} years")


def open_between(compiled: Compiled, start: datetime, end: datetime) -> timedelta:
    """The open time in [start, end); negative when `end` comes first."""
    if compiled.calendar.always_open:
        return _utc(end) - _utc(start)
    first, last = _instant(start), _instant(end)
    if last < first:
        return -open_between(compiled, end, start)
    passed = _open_before(_window(compiled, _year(last)), last) - _open_before(_window(compiled, _year(first)), first)
    passed += sum(_window(compiled, year).total for year in range(_year(first), _year(last)))
    return passed * ONE_US


def next_opening(compiled: Compiled, at: datetime) -> datetime:
    """`at` itself when open, else the instant of the next opening."""
    if compiled.calendar.always_open or is_open(compiled, at):
        return _utc(at)
    instant = _instant(at)
    for window in _windows_from(compiled, _year(instant)):
        index = bisect_left(window.starts, instant)
        if index < len(window.starts):
            return _moment(window.starts[index])
    raise ValueError(f"calendar {compiled.calendar.name!r} does not open in {HORIZON_YEARS} years")


def is_open(compiled: Compiled, at: datetime) -> bool:
    instant = _instant(at)
    window = _window(compiled, _year(instant))
    index = bisect_right(window.starts, instant) - 1
    return index >= 0 and instant < window.ends[index]


def local_date(compiled: Compiled, at: datetime) -> date:
    """The date that the calendar's wall clock shows."""
    return _utc(at).astimezone(compiled.zone).date()


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"an instant needs its zone, got {at.isoformat()}")
    return at.astimezone(UTC)


def _instant(at: datetime) -> int:
    return (_utc(at) - EPOCH) // ONE_US


def _moment(instant: int) -> datetime:
    return EPOCH + instant * ONE_US


def _year(instant: int) -> int:
    return _moment(instant).year


def _open_before(window: Window, instant: int) -> int:
    index = bisect_right(window.starts, instant) - 1
    if index < 0:
        return 0
    return window.before[index] + min(instant, window.ends[index]) - window.starts[index]


def _windows_from(compiled: Compiled, year: int) -> Iterator[Window]:
    for later in range(year, min(year + HORIZON_YEARS, MAXYEAR)):
        yield _window(compiled, later)


def _window(compiled: Compiled, year: int) -> Window:
    known = compiled.windows.get(year)
    if known is None:
        known = compiled.windows[year] = _compile_year(compiled, year)
    return known


def _compile_year(compiled: Compiled, year: int) -> Window:
    if not MINYEAR < year < MAXYEAR:
        raise ValueError(f"year {year} is outside the calendars' range")
    first, last = _instant(datetime(year, 1, 1, tzinfo=UTC)), _instant(datetime(year + 1, 1, 1, tzinfo=UTC))
    walls = _joined(_wall_intervals(compiled.calendar, year))
    opened = _joined(
        (max(start - offset, since), min(end - offset, until))
        for since, until, offset in _offsets(compiled.zone, first, last)
        for start, end in walls
        if start - offset < until and end - offset > since
    )
    before, through, total = list[int](), list[int](), 0
    for start, end in opened:
        before.append(total)
        total += end - start
        through.append(total)
    return Window(
        starts=tuple(start for start, _ in opened),
        ends=tuple(end for _, end in opened),
        before=tuple(before),
        through=tuple(through),
    )


def _wall_intervals(calendar: Calendar, year: int) -> Iterator[Interval]:
    """Open wall-clock time as if the zone were UTC, with two days more on each side for offsets and night hours."""
    extra = extra_hours(calendar)
    for ordinal in range(date(year, 1, 1).toordinal() - 2, date(year, 12, 31).toordinal() + 3):
        day = date.fromordinal(ordinal)
        midnight = (ordinal - EPOCH_DAY) * DAY_US
        for span in (*regular_hours(calendar, day), *extra.get(day, ())):
            yield midnight + span.start_min * MINUTE_US, midnight + span.end_min * MINUTE_US


def _offsets(zone: ZoneInfo, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """[first, last) in pieces of one UTC offset each: since, until, offset."""
    since, offset = first, _offset(zone, first)
    for low, high in pairwise([*range(first, last, DAY_US // 2), last]):
        after = _offset(zone, high)
        if after != offset:
            change = _change(zone, low, high)
            yield since, change, offset
            since, offset = change, after
    yield since, last, offset


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The instant in (low, high] at which the offset changes; zones change on whole seconds."""
    before, second = _offset(zone, low), 1_000_000
    while high - low > second:
        middle = low + (high - low) // (2 * second) * second
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = _moment(instant).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // ONE_US


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Sorted, with overlapping and touching intervals made one."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
