"""The relay of one producing service: takes its outbox to Kafka, each stream in sequence order, in whole batches.

Any error ends the producer: a new one goes on behind what was confirmed. Two relays at once are safe.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.topology import EMITS
from shared.runtime.failures import is_passing
from shared.runtime.leases import Leases
from shared.runtime.streams import Mark, Position, Record, Stream
from shared.runtime.supervisor import Rounds
from shared.transport.epochs import before, entry
from shared.transport.kafka_codec import PASSING
from shared.transport.kafka_outbox import Numbers, Outbox
from shared.transport.kafka_positions import Ask, Positions
from shared.transport.kafka_sender import Sender
from shared.transport.kafka_topics import Cluster, Topics
from shared.transport.kafka_tracks import Track
from shared.transport.port import Answer

log = structlog.get_logger("relay")

_READ_RECORDS = 500
_ENOUGH_WAITING = 500
_SHARED_POLL_S = 0.05
_POLL_S = 1.0
_IDLE_MARK_S = 5.0
_RETRY_S = 0.5


@dataclass(slots=True, eq=False)
class Relay:
    """What is on its way, and the loop that moves it; others only offer records and ask."""

    service: str
    instance: str
    engine: AsyncEngine
    leases: Leases
    cluster: Cluster
    topics: Topics
    said: Positions
    mark_s: float = 1.0
    rewinds: int = 0
    rounds: Rounds = field(init=False)
    _tracks: dict[Stream, Track] = field(default_factory=dict[Stream, Track])
    _ready: set[Stream] = field(default_factory=set[Stream])
    _asks: list[Ask] = field(default_factory=list[Ask])
    _numbers: Numbers = field(default_factory=Numbers)
    _outbox: Outbox = field(init=False)
    _sender: Sender = field(init=False)
    _held: frozenset[int] = frozenset()
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _look_s: float = 0.0
    _tell_s: float = 0.0
    _told_s: float = 0.0
    _told: dict[Stream, tuple[Mark, int]] = field(default_factory=dict[Stream, tuple[Mark, int]])
    _kept: dict[Stream, Position] = field(default_factory=dict[Stream, Position])
    _entered: dict[str, datetime] = field(default_factory=dict[str, datetime])

    def __post_init__(self) -> None:
        self.rounds = Rounds(f"{self.service}: relay", self._relay)
        self._outbox = Outbox(self.engine, self.service)
        self._sender = Sender(self.service, self.cluster, self.topics, self._landed)
        self.said.asked.append(self.hear)
        self.said.greeted.append(self.greet)

    def committed(self, records: Sequence[Record]) -> None:
        """Take what was just committed, as far as it is next."""
        for record in records:
            track = self._tracks.get(record.stream)
            if track is not None and track.offer(record):
                self._ready.add(record.stream)
        self._wake.set()

    def hear(self, ask: Ask) -> None:
        """A consumer asks."""
        if ask.stream in self._tracks:
            self._asks.append(ask)
            self._wake.set()

    def greet(self) -> None:
        """Somebody new listens: say the marks again."""
        self._told_s = 0.0

    async def run(self) -> None:
        """Relay for ever; where a turn stands still, everything is taken up anew behind what was confirmed."""
        await self.rounds.run()

    async def _relay(self, beat: Callable[[], None]) -> None:
        self._held, self._tracks = frozenset(), {}
        waits_for = ""
        try:
            while True:
                beat()
                try:
                    await self.turn()
                    if waits_for:
                        log.info("relay goes on", service=self.service)
                        waits_for = ""
                    await self._rest()
                except Exception as error:
                    if not isinstance(error, PASSING) and not is_passing(error):
                        raise
                    if not waits_for:  # once, not twice a second
                        log.warning("relay waits", service=self.service, error=repr(error))
                    waits_for = repr(error)
                    await asyncio.sleep(_RETRY_S)
        finally:
            await self._sender.close(self._tracks)

    async def turn(self) -> None:
        """One round of all there is to do."""
        self._wake.clear()
        held = self.leases.held
        if held != self._held:
            await self._hold(held)
        if not self._tracks:
            return
        await self._sender.mend(self._tracks)
        await self._look()
        await self._serve()
        await self._read()
        await self._send()
        await self._tell()

    async def _rest(self) -> None:
        pending = any(track.behind and len(track.waiting) < _ENOUGH_WAITING for track in self._tracks.values())
        if pending and self._sender.ready:
            await asyncio.sleep(0)
            return
        due_s = min(self._look_s, self._tell_s) if self._tracks else time.monotonic() + _RETRY_S
        try:
            async with asyncio.timeout(max(0.001, due_s - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _hold(self, held: frozenset[int]) -> None:
        """Begin with the lanes that are new, behind what was confirmed; let go of those that are not ours any more.

        All is read before anything changes: where the database is away, the next turn finds the same difference again.
        """
        numbers, kept = await self._outbox.numbers(), await self._outbox.confirmed()
        tracks = {stream: track for stream, track in self._tracks.items() if stream.partition in held}
        for stream, head in numbers.heads.items():
            if stream.partition not in held or stream in tracks or stream.topic not in EMITS[self.service]:
                continue
            history = numbers.history.get(stream, ())
            start = kept.get(stream) or entry(Position(0, 0), head.epoch, history)
            floor = Position(start.epoch, numbers.floor(stream, start.epoch))
            start = floor if before(start, floor, history) else start  # dropped: everybody holds it
            tracks[stream] = Track(start, start, start, history)
        self._numbers, self._tracks, self._held = numbers, tracks, held

    async def _look(self) -> None:
        """Find what was committed elsewhere, or unheard."""
        now_s = time.monotonic()
        if now_s < self._look_s:
            return
        self._look_s = now_s + (_SHARED_POLL_S if self.leases.instances > 1 else _POLL_S)
        heads = await self._outbox.heads()
        if {head.epoch for head in heads.values()} != {head.epoch for head in self._numbers.heads.values()}:
            await self._renew_numbers()
        self._numbers.heads = heads
        for stream, track in self._tracks.items():
            track.behind = track.behind or track.tail != heads[stream]

    async def _renew_numbers(self) -> None:
        self._numbers = await self._outbox.numbers()
        for stream, track in self._tracks.items():
            track.history = self._numbers.history.get(stream, ())

    async def _serve(self) -> None:
        """Answer those that ask with numbers read after their asking; go back where something is missing."""
        if not self._asks:
            return
        asks, self._asks = sorted(self._asks, key=lambda ask: ask.position), []
        await self._renew_numbers()
        now_s = time.monotonic()
        for ask in asks:
            track = self._tracks.get(ask.stream)
            if track is None:
                continue
            head = self._numbers.heads[ask.stream]
            floor = self._numbers.floor(ask.stream, head.epoch)
            self.said.say_answer(ask, Answer(head.epoch, head.seq, floor))
            position = entry(ask.position, head.epoch, track.history)
            if position.seq >= self._numbers.floor(ask.stream, position.epoch) and track.rewind(position, now_s):
                self.rewinds += 1
                log.info("rewind", service=self.service, stream=ask.stream, to=position)

    async def _read(self) -> None:
        """Take up from the outbox what was not handed over."""
        if not self._sender.ready:
            return
        asked: dict[Stream, Position] = {}
        after: dict[Stream, Position] = {}
        for stream, track in self._tracks.items():
            if track.behind and len(track.waiting) < _ENOUGH_WAITING:
                track.behind = False  # before the read: whoever commits meanwhile says so again
                asked[stream] = track.tail
                after[stream] = entry(track.tail, self._numbers.heads[stream].epoch, track.history)
        if not asked:
            return
        try:
            records = await self._outbox.read(after, _READ_RECORDS)
        except BaseException:
            for stream in asked:
                self._tracks[stream].behind = True
            raise
        counts = dict.fromkeys(asked, 0)
        for record in records:
            track = self._tracks[record.stream]
            counts[record.stream] += 1
            if track.tail == asked[record.stream] or track.tail == (record.epoch, record.seq - 1):
                track.waiting.append(record)
                asked[record.stream] = track.tail
        for stream, count in counts.items():
            self._tracks[stream].behind |= count >= _READ_RECORDS
        self._ready.update(asked)

    async def _send(self) -> None:
        if not self._sender.ready:
            return
        ready, self._ready = self._ready, set()
        for stream in ready:
            if stream in self._tracks:
                await self._sender.send(stream, self._tracks[stream])

    def _landed(self, stream: Stream) -> None:
        self._ready.add(stream)
        self._wake.set()

    async def _tell(self) -> None:
        """Once a second: keep confirmations, enter consumers' reports; say marks, less often while nothing changes."""
        now_s = time.monotonic()
        if now_s < self._tell_s:
            return
        self._tell_s = now_s + self.mark_s
        news = [report for name, report in self.said.latest.items() if self._entered.get(name) != report.at]
        confirmed = {
            stream: track.confirmed
            for stream, track in self._tracks.items()
            if self._kept.get(stream) != track.confirmed
        }
        if confirmed or news:
            await self._outbox.keep(confirmed, news, self.leases.held)
            self._kept.update(confirmed)
            self._entered.update({report.service: report.at for report in news})
        marks = {stream: self._mark(stream, track) for stream, track in self._tracks.items()}
        if marks == self._told and now_s - self._told_s < _IDLE_MARK_S:
            return
        await self._renew_numbers()
        self._told_s, self._told = now_s, {stream: self._mark(stream, track) for stream, track in self._tracks.items()}
        self.said.announced.update(
            {stream: tuple(steps) for stream, steps in self._numbers.history.items() if stream in self._tracks}
        )
        self.said.say_marks(self.service, self.instance, self._told)

    def _mark(self, stream: Stream, track: Track) -> tuple[Mark, int]:
        epoch = track.confirmed.epoch
        floor = self._numbers.floor(stream, epoch)
        return Mark(epoch, track.confirmed.seq, floor), self._numbers.last_seq(stream, epoch)
