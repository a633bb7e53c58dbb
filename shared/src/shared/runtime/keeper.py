"""Housekeeping of one service: reports what it holds, drops what everybody has, and measures itself."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy import text

from shared.runtime.failures import is_passing
from shared.runtime.leases import Leases
from shared.runtime.reports import Report
from shared.runtime.service import Service
from shared.runtime.streams import Position, Stream
from shared.runtime.transactions import Transactions
from shared.store import lanes, outbox, parked
from shared.telemetry.meters import Meters
from shared.transport.port import Transport

log = structlog.get_logger("keeper")

_REPORT_S = 1.0
_IDLE_REPORT_S = 5.0
_TURN_S = 20.0
_COMMANDS_KEPT = timedelta(days=30)


@dataclass(slots=True)
class Keeper:
    """What runs beside the doors, once a second."""

    service: Service
    transactions: Transactions
    transport: Transport
    leases: Leases
    meters: Meters
    _said: tuple[object, ...] = ()
    _behind_since_s: dict[Stream, float] = field(default_factory=dict[Stream, float])
    _turned_s: float = 0.0
    _swept_s: float = 0.0

    async def run(self) -> None:
        """Keep house for ever."""
        quiet_s = _REPORT_S
        while True:
            try:
                quiet_s = _REPORT_S if await self.report() else min(_IDLE_REPORT_S, quiet_s + 1)
                await self.turn_outbox()
                await self.measure_outbox()
                await self.sweep()
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("housekeeping waits", service=self.service.name, error=type(error).__name__)
            await asyncio.sleep(quiet_s)

    async def report(self) -> bool:
        """Say, from one snapshot, what is consumed, emitted and parked; whether anything had changed."""
        async with self.transactions.reading() as session:
            consumed = await lanes.positions(session)
            emitted = await outbox.heads(session)
            aside = await parked.leads(session)
            at = self.transactions.clock()
        mine = {stream: position for stream, position in consumed.items() if stream.topic in self.service.consumes}
        await self.transport.report(Report(self.service.name, at, mine, emitted, aside))
        self.meters.parked.labels(self.service.name).set(len(aside))
        self.measure_lag(mine)
        said = (tuple(sorted(mine.items())), tuple(sorted(emitted.items())), aside)
        changed, self._said = said != self._said, said
        return changed

    def measure_lag(self, consumed: dict[Stream, Position]) -> None:
        """Records behind by the producers' latest reports, and for how long each stream has been behind."""
        heads: dict[Stream, Position] = {}
        for report in self.transport.reports():
            heads.update(report.emitted)
        for stream, head in heads.items():
            if stream.topic not in self.service.consumes:
                continue
            here = consumed.get(stream, Position(0, 0))
            behind = max(0, head.seq - here.seq if here.epoch == head.epoch else head.seq)
            now_s = time.monotonic()
            since_s = self._behind_since_s.setdefault(stream, now_s) if behind else now_s
            self._behind_since_s[stream] = since_s
            labels = (f"baton.{self.service.name}", stream.topic, str(stream.partition))
            self.meters.lag.labels(*labels).set(behind)
            self.meters.lag_seconds.labels(*labels).set(now_s - since_s)

    async def measure_outbox(self) -> None:
        """How many records some registered consumer still needs, and how long the present generation has stood."""
        if not self.service.emits:
            return
        async with self.transactions.reading() as session:
            needed, age_s = await outbox.size(session)
        self.meters.outbox_records.labels(self.service.name).set(needed)
        self.meters.outbox_age.labels(self.service.name).set(age_s)

    async def turn_outbox(self) -> None:
        """Empty the oldest generation of the outbox once every registered consumer holds all of it."""
        if not self.service.emits or time.monotonic() - self._turned_s < _TURN_S:
            return
        self._turned_s = time.monotonic()
        async with self.transactions.engine.connect() as session:
            await outbox.drop_consumed(session)
            await session.commit()

    async def sweep(self) -> None:
        """Forget idempotency keys after 30 days."""
        if time.monotonic() - self._swept_s < 3600:
            return
        self._swept_s = time.monotonic()
        async with self.transactions.engine.connect() as session:
            await session.execute(
                text("delete from command where kept_at < :before"),
                {"before": self.transactions.clock() - _COMMANDS_KEPT},
            )
            await session.commit()
