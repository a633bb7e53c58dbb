"""A relay's producer: idempotent, whole batches, one under way in each stream; given up at any error, never mended."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer

from shared.runtime import failpoints
from shared.runtime.streams import Position, Stream
from shared.transport.kafka_codec import PASSING, bury, headers_of, within
from shared.transport.kafka_topics import Cluster, Topics
from shared.transport.kafka_tracks import Track

log = structlog.get_logger("relay")

_BATCH_BYTES = 512 * 1024
_CONNECT_S = 10.0
_SEND_S = 5.0
_SLOW_S = 3.0
_STUCK_S = 15.0
_RETRY_S = 0.5


@dataclass(slots=True, eq=False)
class Sender:
    """The producer of the moment. `landed` hears of every batch that came to an end, well or not."""

    service: str
    cluster: Cluster
    topics: Topics
    landed: Callable[[Stream], None]
    rebuilds: int = 0
    _producer: AIOKafkaProducer | None = None
    _fault: BaseException | None = None
    _connect_s: float = 0.0
    _graves: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def ready(self) -> bool:
        """Whether there is a producer."""
        return self._producer is not None

    async def mend(self, tracks: Mapping[Stream, Track]) -> None:
        """Give up a producer that failed or hangs; where there is none, try to get one."""
        now_s = time.monotonic()
        oldest_s = min((track.flight_s for track in tracks.values() if track.flight is not None), default=now_s)
        if now_s - oldest_s > _SLOW_S:
            self.topics.suspect()
        if now_s - oldest_s > _STUCK_S:
            self._fault = self._fault or TimeoutError("a batch is under way for too long")
        if self._fault is not None:
            log.warning("new producer", service=self.service, why=repr(self._fault))
            self._fault = None
            self.rebuilds += 1
            self.topics.suspect()
            self.give_up(tracks)
        if self._producer is None and now_s >= self._connect_s:
            await self._connect()

    def give_up(self, tracks: Mapping[Stream, Track]) -> None:
        """Let the producer go: its successor sends again what was not confirmed."""
        producer, self._producer = self._producer, None
        for track in tracks.values():
            track.again()
        if producer is not None:
            grave = asyncio.create_task(bury(producer))
            self._graves.add(grave)
            grave.add_done_callback(self._graves.discard)

    async def close(self, tracks: Mapping[Stream, Track]) -> None:
        """Let go for good."""
        self.give_up(tracks)
        await asyncio.gather(*self._graves)

    async def _connect(self) -> None:
        producer = AIOKafkaProducer(
            **self.cluster.client(f"{self.service}-relay"),
            enable_idempotence=True,
            acks="all",
            linger_ms=2,
            max_batch_size=_BATCH_BYTES,
            max_request_size=4 * _BATCH_BYTES,
        )
        try:
            await within(_CONNECT_S, producer.start())
        except PASSING as error:
            log.debug("no broker", service=self.service, error=repr(error))
            await bury(producer)
            self._connect_s = time.monotonic() + _RETRY_S
            return
        except BaseException:
            await bury(producer)
            raise
        self._producer = producer

    async def send(self, stream: Stream, track: Track) -> None:
        """Give the stream's next batch to the producer, unless one is under way or a fault waits to be mended."""
        producer = self._producer
        if producer is None or self._fault is not None or track.flight is not None or not track.waiting:
            return
        batch, waiting, given = producer.create_batch(), track.waiting, 0
        for record in waiting:
            placed = batch.append(
                timestamp=None,
                key=str(record.lead_id).encode(),
                value=record.value,
                headers=headers_of(record, self.service),
            )
            if placed is None:
                break
            given += 1
        if given:
            track.sent = Position(waiting[given - 1].epoch, waiting[given - 1].seq)
        last = track.sent
        for _ in range(given):
            waiting.popleft()
        try:
            async with asyncio.timeout(_SEND_S):
                flight = await producer.send_batch(batch, self.cluster.wire(stream.topic), partition=stream.partition)
        except PASSING as error:
            self._fault = error
            self.landed(stream)
            return
        self._watch(stream, track, flight, last)

    def _watch(self, stream: Stream, track: Track, flight: "asyncio.Future[Any]", last: Position) -> None:
        turn, begins = track.took_off(flight, time.monotonic()), track.acked

        def done(future: "asyncio.Future[Any]") -> None:
            error = asyncio.CancelledError() if future.cancelled() else future.exception()
            if error is None:
                if failpoints.each("relay-crash-after-send", 5):
                    failpoints.die()
                track.landed(last, turn)
                if turn == track.turn and failpoints.each("relay-send-twice", 5):
                    track.back_to(begins)
            elif track.flight is future:
                self._fault = error
            if track.flight is future:
                track.flight = None
                self.landed(stream)

        flight.add_done_callback(done)
