"""The embedded transport: committed records are handed over in memory, the producers' outboxes are the log.

A feed accepts a record only if it is the next of its stream and there is room; otherwise it notes that the stream is
behind and reads the outbox. A slow poll covers whatever nobody announced.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.topology import PRODUCER
from shared.runtime.reports import Report
from shared.runtime.streams import Announcement, Mark, Position, Record, Stream
from shared.store import outbox
from shared.store.register import announcements, report_consumed
from shared.transport.epochs import entry
from shared.transport.port import Answer

_BUFFER_RECORDS = 50_000
_READ_RECORDS_PER_STREAM = 500
_POLL_S = 2.5
_REPORTS_KEPT = 200


class EmbeddedFeed:
    """What one service of this process reads."""

    def __init__(self, producers: Mapping[str, AsyncEngine]) -> None:
        self._producers = producers
        self._buffer: deque[Record] = deque()
        self._cursor: dict[Stream, Position] = {}
        self._behind: set[Stream] = set()
        self._arrived = asyncio.Event()
        self._polled_at = time.monotonic()
        self._lagging: dict[Stream, Position] = {}
        self._reading: frozenset[Stream] = frozenset()
        self._meanwhile: list[Record] = []
        self._announced: dict[Stream, list[Announcement]] = {}
        self._answers: dict[Stream, Answer] = {}
        self._marks: dict[Stream, Mark] = {}

    def offer(self, records: Sequence[Record]) -> None:
        """Take freshly committed records, as far as each is the next of its stream and there is room."""
        room = _BUFFER_RECORDS - len(self._buffer)
        taken: dict[Stream, Record] = {}
        for record in records:
            stream = record.stream
            last = taken.get(stream) or self._cursor.get(stream)
            if last is None or (record.seq <= last.seq and record.epoch == last.epoch):
                continue
            if stream in self._reading:
                self._meanwhile.append(record)
            elif room > 0 and record.seq == last.seq + 1 and record.epoch == last.epoch and stream not in self._behind:
                self._buffer.append(record)
                taken[stream] = record
                room -= 1
            else:
                self._behind.add(stream)
        self._moved(taken)
        self._arrived.set()

    def _moved(self, last: Mapping[Stream, Record]) -> None:
        self._cursor.update({stream: Position(record.epoch, record.seq) for stream, record in last.items()})

    async def assign(self, positions: Mapping[Stream, Position], hints: Mapping[Stream, int]) -> None:
        """Start anew behind these positions; everything is read from the outboxes once."""
        del hints
        self._buffer.clear()
        self._cursor = dict(positions)
        self._behind = set(positions)
        self._lagging.clear()
        self._arrived.set()

    async def take(self, max_records: int, wait_s: float) -> list[Record]:
        """Records in order of their streams, without a gap."""
        if time.monotonic() - self._polled_at > _POLL_S:
            self._polled_at = time.monotonic()
            await self._poll()
        if self._behind and len(self._buffer) < max_records:
            await self._catch_up()
        if not self._buffer:
            self._arrived.clear()
            if self._behind:
                return []
            try:
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
            except TimeoutError:
                return []
            if self._behind and not self._buffer:
                await self._catch_up()
        return [self._buffer.popleft() for _ in range(min(max_records, len(self._buffer)))]

    async def reread(self, stream: Stream, position: Position) -> None:
        """Read the stream's outbox again from behind a position."""
        self._buffer = deque(record for record in self._buffer if record.stream != stream)
        self._cursor[stream] = position
        self._behind.add(stream)

    async def at_end(self, stream: Stream) -> bool:
        """Whether nothing of the stream waits here or in the outbox, as far as this feed knows."""
        return stream not in self._behind and all(record.stream != stream for record in self._buffer)

    async def ask(self, stream: Stream, position: Position) -> None:
        """The outbox is at hand: read it again, and note what its producer says of the stream."""
        self._answers.pop(stream, None)
        async with self._producers[PRODUCER[stream.topic]].connect() as session:
            heads, floors = await outbox.heads(session), await outbox.floors(session)
        head, floor = heads[stream], floors.get(stream)
        self._answers[stream] = Answer(head.epoch, head.seq, floor.seq if floor else 0)
        self._mark(heads)
        await self.reread(stream, position)

    def answer(self, stream: Stream) -> Answer | None:
        """What the producer's database said when it was last asked."""
        return self._answers.get(stream)

    def mark(self, stream: Stream) -> Mark | None:
        """The last number given, as last read: a producer restored to below our position is noticed by it."""
        return self._marks.get(stream)

    def _mark(self, heads: Mapping[Stream, Position]) -> None:
        self._marks.update({stream: Mark(head.epoch, head.seq, 0) for stream, head in heads.items()})

    def announcements(self, stream: Stream) -> Sequence[Announcement]:
        """The restores announced in the producer's database."""
        return self._announced.get(stream, ())

    def consumed(self, positions: Mapping[Stream, int]) -> None:
        """There is no broker to tell."""

    async def close(self) -> None:
        """Take nothing more."""
        self._cursor.clear()

    async def _poll(self) -> None:
        """Find the streams whose commits nobody told of: they lag at two looks and did not move in between.

        What is being handed over lags for a moment only, and must not be read from the outbox a second time.
        """
        lagging: dict[Stream, Position] = {}
        for service in {PRODUCER[stream.topic] for stream in self._cursor}:
            async with self._producers[service].connect() as session:
                self._announced.update(await announcements(session))
                heads = await outbox.heads(session)
            self._mark(heads)
            lagging |= {
                stream: self._cursor[stream]
                for stream in self._cursor.keys() & heads.keys()
                if self._lags(stream, heads[stream])
            }
        self._behind |= {stream for stream, cursor in lagging.items() if self._lagging.get(stream) == cursor}
        self._lagging = lagging

    def _lags(self, stream: Stream, head: Position) -> bool:
        cursor = self._cursor[stream]
        if cursor.epoch == head.epoch:
            return cursor.seq < head.seq
        return head.seq > 0 or bool(self.announcements(stream))

    async def _catch_up(self) -> None:
        """Read what lies in the outboxes; what is offered of the same streams meanwhile comes after it."""
        behind, self._behind = self._behind, set[Stream]()
        by_producer: dict[str, dict[Stream, Position]] = {}
        # lane by lane, so that what was said of a lead comes in one batch
        for stream in sorted(behind & self._cursor.keys(), key=lambda each: (each.partition, each.topic)):
            by_producer.setdefault(PRODUCER[stream.topic], {})[stream] = self._cursor[stream]
        self._reading = frozenset(behind)
        try:
            for service, positions in by_producer.items():
                await self._read(service, positions)
        except BaseException:
            self._behind |= behind
            raise
        finally:
            self._reading = frozenset()
            meanwhile, self._meanwhile = self._meanwhile, []
            self.offer(meanwhile)

    async def _read(self, service: str, positions: Mapping[Stream, Position]) -> None:
        async with self._producers[service].connect() as session:
            self._announced.update(await announcements(session))
            heads = await outbox.heads(session)
            after = {
                stream: entry(position, heads[stream].epoch, self.announcements(stream))
                for stream, position in positions.items()
            }
            raw = await session.get_raw_connection()
            connection = raw.driver_connection
            if connection is None:
                raise ConnectionError("the producer's connection is gone")
            records = await outbox.read(connection, after, _READ_RECORDS_PER_STREAM)
            await session.rollback()
        self._mark(heads)
        same = {stream for stream, position in positions.items() if self._cursor.get(stream) == position}
        ours = [record for record in records if record.stream in same]  # the others were reassigned meanwhile
        self._buffer.extend(ours)
        self._cursor.update({stream: after[stream] for stream in same})
        self._moved({record.stream: record for record in ours})
        counts = Counter([record.stream for record in ours])
        self._behind |= {stream for stream, count in counts.items() if count >= _READ_RECORDS_PER_STREAM}
        self._behind |= {stream for stream, start in after.items() if positions[stream] != start and counts[stream]}


