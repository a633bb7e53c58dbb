"""The topic `baton.positions`: producers' marks, consumers' reports, askings and their answers. All of it is lazy.

Whoever begins to listen says hello, and the relays say their marks again.

What is said here proves nothing by itself: a lost, late or old message delays a healing and breaks nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, NoOffsetForPartitionError, OffsetOutOfRangeError

from shared.runtime.reports import Report
from shared.runtime.streams import Announcement, Mark, Position, Stream
from shared.runtime.supervisor import unwatched
from shared.transport.kafka_codec import PASSING, bury, put_away, within
from shared.transport.kafka_topics import POSITIONS, Cluster, Topics
from shared.transport.port import Answer

log = structlog.get_logger("kafka")

PARKED_LISTED = 10_000  # 39 bytes each: far below the megabyte that a message may have
_REPORTS_KEPT = 200
_BOUND_S = 10.0
_PAUSE_S = 0.5


class Ask(NamedTuple):
    """A consumer asks for a stream from behind a position; the answer carries the same id."""

    id: str
    stream: Stream
    position: Position


@dataclass(slots=True)
class Positions:
    """What this process has heard there, and what it has to say."""

    cluster: Cluster
    topics: Topics
    marks: dict[Stream, Mark] = field(default_factory=dict[Stream, Mark])
    announced: dict[Stream, tuple[Announcement, ...]] = field(
        default_factory=dict[Stream, tuple[Announcement, ...]]
    )  # fmt: skip
    reports: deque[Report] = field(default_factory=lambda: deque[Report](maxlen=_REPORTS_KEPT))
    latest: dict[str, Report] = field(default_factory=dict[str, Report])
    awaited: dict[str, Answer | None] = field(default_factory=dict[str, Answer | None])
    asked: list[Callable[[Ask], None]] = field(default_factory=list[Callable[[Ask], None]])
    greeted: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    _pending: dict[tuple[str, ...], bytes] = field(default_factory=dict[tuple[str, ...], bytes])
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def say_marks(self, service: str, instance: str, marks: Mapping[Stream, tuple[Mark, int]]) -> None:
        """A relay's marks, each with the stream's last number."""
        rows = [(*stream, *mark, last_seq) for stream, (mark, last_seq) in marks.items()]
        steps = [(*stream, *step) for stream in marks for step in self.announced.get(stream, ())]
        self._say(("marks", service, instance), {"kind": "marks", "marks": rows, "announced": steps})

    def say_report(self, report: Report) -> None:
        """A consumer's report."""
        self._pend(("report", report.service), message_of(report))

    def say_ask(self, service: str, ask: Ask) -> None:
        """A consumer's asking."""
        self._say(("ask", service, str(ask.stream)), {"kind": "ask", "ask": [ask.id, [*ask.stream], [*ask.position]]})

    def say_answer(self, ask: Ask, answer: Answer) -> None:
        """A relay's answer."""
        self._say(("answer", ask.id), {"kind": "answer", "id": ask.id, "answer": [*answer]})

    def _say(self, key: tuple[str, ...], message: Mapping[str, Any]) -> None:
        """Newer words replace older ones that were not said yet, so that a broker's absence piles nothing up."""
        self._pend(key, orjson.dumps(message))

    def _pend(self, key: tuple[str, ...], message: bytes) -> None:
        self._pending[key] = message
        self._news.set()

    async def speak(self, beat: Callable[[], None] = unwatched) -> None:
        """Say what is to be said, for ever."""
        while True:
            beat()
            producer = AIOKafkaProducer(
                **self.cluster.client("speaks"), acks=1, linger_ms=5, max_batch_size=512 * 1024
            )  # fmt: skip
            try:
                await within(_BOUND_S, producer.start())
                while True:
                    beat()
                    if await self._something_new():
                        async with asyncio.timeout(_BOUND_S):
                            await self._utter(producer)
            except PASSING as error:
                log.debug("positions unsaid", error=repr(error))
                self.topics.suspect()
            finally:
                await bury(producer)
            await asyncio.sleep(_PAUSE_S)

    async def _something_new(self) -> bool:
        try:
            async with asyncio.timeout(_BOUND_S):
                return await self._news.wait()
        except TimeoutError:
            return False

    async def _utter(self, producer: AIOKafkaProducer) -> None:
        self._news.clear()
        pending, self._pending = self._pending, {}
        try:
            said: list[asyncio.Future[Any]] = []
            for key, value in pending.items():
                try:
                    saying = await producer.send(self.cluster.wire(POSITIONS), value, partition=0)
                    saying.add_done_callback(_looked_at)  # where a later one fails, nobody awaits it
                    said.append(saying)
                except MessageSizeTooLargeError:
                    log.exception("too long to be said", what=key, size_bytes=len(value))
            await asyncio.gather(*said)
        except BaseException:
            self._pending = pending | self._pending
            self._news.set()
            raise

    async def listen(self, beat: Callable[[], None] = unwatched) -> None:
        """Hear what is said, for ever, from now on."""
        place = TopicPartition(self.cluster.wire(POSITIONS), 0)
        while True:
            beat()
            consumer = AIOKafkaConsumer(
                **self.cluster.client("listens"), auto_offset_reset="none", enable_auto_commit=False
            )
            try:
                await within(_BOUND_S, consumer.start())
                consumer.assign([place])
                async with asyncio.timeout(_BOUND_S):
                    await consumer.seek_to_end(place)
                self._say(("hello",), {"kind": "hello"})
                while True:
                    beat()
                    await self._hear(consumer, place)
            except PASSING as error:
                log.debug("positions unheard", error=repr(error))
                self.topics.suspect()
            finally:
                await put_away(consumer)
            await asyncio.sleep(_PAUSE_S)

    async def _hear(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> None:
        try:
            async with asyncio.timeout(_BOUND_S):
                heard = await consumer.getmany(place, timeout_ms=2000)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError):
            async with asyncio.timeout(_BOUND_S):
                await consumer.seek_to_beginning(place)
            return
        if not heard and consumer.partitions_for_topic(place.topic) is None:
            self.topics.suspect()
        for message in heard.get(place, []):
            try:
                self.take_in(orjson.loads(message.value or b""))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                log.warning("a strange message on the positions' topic", error=repr(error))

    def take_in(self, message: Mapping[str, Any]) -> None:
        """Note a message."""
        match message["kind"]:
            case "marks":
                self._take_marks(message)
            case "report":
                self._take_report(message)
            case "ask":
                ident, stream, position = message["ask"]
                ask = Ask(str(ident), Stream(*stream), Position(*position))
                for serve in self.asked:
                    serve(ask)
            case "hello":
                for greet in self.greeted:
                    greet()
            case "answer":
                if message["id"] in self.awaited:
                    self.awaited[message["id"]] = Answer(*message["answer"])
            case _:
                return  # a newer version's

    def _take_marks(self, message: Mapping[str, Any]) -> None:
        announced: dict[Stream, list[Announcement]] = {}
        for topic, partition, old_epoch, old_last, new_epoch in message["announced"]:
            announced.setdefault(Stream(topic, partition), []).append(Announcement(old_epoch, old_last, new_epoch))
        for stream, steps in announced.items():
            if len(steps) >= len(self.announced.get(stream, ())):
                self.announced[stream] = tuple(steps)
        for topic, partition, epoch, confirmed, floor, _ in message["marks"]:
            self.marks[Stream(topic, partition)] = Mark(epoch, confirmed, floor)

    def _take_report(self, message: Mapping[str, Any]) -> None:
        report = _report(message)
        self.reports.append(report)
        newest = self.latest.get(report.service)
        if newest is None or newest.at <= report.at:
            self.latest[report.service] = report


