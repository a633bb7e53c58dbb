"""What to do about records that are missing: read again, then ask, with backoff; never a storm."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from shared.runtime.streams import Announcement, Position, Record, Stream

FIRST_ASK_AFTER_S = 2.0
LONGEST_PAUSE_S = 30.0


class Verdict(Enum):
    """What the sequence says of a record."""

    ACCEPT = auto()
    REPEAT = auto()
    GAP = auto()
    UNANNOUNCED = auto()


def judge(position: Position, record: Record, history: Sequence[Announcement]) -> Verdict:
    """Whether a record is the next of its stream, a repeat, ahead of something missing, or of an unknown epoch."""
    if record.epoch == position.epoch:
        if record.seq == position.seq + 1:
            return Verdict.ACCEPT
        return Verdict.REPEAT if record.seq <= position.seq else Verdict.GAP
    if position.epoch == 0:
        first = history[0].old_epoch if history else record.epoch
        if record.epoch == first:
            return Verdict.ACCEPT if record.seq == 1 else Verdict.GAP
        known = any(step.new_epoch == record.epoch for step in history)
        return _across_epochs(Position(first, 0), record, history) if known else Verdict.UNANNOUNCED
    return _across_epochs(position, record, history)


def _across_epochs(position: Position, record: Record, history: Sequence[Announcement]) -> Verdict:
    reached, here = position.epoch, position
    for step in history:
        if step.old_epoch != reached:
            if record.epoch == step.old_epoch:
                return Verdict.REPEAT
            continue
        if here.seq < step.old_last:
            return Verdict.GAP
        if record.epoch == step.new_epoch:
            return Verdict.ACCEPT if record.seq == 1 else Verdict.GAP
        reached, here = step.new_epoch, Position(step.new_epoch, 0)
    if any(record.epoch == step.old_epoch for step in history):
        return Verdict.REPEAT
    return Verdict.UNANNOUNCED


class Told(Protocol):
    """What a producer answers: its epoch, the last number it gave, the highest it has dropped."""

    @property
    def epoch(self) -> int: ...
    @property
    def last_seq(self) -> int: ...
    @property
    def floor(self) -> int: ...


def contradiction(stream: Stream, position: Position, told: Told) -> str | None:
    """Why we can't go on, given the producer's answer to our asking: it lost numbers we hold, or dropped what we need."""
    if told.epoch != (position.epoch or told.epoch):
        return None
    where = f"{stream.topic}/{stream.partition}"
    if told.last_seq < position.seq:
        return f"{where}: we hold number {position.seq}, its producer gave only {told.last_seq}"
    if told.floor > position.seq:
        return f"{where}: the outbox starts behind {told.floor}, we need {position.seq + 1} (were we registered?)"
    return None


@dataclass(slots=True)
class Gap:
    """One stream with something missing."""

    noticed_at_s: float
    position: Position
    asked: int = 0
    asked_at_s: float = 0.0

    def may_ask(self, now_s: float) -> bool:
        """Whether it is time to ask (again)."""
        pause_s = min(LONGEST_PAUSE_S, FIRST_ASK_AFTER_S * 2 ** max(0, self.asked - 1))
        return now_s - (self.asked_at_s if self.asked else self.noticed_at_s - pause_s) >= pause_s


@dataclass(slots=True)
class Gaps:
    """The streams in which something is missing."""

    open: dict[Stream, Gap] = field(default_factory=dict[Stream, Gap])

    def note(self, stream: Stream, position: Position, now_s: float) -> bool:
        """Note a gap behind a position; whether it is news."""
        known = self.open.get(stream)
        if known is not None and known.position == position:
            return False
        self.open[stream] = Gap(now_s, position)
        return True

    def closed(self, stream: Stream) -> None:
        """The stream goes on."""
        self.open.pop(stream, None)
