"""Which records of a batch are next in their streams; the numbers alone decide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.runtime.gaps import Verdict
from shared.runtime.streams import Position, Record, Stream


@dataclass(slots=True)
class Sifted:
    """A batch by its numbers: what is next, the streams that go on, and behind which positions something is missing."""

    accepted: list[Record] = field(default_factory=list[Record])
    ahead: dict[Stream, Record] = field(default_factory=dict[Stream, Record])
    missing: dict[Stream, Position] = field(default_factory=dict[Stream, Position])


def sift(
    records: Sequence[Record], positions: Mapping[Stream, Position], judge: Callable[[Position, Record], Verdict]
) -> Sifted:
    """The records in order, each against the last accepted of its stream; `judge` is asked of one that is not next."""
    sifted = Sifted()
    accepted, ahead = sifted.accepted, sifted.ahead
    for record in records:
        stream = record.stream
        last = ahead.get(stream) or positions.get(stream)
        if last is None:
            continue  # of a lane that is not ours any more
        if record.seq == last.seq + 1 and record.epoch == last.epoch:
            ahead[stream] = record
            accepted.append(record)
            continue
        position = Position(last.epoch, last.seq)
        verdict = judge(position, record)
        if verdict is Verdict.ACCEPT:
            ahead[stream] = record
            accepted.append(record)
        elif verdict is not Verdict.REPEAT:
            sifted.missing[stream] = position
    return sifted
