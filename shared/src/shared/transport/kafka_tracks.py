"""How far a relay has come in each stream: what waits, what flies, what the broker has confirmed. No input or output."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.runtime.streams import Announcement, Position, Record
from shared.transport.epochs import before

WAITING_RECORDS = 2000
REWIND_S = 2.0


@dataclass(slots=True, eq=False)
class Track:
    """One stream's way to the broker.

    `sent` is the last record given to the producer, `acked` where a new producer goes on, `confirmed` the furthest that
    was ever confirmed. A rewind sets the first two back and leaves the third: consumers below it know what is missing.
    """

    sent: Position
    acked: Position
    confirmed: Position
    history: Sequence[Announcement] = ()
    waiting: deque[Record] = field(default_factory=deque[Record])
    behind: bool = True
    flight: "asyncio.Future[Any] | None" = None
    flight_s: float = 0.0
    turn: int = 0
    rewound_s: float = -1e9

    @property
    def tail(self) -> Position:
        """The last record taken up."""
        return Position(self.waiting[-1].epoch, self.waiting[-1].seq) if self.waiting else self.sent

    def offer(self, record: Record) -> bool:
        """A record just committed: taken if it is the next and there is room, else the outbox is to be read."""
        last = self.waiting[-1] if self.waiting else self.sent
        follows = record.seq == last.seq + 1 and record.epoch == last.epoch
        if follows and not self.behind and len(self.waiting) < WAITING_RECORDS:
            self.waiting.append(record)
            return True
        self.behind = True
        return False

    def took_off(self, flight: "asyncio.Future[Any]", now_s: float) -> int:
        """A batch is on its way. Returns the turn it belongs to."""
        self.flight, self.flight_s = flight, now_s
        return self.turn

    def landed(self, last: Position, turn: int) -> None:
        """The broker has confirmed a batch; one of an earlier turn says nothing of where this turn has come."""
        if before(self.confirmed, last, self.history):
            self.confirmed = last
        if turn == self.turn:
            self.acked = last

    def again(self) -> None:
        """The producer is given up: go on behind what it had confirmed."""
        self.flight = None
        self.back_to(self.acked)

    def rewind(self, position: Position, now_s: float) -> bool:
        """Go back to a position, once in a while; False where it still lies ahead or was asked too soon."""
        if now_s - self.rewound_s < REWIND_S or not before(position, self.sent, self.history):
            return False
        self.rewound_s = now_s
        self.back_to(position)
        return True

    def back_to(self, position: Position) -> None:
        """Send what lies behind a position, next."""
        self.turn += 1
        self.sent = self.acked = position
        self.waiting.clear()
        self.behind = True