@dataclass(slots=True)
class EmbeddedTransport:
    """All services of this process, joined in memory."""

    engines: dict[str, AsyncEngine] = field(default_factory=dict[str, AsyncEngine])
    _feeds: dict[str, list[EmbeddedFeed]] = field(default_factory=dict[str, list[EmbeddedFeed]])
    _reports: deque[Report] = field(default_factory=lambda: deque[Report](maxlen=_REPORTS_KEPT))

    async def feed(self, service: str, topics: Sequence[str]) -> EmbeddedFeed:
        """A feed of these topics."""
        del service
        made = EmbeddedFeed(self.engines)
        for topic in topics:
            self._feeds.setdefault(topic, []).append(made)
        return made

    def committed(self, service: str, records: Sequence[Record]) -> None:
        """Hand records to whoever reads their topics."""
        del service
        by_topic: dict[str, list[EmbeddedFeed]] = {
            topic: self._feeds.get(topic, []) for topic in {record.stream.topic for record in records}
        }
        for feed in {feed for feeds in by_topic.values() for feed in feeds}:
            topics = {topic for topic, feeds in by_topic.items() if feed in feeds}
            feed.offer(
                records
                if len(topics) == len(by_topic)
                else [record for record in records if record.stream.topic in topics]
            )

    async def report(self, report: Report) -> None:
        """Write the consumer's positions into each producer's register."""
        self._reports.append(report)
        for producer, positions in _by_producer(report.consumed).items():
            async with self.engines[producer].connect() as session:
                await session.execute(text("set local lock_timeout = '500ms'"))
                await report_consumed(session, report.service, positions)
                await session.commit()

    def reports(self) -> Sequence[Report]:
        """What was reported lately."""
        return tuple(self._reports)


def _by_producer(consumed: Mapping[Stream, Position]) -> dict[str, dict[Stream, Position]]:
    sorted_out: dict[str, dict[Stream, Position]] = {}
    for stream, position in consumed.items():
        sorted_out.setdefault(PRODUCER[stream.topic], {})[stream] = position
    return sorted_out
