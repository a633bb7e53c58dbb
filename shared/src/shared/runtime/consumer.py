"""Door 1: batches of records in, one fenced transaction each. The position is the proof."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from shared.contracts import Unreadable
from shared.contracts.topology import PRODUCER
from shared.runtime import failpoints, tally
from shared.runtime.failures import CommitInDoubt, Fenced, is_passing
from shared.runtime.gaps import FIRST_ASK_AFTER_S, Gaps, Verdict, contradiction, judge
from shared.runtime.leases import Leases
from shared.runtime.parking import Parking
from shared.runtime.sequence import sift
from shared.runtime.service import Delivered, Service, Unprocessable
from shared.runtime.streams import Position, Record, Stream
from shared.runtime.supervisor import unwatched
from shared.runtime.transactions import Transactions
from shared.runtime.work import Work
from shared.store import lanes, parked
from shared.telemetry.meters import Meters
from shared.transport.port import Feed

log = structlog.get_logger("consumer")

BATCH_RECORDS = 1000
IDLE_WAIT_S = 1.0
FULLER_BATCH_S = 0.02


class Stopped(Exception):
    """The consumer can't go on without a person; says why and what to do."""


@dataclass(slots=True)
class Consumer:
    """One service instance's reader: holds lanes, filters by sequence, has handlers decide, keeps positions."""

    service: Service
    transactions: Transactions
    feed: Feed
    leases: Leases
    parking: Parking
    meters: Meters
    state: lanes.LaneState = field(default_factory=lambda: lanes.LaneState({}, {}, {}, set()))
    gaps: Gaps = field(default_factory=Gaps)
    check_s: float = 1.0
    gap_patience_s: float = FIRST_ASK_AFTER_S
    epoch_patience_s: float = 10.0
    _beat: Callable[[], None] = unwatched
    _busy_share: float = 0.0
    _checked_s: float = 0.0
    _unannounced: dict[Stream, tuple[int, float]] = field(default_factory=dict[Stream, tuple[int, float]])

    async def run(self, beat: Callable[[], None] = unwatched) -> None:
        """Consume for ever."""
        self._beat, pause_s = beat, 0.05
        self.state.versions.clear()  # where it begins anew nothing is known of what was under way
        while True:
            beat()
            try:
                await self.turn()
                pause_s = 0.05
            except Exception as error:
                if not is_passing(error):
                    raise
                await self.recover(error, pause_s)
                pause_s = min(2.0, pause_s * 2)

    async def recover(self, error: Exception, pause_s: float) -> None:
        """After a lost race, a lost connection or a commit in doubt: forget what we knew of the lanes.

        The next turn reloads them under their locks, which waits for a COMMIT still under way, and goes on only
        with the lanes whose leases are ours then.
        """
        log.warning("consumer waits", service=self.service.name, error=type(error).__name__, pause_s=pause_s)
        if isinstance(error, Fenced):
            self.meters.fence_rejections.labels(self.service.name).inc()
        if isinstance(error, CommitInDoubt):
            self.meters.commits_in_doubt.labels(self.service.name).inc()
        self.state.versions.clear()
        await asyncio.sleep(pause_s)
        try:
            await self.leases.beat()
        except Exception as beat_error:
            if not is_passing(beat_error):
                raise

    async def turn(self) -> None:
        """One batch: take over lanes where they changed, take records, handle them."""
        await self.leases.settle()
        if self.leases.wanted != frozenset(self.state.versions):
            await self.take_over()
        if not self.state.versions:
            await self.leases.change(IDLE_WAIT_S)
            return
        began_s = time.monotonic()
        records = await self.feed.take(BATCH_RECORDS, IDLE_WAIT_S)
        if records and len(records) < BATCH_RECORDS // 4 and self._busy_share > 0.5:
            await asyncio.sleep(FULLER_BATCH_S)
            records += await self.feed.take(BATCH_RECORDS - len(records), 0.001)
        taken_s = time.monotonic()
        if records:
            await self.consume(records)
        done_s = time.monotonic()
        self._busy_share = 0.9 * self._busy_share + 0.1 * (done_s - taken_s) / max(1e-6, done_s - began_s)
        if done_s - self._checked_s > self.check_s:
            self._checked_s = done_s
            await self.check_marks(done_s)

    async def take_over(self) -> None:
        """Load the lanes that are ours now, under their locks, and read on behind their positions."""
        partitions = sorted(self.leases.wanted)
        async with self.transactions.engine.connect() as session:
            self.state = await lanes.load(session, partitions, self.service.consumes)
            await session.rollback()
        self.gaps = Gaps()
        self._unannounced.clear()
        await self.feed.assign(self.state.positions, self.state.hints)

    async def consume(self, records: Sequence[Record]) -> None:
        """Handle records exactly once: what has an effect is kept with its position or not at all."""
        accepted = await self.filter(records)
        if not accepted:
            return
        began_s = time.monotonic()
        try:
            await self.transact(accepted)
        except Exception as error:
            if isinstance(error, CommitInDoubt) and failpoints.on("blind-commit-retry"):
                await self._blindly(accepted)
                return
            if is_passing(error):
                raise
            log.warning(
                "batch fails, halving",
                service=self.service.name,
                records=len(accepted),
                fault=parked.words_of(error),
            )
            await self.halve(accepted)
        self.meters.batch(self.service.name, len(accepted), time.monotonic() - began_s)

    async def _blindly(self, records: Sequence[Record]) -> None:
        """The mistake that a failpoint orders: again, as if the first COMMIT had surely failed."""
        async with self.transactions.engine.connect() as session:
            held = await lanes.load(session, sorted(self.state.versions), self.service.consumes)
            await session.rollback()
        self.state.versions.update(held.versions)
        await self.transact(records)

    async def filter(self, records: Sequence[Record]) -> list[Record]:
        """The records that are next in their streams; repeats are dropped, gaps looked after."""
        sifted = sift(records, self.state.positions, self.verdict)
        for stream in sifted.ahead if self.gaps.open else ():
            self.gaps.closed(stream)
        for stream, position in sifted.missing.items():
            await self.look_for(stream, position)
        return sifted.accepted

    def verdict(self, position: Position, record: Record) -> Verdict:
        """What the sequence says of a record that is not simply the next; repeats are counted."""
        verdict = judge(position, record, self.feed.announcements(record.stream))
        if verdict is Verdict.REPEAT:
            self.meters.repeats.labels(self.service.name).inc()
        if verdict is Verdict.UNANNOUNCED and record.stream not in self._unannounced:
            self._unannounced[record.stream] = (record.epoch, time.monotonic())
        return verdict

    async def look_for(self, stream: Stream, position: Position) -> None:
        """Something is missing behind a position: read the log again before anybody is asked."""
        if self.gaps.note(stream, position, time.monotonic()):
            self.meters.gaps.labels(self.service.name).inc()
            log.warning("gap", service=self.service.name, stream=f"{stream.topic}/{stream.partition}", after=position)
            await self.feed.reread(stream, position)

    async def check_epochs(self, now_s: float) -> None:
        """Numbers of an epoch that nobody announced: wait a little for the word, then stop.

        Raises Stopped.
        """
        for stream, (epoch, since_s) in list(self._unannounced.items()):
            if any(epoch in (step.old_epoch, step.new_epoch) for step in self.feed.announcements(stream)):
                del self._unannounced[stream]
                await self.feed.reread(stream, self.state.positions[stream])
            elif now_s - since_s > self.epoch_patience_s:
                raise Stopped(
                    f"{stream.topic}/{stream.partition} continues in epoch {epoch}, which its producer never announced:"
                    f" if the {PRODUCER[stream.topic]} database was restored, run"
                    f" `baton store new-epoch {PRODUCER[stream.topic]}`"
                )

    async def check_marks(self, now_s: float) -> None:
        """Ask for what is missing: behind a gap once the log was read to its end, or below the producer's mark."""
        await self.check_epochs(now_s)
        for stream, position in self.state.positions.items():
            mark = self.feed.mark(stream)
            if (mark is not None and mark.epoch in (position.epoch, 0) and mark.confirmed < position.seq) or (
                mark is not None and mark.confirmed > (position.seq if mark.epoch == position.epoch else 0)
            ):
                self.gaps.note(stream, position, now_s)
        for stream, gap in list(self.gaps.open.items()):
            position = self.state.positions[stream]
            mark = self.feed.mark(stream)
            if mark is not None and mark.epoch == position.epoch and mark.confirmed == position.seq:
                self.gaps.closed(stream)
                continue
            if gap.asked:
                self.believe(stream, position)
            if (
                now_s - gap.noticed_at_s >= self.gap_patience_s
                and gap.may_ask(now_s)
                and await self.feed.at_end(stream)
            ):
                gap.asked, gap.asked_at_s = gap.asked + 1, now_s
                self.meters.asks.labels(self.service.name).inc()
                await self.feed.ask(stream, position)

    def believe(self, stream: Stream, position: Position) -> None:
        """Weigh the producer's answer to our asking.

        Raises Stopped where what we need is dropped, or where we hold numbers that the producer never gave.
        """
        answer = self.feed.answer(stream)
        why = contradiction(stream, position, answer) if answer is not None else None
        if why is not None:
            raise Stopped(f"{why}: `baton store new-epoch {PRODUCER[stream.topic]}` if its database was restored")

    async def halve(self, records: Sequence[Record]) -> None:
        """Find the record that fails: the halves apart, down to one, which is tried three times and then parked."""
        if len(records) > 1:
            middle = len(records) // 2
            for half in (records[:middle], records[middle:]):
                try:
                    await self.transact(half)
                except Exception as error:
                    if is_passing(error):
                        raise
                    await self.halve(half)
            return
        (record,) = records
        for attempt in (1, 2, 3):
            try:
                await self.transact(records)
            except Exception as error:
                if is_passing(error):
                    raise
                if attempt == 3 or isinstance(error, Unprocessable | Unreadable):
                    await self.park(record, error)
                    return
            else:
                return

    async def park(self, record: Record, error: Exception) -> None:
        """Put a record that fails alone aside, with its lead."""
        self.parking.allow(self.service.name)
        words = str(error) if isinstance(error, Unprocessable) else parked.words_of(error)
        log.error("parked", service=self.service.name, event_id=str(record.id), lead=str(record.lead_id), why=words)
        last = {record.stream: record}
        async with self.transactions.fenced(self._versions(last)) as work:
            await parked.park(work.session, [record], state="parked", reason=words, digest=parked.digest_of(error))
            await tally.add(await work.raw(), tally.counted([record]))
            await lanes.keep_positions(await work.raw(), last)
        self._advance(last)
        self.state.parked.add(record.lead_id)
        self.parking.parked()
        self.meters.parked_total.labels(self.service.name).inc()

    async def transact(self, records: Sequence[Record]) -> None:
        """One fenced transaction: handlers in order, positions, events out; then what we know moves on."""
        self._beat()
        last = {record.stream: record for record in records}
        aside = self.state.parked
        async with self.transactions.fenced(self._versions(last)) as work:
            waiting = [record for record in records if record.lead_id in aside] if aside else []
            if waiting:
                await parked.park(work.session, waiting, state="behind", reason="waits behind a parked record")
            ours = [record for record in records if record.lead_id not in aside] if waiting else records
            await self.dispatch(ours, work)
            await tally.add(await work.raw(), tally.counted(records))
            await lanes.keep_positions(await work.raw(), last)
        self._advance(last)
        self.parking.handled(len(records))
        self.feed.consumed({stream: each.log_offset for stream, each in last.items() if each.log_offset is not None})

    async def dispatch(self, records: Sequence[Record], work: Work) -> None:
        """Each handler once, with all its events of this batch in their order."""
        for handler, topics in self.service.subscription.topics.items():
            batch = [
                Delivered(record, event)
                for record in records
                if record.stream.topic in topics and (event := record.event()) is not None
            ]
            if batch:
                await handler(batch, work)

    def _versions(self, streams: Iterable[Stream]) -> dict[int, int]:
        partitions = {stream.partition for stream in streams}
        if not partitions <= self.state.versions.keys():
            raise Fenced("lanes given up meanwhile")
        return {partition: self.state.versions[partition] for partition in partitions}

    def _advance(self, last: Mapping[Stream, Record]) -> None:
        for partition in {stream.partition for stream in last}:
            self.state.versions[partition] += 1
        for stream, record in last.items():
            self.state.positions[stream] = Position(record.epoch, record.seq)
            self._unannounced.pop(stream, None)
