"""The truth about open time, found minute by minute: slow, obvious, and nothing shared with the arithmetic."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY_MIN = 1440

# weekday (Monday = 0) -> hours as (start, end) minutes of the day; an end below the start runs past midnight
Hours = Mapping[int, Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class Oracle:
    """`opened[n]` = open minutes in the first n minutes after `since`."""

    since: datetime
    opened: tuple[int, ...]

    def minute(self, at: datetime) -> int:
        return (at - self.since) // MINUTE

    def is_open(self, at: datetime) -> bool:
        minute = self.minute(at)
        return self.opened[minute + 1] > self.opened[minute]

    def open_minutes(self, start: datetime, end: datetime) -> int:
        return self.opened[self.minute(end)] - self.opened[self.minute(start)]

    def add(self, start: datetime, minutes: int) -> datetime | None:
        """None when the answer lies past the minutes walked."""
        target = self.opened[self.minute(start)] + max(minutes, 1)
        if target > self.opened[-1]:
            return None
        reached = bisect_left(self.opened, target)
        return self.since + (reached if minutes else reached - 1) * MINUTE


def shows_open(today: int, minute: int, hours: Hours) -> bool:
    """Whether it is open at a minute of a day of the week, by the clock on the wall."""
    if any(start <= minute < (end if end > start else DAY_MIN) for start, end in hours.get(today, ())):
        return True
    return any(end <= start and minute < end for start, end in hours.get((today - 1) % 7, ()))


def walked(zone: str, hours: Hours, since: datetime, days: int) -> Oracle:
    week = [shows_open(day, minute, hours) for day in range(7) for minute in range(DAY_MIN)]
    flags = (int(week[shown]) for shown in shown_by_the_wall(zone, since, days))
    return Oracle(since, tuple(accumulate(flags, initial=0)))


@cache
def shown_by_the_wall(zone: str, since: datetime, days: int) -> tuple[int, ...]:
    """What the clock on the wall shows at each minute: minutes since Monday began."""
    tz = ZoneInfo(zone)
    walls = ((since + minute * MINUTE).astimezone(tz) for minute in range(days * DAY_MIN))
    return tuple(wall.weekday() * DAY_MIN + wall.hour * 60 + wall.minute for wall in walls)


def offset_changes(zone: str, year: int) -> list[datetime]:
    """The hours of a year in which the zone's clock is moved."""
    tz, hour = ZoneInfo(zone), timedelta(hours=1)
    instants = [datetime(year, 1, 1, tzinfo=UTC) + n * hour for n in range(365 * 24)]
    offsets = [at.astimezone(tz).utcoffset() for at in instants]
    return [instants[n] for n in range(1, len(instants)) if offsets[n] != offsets[n - 1]]