def _looked_at(saying: "asyncio.Future[Any]") -> None:
    if not saying.cancelled():
        saying.exception()


def message_of(report: Report) -> bytes:
    """A report as it is said."""
    message = {
        "kind": "report",
        "service": report.service,
        "at": report.at,
        "consumed": [(*stream, *position) for stream, position in report.consumed.items()],
        "emitted": [(*stream, *position) for stream, position in report.emitted.items()],
        **_aside(report),
    }
    return orjson.dumps(message)


def report_of(message: bytes) -> Report:
    """A report as it was heard."""
    return _report(orjson.loads(message))


def _report(message: Mapping[str, Any]) -> Report:
    return Report(
        message["service"],
        datetime.fromisoformat(message["at"]),
        _positions(message["consumed"]),
        _positions(message["emitted"]),
        frozenset(UUID(lead) for lead in message["parked"]),
        message.get("parked_unlisted", 0),
        message.get("parked_digest", ""),
    )


def _aside(report: Report) -> dict[str, object]:
    """The parked leads; where they are too many for a message, their number and a digest."""
    if len(report.parked_leads) <= PARKED_LISTED:
        return {"parked": sorted(map(str, report.parked_leads))}
    digest = sha256(b"".join(sorted(lead.bytes for lead in report.parked_leads))).hexdigest()
    return {"parked": [], "parked_unlisted": len(report.parked_leads), "parked_digest": digest}


def _positions(rows: Sequence[tuple[str, int, int, int]]) -> dict[Stream, Position]:
    return {Stream(topic, partition): Position(epoch, seq) for topic, partition, epoch, seq in rows}
