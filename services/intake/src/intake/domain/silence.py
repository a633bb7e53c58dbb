"""When a door's silence is unusual: held against the same weekdays and hours of earlier weeks."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WEEKS = 4
_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)
_LONGEST_HOURS = 168
_FEWEST_WEEKS = 2
_FEWEST_LEADS = 5.0  # where so many are usual, none at all is no accident (less than one time in a hundred)

Mark = tuple[datetime, int]
"""An hour and how many leads had come by its end, since the door was opened."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No lead for so many hours, where so many are usual in them."""

    hours: int
    usual: float

    @property
    def detail(self) -> str:
        """In words."""
        return f"no lead for {self.hours} h, usually {round(self.usual)} in that time"


def silence(last_lead_at: datetime | None, marks: Sequence[Mark], now: datetime) -> Silence | None:
    """The unusual silence of a door, None where there is none or too little is known. Marks come in order."""
    if last_lead_at is None or not marks:
        return None
    end = _hour(now)
    quiet = (end - _hour(last_lead_at + _HOUR - timedelta(microseconds=1))) // _HOUR
    hours = min(quiet, _LONGEST_HOURS)
    if hours < 1:
        return None
    found: list[int] = []
    for week in range(1, WEEKS + 1):
        until = end - week * _WEEK
        since = until - hours * _HOUR
        if until <= last_lead_at and marks[0][0] < since:  # weeks of the same silence, or before the first mark
            found.append(_by(marks, until) - _by(marks, since))
    if len(found) < _FEWEST_WEEKS:
        return None
    usual = sum(found) / len(found)
    return Silence(hours, usual) if usual >= _FEWEST_LEADS else None


def _by(marks: Sequence[Mark], instant: datetime) -> int:
    """How many leads had come by a full hour."""
    place = bisect_left(marks, instant, key=_at)
    return marks[place - 1][1] if place else 0


def _at(mark: Mark) -> datetime:
    return mark[0]


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
