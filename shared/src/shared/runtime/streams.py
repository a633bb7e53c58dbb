"""Streams, positions and records: the nouns of delivery (docs/architecture.md, "delivery")."""

import zlib
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID


class Stream(NamedTuple):
    """One topic's partition. Its producer numbers it without a gap."""

    topic: str
    partition: int


class Position(NamedTuple):
    """How far a stream was taken: the last sequence number of an epoch, 0 before the first."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Record:
    """One numbered event as it lies in a log. `log_offset` is where a broker keeps it, a hint only."""

    stream: Stream
    epoch: int
    seq: int
    id: UUID
    lead_id: UUID
    value: bytes
    log_offset: int | None = None


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
