"""Streams, positions and records: the nouns of delivery (docs/architecture.md, "delivery")."""

import zlib
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import msgspec

from shared.contracts import Event, decode


class Stream(NamedTuple):
    """One topic's partition. Its producer numbers it without a gap."""

    topic: str
    partition: int


class Position(NamedTuple):
    """How far a stream was taken: the last sequence number of an epoch, 0 before the first."""

    epoch: int
    seq: int


@lru_cache(maxsize=4096)
def stream(topic: str, partition: int) -> Stream:
    """The stream of a topic and partition: one object for all its records."""
    return Stream(topic, partition)


class Record(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One numbered event as it lies in a log. `log_offset` is where a broker keeps it, a hint only."""

    stream: Stream
    epoch: int
    seq: int
    id: UUID
    lead_id: UUID
    value: bytes
    log_offset: int | None = None
    _event: Event | None = None

    def event(self) -> Event | None:
        """What the value says, None for a type this version does not know.

        It is read once for all that consume the record in this process, and not at all where its producer is in it
        too: events are frozen. Raises Unreadable.
        """
        if self._event is None:
            msgspec.structs.force_setattr(self, "_event", decode(self.stream.topic, self.value))
        return self._event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._kept() == other._kept()

    def __hash__(self) -> int:
        return hash(self.id)

    def _kept(self) -> tuple[object, ...]:
        return (self.stream, self.epoch, self.seq, self.id, self.lead_id, self.value, self.log_offset)


class Mark(NamedTuple):
    """What a producer says of a stream: the last number it holds confirmed, and the highest it has dropped."""

    epoch: int
    confirmed: int
    floor: int


class Announcement(NamedTuple):
    """A producer's database was restored: `old_epoch` ends at `old_last`, `new_epoch` starts at 1."""

    old_epoch: int
    old_last: int
    new_epoch: int


def partition_of(lead_id: UUID, partitions: int) -> int:
    """The partition that holds everything about a lead: one function for all topics and both transports."""
    return zlib.crc32(lead_id.bytes) % partitions
