"""The one place that reads the machine's clock, and the clock that can hurry."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class ClockRefused(Exception):
    """The clock can't be moved so; says why."""


@dataclass(slots=True)
class HurriedClock:
    """Real time, or an instant at which it stands until it is moved on.

    It decides timers, windows, `occurred_at` and `recorded_at`; leases, database timeouts, backoff, cookies and keys
    never ask it. Once it goes with real time it can't be made to stand again: no live lead ever meets a made-up hour.
    """

    standing: datetime | None = None
    moved: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    """Whoever sleeps until an instant of this clock is called when it moves."""

    _restored: bool = False

    def restore(self, standing: datetime | None) -> None:
        """Go on where a store says that it stood. Of several services with one clock the first one's word counts.

        They are moved one after the other, so a process that died in between left the first the furthest ahead.
        """
        if not self._restored:
            self.standing, self._restored = standing, True

    def __call__(self) -> datetime:
        """Now, in UTC."""
        return self.standing or system_clock()

    def allow(self, to: datetime | None) -> None:
        """Raise ClockRefused where a move would run backwards or stop a clock that goes."""
        if self.standing is None:
            if to is not None:
                raise ClockRefused("this clock goes with real time and can't be made to stand")
        elif (to or system_clock()) < self.standing:
            raise ClockRefused(f"this clock stands at {self.standing.isoformat()} and never runs backwards")

    def move(self, to: datetime | None) -> None:
        """Stand at a later instant, or go with real time from now on (None). The same again changes nothing.

        Raises ClockRefused.
        """
        self.allow(to)
        self.standing = to
        for wake in self.moved:
            wake()
