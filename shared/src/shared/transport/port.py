"""The one seam: how numbered records get from a producer's outbox to its consumers, and word of them back.

Two transports implement it (embedded: memory and the producers' outboxes; Kafka) and one contract suite holds both.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.runtime.reports import Report
from shared.runtime.streams import Announcement, Mark, Position, Record, Stream


class Answer(NamedTuple):
    """A producer's answer to a consumer that asked for a stream: its numbers, read after the asking."""

    epoch: int
    last_seq: int
    floor: int


class Feed(Protocol):
    """What one consuming service instance reads. Records of a stream come in log order; repeats and gaps may occur."""

    async def assign(self, positions: Mapping[Stream, Position], hints: Mapping[Stream, int]) -> None:
        """Read these streams and no others, each from behind its position (`hints`: where a log keeps it)."""
        ...

    async def take(self, max_records: int, wait_s: float) -> list[Record]:
        """Records as they came; empty where none came within `wait_s`."""
        ...

    async def reread(self, stream: Stream, position: Position) -> None:
        """Read a stream again from behind a position, from the log's start where its place is unknown."""
        ...

    async def at_end(self, stream: Stream) -> bool:
        """Whether everything that the log held of a stream has been taken."""
        ...

    async def ask(self, stream: Stream, position: Position) -> None:
        """Ask the producer to send a stream again from behind a position."""
        ...

    def answer(self, stream: Stream) -> Answer | None:
        """The producer's answer to the last asking, None until it came."""
        ...

    def mark(self, stream: Stream) -> Mark | None:
        """The producer's latest mark of a stream."""
        ...

    def announcements(self, stream: Stream) -> Sequence[Announcement]:
        """The restores that the stream's producer has announced."""
        ...

    def consumed(self, positions: Mapping[Stream, int]) -> None:
        """For operators' lag tools: the log offsets that are durably consumed."""
        ...

    async def close(self) -> None:
        """Read no more."""
        ...


class Transport(Protocol):
    """One process's way to the log."""

    async def feed(self, service: str, topics: Sequence[str]) -> Feed:
        """A feed for a consuming service."""
        ...

    def committed(self, service: str, records: Sequence[Record]) -> None:
        """A producer's records are durable: hand them on."""
        ...

    async def report(self, report: Report) -> None:
        """Tell the producers what a consumer durably holds, and everybody what it has emitted."""
        ...

    def reports(self) -> Sequence[Report]:
        """The reports of all services of the last minutes, as this process has heard them."""
        ...
