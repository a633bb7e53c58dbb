"""What one service instance reads from Kafka: partitions assigned by hand, offsets as hints, the broker's absence waited out.

An offset is believed only if the record found there is the one that is expected; otherwise the log is read from its
start and the consumer's sequence filter decides.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError

from shared.runtime.streams import Announcement, Mark, Position, Record, Stream
from shared.transport.kafka_codec import PASSING, put_away, record_of, within
from shared.transport.kafka_offsets import Offsets
from shared.transport.kafka_positions import Ask, Positions
from shared.transport.kafka_topics import Cluster, Topics
from shared.transport.port import Answer

log = structlog.get_logger("kafka")

_CONNECT_S = 10.0
_RETRY_S = 0.5
_SEEK_S = 1.0
_SUSPECT_S = 1.0
_SILENT_S = 20.0
_FRESH_MS = 1500
_RUNS_KEPT = 200


@dataclass(slots=True)
class Run:
    """Records that lie behind one another in the log."""

    epoch: int
    first: int
    last: int
    offset: int


@dataclass(slots=True)
class Trail:
    """Where a stream's records were seen, and which record is expected at the offset that was sought."""

    expected: tuple[int, Position] | None = None
    runs: list[Run] = field(default_factory=list[Run])

    def saw(self, records: Sequence[Record]) -> None:
        """Note where these lie."""
        first, last = records[0], records[-1]
        start = first.log_offset or 0
        span = last.seq - first.seq
        if first.epoch != last.epoch or span != len(records) - 1 or (last.log_offset or 0) - start != span:
            if len(records) > 1:
                for record in records:
                    self.saw([record])
            return
        run = self.runs[-1] if self.runs else None
        if (
            run
            and run.epoch == first.epoch
            and run.last + 1 == first.seq
            and run.offset + first.seq - run.first == start
        ):
            run.last = last.seq
            return
        self.runs = [*self.runs[1 - _RUNS_KEPT :], Run(first.epoch, first.seq, last.seq, start)]

    def find(self, position: Position) -> int | None:
        """The earliest offset at which the record of a position was seen."""
        for run in self.runs:
            if run.epoch == position.epoch and run.first <= position.seq <= run.last:
                return run.offset + position.seq - run.first
        return None


