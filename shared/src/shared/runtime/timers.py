"""Door 3: time. Sleeps until the next due instant of any lane held, then has what is due taken, lane by lane."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from shared.runtime.failures import is_passing
from shared.runtime.leases import Leases
from shared.runtime.service import Timer
from shared.runtime.streams import Record
from shared.runtime.transactions import Transactions
from shared.telemetry.meters import Meters

log = structlog.get_logger("timers")

TAKE_AT_ONCE = 500
_LONGEST_SLEEP_S = 1.0
_SETTLE_S = 0.02


@dataclass(slots=True)
class Timers:
    """The timers of one service instance. Rows added by another process are seen within a second."""

    timers: Sequence[Timer]
    transactions: Transactions
    leases: Leases
    meters: Meters
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self, _records: Sequence[Record] = ()) -> None:
        """Something was committed: a timer may have become due earlier than was known."""
        self.woken.set()

    async def run(self) -> None:
        """Fire for ever."""
        while True:
            self.woken.clear()  # before the round: what is committed while it looks may be what it did not see
            try:
                sleep_s = await self.round()
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("timers wait", error=type(error).__name__)
                sleep_s = 0.2
            await asyncio.sleep(min(_SETTLE_S, sleep_s))
            try:
                async with asyncio.timeout(max(0.0, sleep_s - _SETTLE_S)):
                    await self.woken.wait()
            except TimeoutError:
                continue

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
            async with self.transactions.locked([partition]) as work:
                taken = await timer.fire(work, partition, TAKE_AT_ONCE)
            if taken < TAKE_AT_ONCE:
                return
