"""Door 3: time. Sleeps until the next due instant of any lane held, then has what is due taken, lane by lane."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from shared.runtime.failures import is_passing
from shared.runtime.leases import Leases
from shared.runtime.service import Timer
from shared.runtime.streams import Record
from shared.runtime.supervisor import unwatched
from shared.runtime.transactions import Transactions
from shared.store.parked import words_of
from shared.telemetry.meters import Meters

log = structlog.get_logger("timers")

TAKE_AT_ONCE = 500
_LONGEST_SLEEP_S = 1.0
_SETTLE_S = 0.02
_TRIES = 3
_POSTPONED = timedelta(minutes=5)


@dataclass(slots=True)
class Timers:
    """The timers of one service instance. Rows added by another process are seen within a second."""

    timers: Sequence[Timer]
    transactions: Transactions
    leases: Leases
    meters: Meters
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _blocked: dict[tuple[str, int], float] = field(default_factory=dict[tuple[str, int], float])
    _waits_for: str = ""
    _beat: Callable[[], None] = unwatched

    def wake(self, _records: Sequence[Record] = ()) -> None:
        """Something was committed: a timer may have become due earlier than was known."""
        self.woken.set()

    async def run(self, beat: Callable[[], None] = unwatched) -> None:
        """Fire for ever."""
        self._beat = beat
        while True:
            beat()
            self.woken.clear()  # before the round: what is committed while it looks may be what it did not see
            try:
                sleep_s = await self.round()
                self._say("")
            except Exception as error:
                if not is_passing(error):
                    raise
                self._say(type(error).__name__)
                sleep_s = 0.2
            await asyncio.sleep(min(_SETTLE_S, sleep_s))
            try:
                async with asyncio.timeout(max(0.0, sleep_s - _SETTLE_S)):
                    await self.woken.wait()
            except TimeoutError:
                continue

    def _say(self, why: str) -> None:
        """Once when the wait begins and once when it is over, not five times a second."""
        if why and not self._waits_for:
            log.warning("timers wait", error=why)
        elif self._waits_for and not why:
            log.info("timers go on")
        self._waits_for = why

    async def round(self) -> float:
        """Fire everything that is due; how long until the next, in seconds, at most a second."""
        held = sorted(self.leases.held)
        if not held:
            return _LONGEST_SLEEP_S
        earliest: datetime | None = None
        for timer in self.timers:
            async with self.transactions.reading() as session:
                due = await timer.next_due(session, held)
            now = self.transactions.clock()
            for partition in sorted(partition for partition, at in due.items() if at <= now):
                if self._blocked.get((timer.name, partition), 0.0) > time.monotonic():
                    continue
                await self.fire(timer, partition, (now - due[partition]).total_seconds())
            later = [at for at in due.values() if at > now]
            if later and (earliest is None or min(later) < earliest):
                earliest = min(later)
        if earliest is None:
            return _LONGEST_SLEEP_S
        return min(_LONGEST_SLEEP_S, max(0.0, (earliest - self.transactions.clock()).total_seconds()))

    async def fire(self, timer: Timer, partition: int, late_s: float) -> None:
        """Take what is due in a lane, a bounded number at a time, each with its own transaction."""
        self.meters.clock_lateness.labels(timer.name).observe(late_s)
        while partition in self.leases.held:
            try:
                taken = await self._take(timer, partition, TAKE_AT_ONCE)
            except Exception as error:
                if is_passing(error):
                    raise
                log.warning("timers fail together, one by one", what=timer.name, fault=words_of(error))
                await self._one_by_one(timer, partition)
                return
            if taken < TAKE_AT_ONCE:
                return

    async def _take(self, timer: Timer, partition: int, limit: int) -> int:
        self._beat()
        async with self.transactions.locked([partition]) as work:
            return await timer.fire(work, partition, limit)

    async def _one_by_one(self, timer: Timer, partition: int) -> None:
        """Find the rows that fail alone, three times; they wait, with an alarm, and the others go on."""
        failures = 0
        for _ in range(TAKE_AT_ONCE):
            try:
                if not await self._take(timer, partition, 1):
                    return
                failures = 0
            except Exception as error:
                if is_passing(error):
                    raise
                failures += 1
                if failures < _TRIES:
                    continue
                if not await self._postpone(timer, partition, error):
                    return
                failures = 0

    async def _postpone(self, timer: Timer, partition: int, error: Exception) -> bool:
        """Have the first row wait; whether there was one. Nothing is lost: it is tried again."""
        self.meters.timers_postponed.labels(timer.name).inc()
        why, ident = words_of(error), None
        if timer.postpone is not None:
            async with self.transactions.locked([partition]) as work:
                ident = await timer.postpone(work, partition, work.now + _POSTPONED)
        if ident is None:  # the whole timer of this lane waits; the other lanes and timers go on
            self._blocked[timer.name, partition] = time.monotonic() + _POSTPONED.total_seconds()
        log.error(
            "a timer can't be fired, tried again later",
            what=f"{timer.name} {ident or 'of the whole lane'}",
            partition=partition,
            why=why,
            pause_s=_POSTPONED.total_seconds(),
        )
        return ident is not None