@dataclass(slots=True, eq=False)
class KafkaFeed:
    """One consuming service's way to the log."""

    service: str
    cluster: Cluster
    topics: Topics
    said: Positions
    offsets: Offsets
    foreign: int = 0
    _consumer: AIOKafkaConsumer | None = None
    _streams: dict[TopicPartition, Stream] = field(default_factory=dict[TopicPartition, Stream])
    _trails: dict[Stream, Trail] = field(default_factory=dict[Stream, Trail])
    _asked: dict[Stream, str] = field(default_factory=dict[Stream, str])
    _placed: bool = False
    _retry_s: float = 0.0
    _heard_s: float = 0.0
    _suspect_s: float = 0.0

    async def assign(self, positions: Mapping[Stream, Position], hints: Mapping[Stream, int]) -> None:
        """Read these streams from where their last record was kept, or from the log's start."""
        self._streams = {self._place(stream): stream for stream in positions}
        self._trails = {stream: Trail() for stream in positions}
        for stream, offset in hints.items():
            position = positions.get(stream)
            if position is not None and position.seq > 0:
                self._trails[stream] = Trail((offset, position))
        self._placed = False

    async def take(self, max_records: int, wait_s: float) -> list[Record]:
        """Records as they came; a broker that is away gives none."""
        consumer = await self._connected()
        if consumer is None or not self._streams:
            await asyncio.sleep(min(wait_s, _RETRY_S))
            return []
        try:
            async with asyncio.timeout(wait_s + _CONNECT_S):
                came = await consumer.getmany(timeout_ms=round(wait_s * 1000), max_records=max_records)
        except OffsetOutOfRangeError as error:
            await self._from_start([place for place in error.args[0] if place in self._streams])
            return []
        except NoOffsetForPartitionError:
            self._placed = False
            return []
        except PASSING as error:
            log.warning("feed starts anew", service=self.service, error=repr(error))
            await self._drop()
            return []
        if not came:
            await self._look_after(consumer)
            return []
        self._heard_s = time.monotonic()
        taken: list[Record] = []
        for place, messages in came.items():
            taken += await self._read(place, messages)
        return taken

    async def reread(self, stream: Stream, position: Position) -> None:
        """Go back to where the position's record was seen, else to the log's start."""
        place, trail = self._place(stream), self._trails.get(stream)
        if trail is None or self._consumer is None or not self._placed:
            return
        offset = trail.find(position)
        if offset is None:
            await self._from_start([place])
            return
        trail.expected = (offset, position)
        self._consumer.seek(place, offset)

    async def at_end(self, stream: Stream) -> bool:
        """Whether the last answer of the broker, a moment ago, had nothing more than was taken."""
        place = self._place(stream)
        consumer = self._consumer
        if consumer is None or not self._placed or place not in consumer.assignment():
            return False
        end, answered_ms = consumer.highwater(place), consumer.last_poll_timestamp(place)
        if end is None or answered_ms is None or time.time() * 1000 - answered_ms > _FRESH_MS:
            return False
        try:
            async with asyncio.timeout(_SEEK_S):
                return await consumer.position(place) >= end
        except PASSING:
            return False

    async def ask(self, stream: Stream, position: Position) -> None:
        """Ask whoever relays the stream."""
        self.said.awaited.pop(self._asked.get(stream, ""), None)
        ident = self._asked[stream] = uuid4().hex
        self.said.awaited[ident] = None
        self.said.say_ask(self.service, Ask(ident, stream, position))

    def answer(self, stream: Stream) -> Answer | None:
        """The answer to the last asking."""
        return self.said.awaited.get(self._asked.get(stream, ""))

    def mark(self, stream: Stream) -> Mark | None:
        """The latest mark heard."""
        return self.said.marks.get(stream)

    def announcements(self, stream: Stream) -> Sequence[Announcement]:
        """The restores heard of."""
        return self.said.announced.get(stream, ())

    def consumed(self, positions: Mapping[Stream, int]) -> None:
        """For the lag tools."""
        self.offsets.note(self.service, positions)

    async def close(self) -> None:
        """Read no more."""
        self._streams = {}
        await self._drop()

    def _place(self, stream: Stream) -> TopicPartition:
        return TopicPartition(self.cluster.wire(stream.topic), stream.partition)

    async def _connected(self) -> AIOKafkaConsumer | None:
        """The client, started and placed; None while there is no broker."""
        if self._consumer is None:
            if time.monotonic() < self._retry_s:
                return None
            consumer = AIOKafkaConsumer(
                **self.cluster.client(f"{self.service}-feed"),
                auto_offset_reset="none",
                enable_auto_commit=False,
                fetch_max_bytes=32 * 2**20,
                max_partition_fetch_bytes=2 * 2**20,
            )
            try:
                await within(_CONNECT_S, consumer.start())
            except BaseException as error:  # our own end, too, may come in the midst of a start
                await put_away(consumer)
                if not isinstance(error, PASSING):
                    raise
                log.debug("no broker", service=self.service, error=repr(error))
                self._retry_s = time.monotonic() + _RETRY_S
                return None
            self._consumer, self._placed = consumer, False
        if not self._placed and self._streams:
            self._placed, self._heard_s = True, time.monotonic()
            await self._seek_all(self._consumer)
        return self._consumer

    async def _seek_all(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign(list(self._streams))  # no await before every place has its offset: `none` would be an error
        beginnings: list[TopicPartition] = []
        for place, stream in self._streams.items():
            trail = self._trails[stream]
            if trail.expected is None:
                beginnings.append(place)
            else:
                consumer.seek(place, trail.expected[0])
        await self._seek_to_start(consumer, beginnings)

    async def _from_start(self, places: Sequence[TopicPartition]) -> None:
        for place in places:
            self._trails[self._streams[place]] = Trail()
        if self._consumer is not None:
            await self._seek_to_start(self._consumer, places)

    async def _seek_to_start(self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> None:
        if not places:
            return
        try:
            async with asyncio.timeout(_SEEK_S):
                await consumer.seek_to_beginning(*places)
        except PASSING:
            return  # it is noted and happens as soon as the broker answers

    async def _read(self, place: TopicPartition, messages: Sequence[Any]) -> list[Record]:
        stream = self._streams.get(place)
        if stream is None:
            return []
        trail = self._trails[stream]
        records = [record_of(stream, message, self.cluster.partitions) for message in messages]
        if trail.expected is not None:
            offset, position = trail.expected
            first = records[0]
            if first is None or (first.log_offset, first.epoch, first.seq) != (offset, *position):
                log.info("hint does not hold, reading from the start", service=self.service, stream=stream)
                await self._from_start([place])
                return []
            trail.expected = None
            trail.saw([first])
            records = records[1:]
        ours = [record for record in records if record is not None]
        if len(ours) < len(records):
            self.foreign += len(records) - len(ours)
            log.warning("messages that are not ours", service=self.service, stream=stream, count=self.foreign)
        if ours:
            trail.saw(ours)
        return ours

    async def _look_after(self, consumer: AIOKafkaConsumer) -> None:
        """Nothing came: are the topics there, and does the broker still answer?"""
        now_s = time.monotonic()
        if now_s - self._suspect_s < _SUSPECT_S:
            return
        self._suspect_s = now_s
        if any(consumer.partitions_for_topic(place.topic) is None for place in self._streams):
            self.topics.suspect()
        answers = [consumer.last_poll_timestamp(place) for place in self._streams]
        oldest_ms = min((answered or 0) for answered in answers)
        if time.time() * 1000 - oldest_ms < _SILENT_S * 1000:
            self._heard_s = now_s
        elif now_s - self._heard_s > _SILENT_S:
            log.warning("the broker is silent, feed starts anew", service=self.service)
            await self._drop()

    async def _drop(self) -> None:
        """Let the client go; the next one goes on at what was seen last."""
        consumer, self._consumer = self._consumer, None
        for trail in self._trails.values():
            if trail.expected is None and trail.runs:
                run = trail.runs[-1]
                trail.expected = (run.offset + run.last - run.first, Position(run.epoch, run.last))
        if consumer is not None:
            await put_away(consumer)
