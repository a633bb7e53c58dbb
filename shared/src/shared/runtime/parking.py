"""The limit on parking: a bad deploy must not drain a topic into the parking lot."""

from collections import deque
from dataclasses import dataclass, field

_WINDOW = 2000
_ALWAYS_ALLOWED = 20


class TooManyParked(Exception):
    """So many records fail that the fault is ours, not theirs: the consumer stops with everything in place."""


@dataclass(slots=True)
class Parking:
    """Counts records handled and parked; refuses to park more than a share of the latest ones."""

    most_share: float = 0.05
    _recent: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])
    _handled: int = 0
    _parked: int = 0

    def handled(self, count: int) -> None:
        """This many records went well."""
        self._note(count, 0)

    def remember(self, lately: int) -> None:
        """So many were parked shortly before this start: at most one more may be before many records go well."""
        if lately:
            self._note(0, min(lately, _ALWAYS_ALLOWED - 1))

    def allow(self, service: str) -> None:
        """One more is to be parked; it counts only when it was, for its transaction may have to be repeated.

        Raises TooManyParked.
        """
        failing = self._parked + 1
        if failing > max(_ALWAYS_ALLOWED, self.most_share * self._handled):
            raise TooManyParked(
                f"{service}: {failing} of the last {self._handled + failing} records can't be handled; "
                "look at `baton parked list`, mend the cause and start again: nothing is lost"
            )

    def parked(self) -> None:
        """One more was parked."""
        self._note(0, 1)

    def _note(self, handled: int, parked: int) -> None:
        self._recent.append((handled, parked))
        self._handled += handled
        self._parked += parked
        while self._handled + self._parked > _WINDOW and len(self._recent) > 1:
            old_handled, old_parked = self._recent.popleft()
            self._handled -= old_handled
            self._parked -= old_parked
