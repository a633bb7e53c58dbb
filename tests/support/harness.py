"""A service alone on a real PostgreSQL: deliver events to it, let time pass, look at what it emitted."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from shared.contracts import Event, decode, encode
from shared.contracts.topology import PRODUCER
from shared.http.access import KeyRing, Principal
from shared.http.app import build
from shared.http.policies import policy_routes
from shared.runtime.consumer import Consumer
from shared.runtime.desk import Desk
from shared.runtime.ids import new_id
from shared.runtime.leases import Leases
from shared.runtime.node import prepare
from shared.runtime.parking import Parking
from shared.runtime.reports import Report
from shared.runtime.service import Service
from shared.runtime.streams import Record, Stream, partition_of
from shared.runtime.transactions import Transactions
from shared.store.engine import engine
from shared.store.migrate import migrate
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport
from tests.support.postgres import MakeDatabase

PARTITIONS = 4
MONDAY_NINE = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


@dataclass
class StandingClock:
    """A clock that moves only when told."""

    now: datetime = MONDAY_NINE

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **spans: float) -> datetime:
        self.now += timedelta(**spans)
        return self.now


class Anyone(KeyRing):
    """Any token is a role, a rep as `rep:NAME`, or a manager of a team as `manager:TEAM`."""

    def principal(self, token: str, at: datetime) -> Principal | None:  # noqa: ARG002 - it overrides
        role, _, named = token.partition(":")
        if role == "manager":
            return Principal(f"{role}-{named}" if named else role, role, teams=frozenset({named} - {""}))
        return Principal(role, role, named or None)


@dataclass
class Bench:
    """The service under test."""

    service: Service
    transactions: Transactions
    desk: Desk
    clock: StandingClock
    consumer: Consumer
    client: httpx.AsyncClient
    url: str
    reports: list[Report]
    _numbers: dict[Stream, int] = field(default_factory=dict[Stream, int])
    _records: dict[UUID, Record] = field(default_factory=dict[UUID, Record])

    def record(self, event: Event) -> Record:
        """The event as its producer would have numbered it."""
        stream = Stream(event.wire, partition_of(event.lead_id, PARTITIONS))
        seq = self._numbers[stream] = self._numbers.get(stream, 0) + 1
        return Record(stream, 1, seq, new_id(), event.lead_id, encode(event))

    async def deliver(self, events: Sequence[Event], *, shuffle: random.Random | None = None) -> list[Record]:
        """Have the service consume these events as one batch; `shuffle` mixes the streams, keeping each one's order."""
        records = [self.record(event) for event in events]
        await self.deliver_records(interleaved(records, shuffle) if shuffle else records)
        return records

    async def deliver_records(self, records: Sequence[Record]) -> None:
        """One batch through the sequence filter, fence, handlers and positions."""
        accepted = await self.consumer.filter(records)
        if accepted:
            await self.consumer.transact(accepted)

    async def emitted(self, *types: type[Event]) -> list[Event]:
        """What the service has emitted so far, oldest first, of these types or of all."""
        async with self.transactions.reading() as session:
            rows = await session.execute(text("select topic, value from outbox order by id"))
            events = [decode(row.topic, row.value) for row in rows]
        return [event for event in events if event is not None and (not types or isinstance(event, types))]

    async def fire_timers(self, at: datetime | None = None) -> int:
        """Let the time be `at` and fire all that is due."""
        if at is not None:
            self.clock.now = at
        fired = 0
        for timer in self.service.timers:
            for partition in range(PARTITIONS):
                async with self.transactions.locked([partition]) as work:
                    fired += await timer.fire(work, partition, 1000)
        return fired

    async def next_due(self) -> datetime | None:
        """When the next timer of any lane is due."""
        found: list[datetime] = []
        for timer in self.service.timers:
            async with self.transactions.reading() as session:
                found += (await timer.next_due(session, range(PARTITIONS))).values()
        return min(found, default=None)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of a query, as dicts."""
        async with self.transactions.reading() as session:
            return [dict(row) for row in (await session.execute(text(query), values)).mappings()]

    async def publish(self, kind: str, body: Mapping[str, Any]) -> int:
        """Publish a policy version."""
        async with self.transactions.free() as work:
            return await work.policies.publish(work.session, kind, body, by="test", at=work.now)


def interleaved(records: Sequence[Record], rng: random.Random) -> list[Record]:
    """The same records in another order across streams, the same within each."""
    queues: dict[Stream, list[Record]] = {}
    for record in records:
        queues.setdefault(record.stream, []).append(record)
    mixed: list[Record] = []
    while queues:
        stream = rng.choice(sorted(queues))
        mixed.append(queues[stream].pop(0))
        if not queues[stream]:
            del queues[stream]
    return mixed


def _reads_otherwise(record: Record) -> bool:
    """Whether a consumer in the same process is handed something else than one elsewhere reads."""
    return record.event() != decode(record.stream.topic, record.value)


@asynccontextmanager
async def a_service(
    service: Service,
    make_database: MakeDatabase,
    *,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> AsyncGenerator[Bench]:
    """The service on a fresh database, all lanes held, its background tasks running, no relay."""
    clock = StandingClock()

    async def migrated(url: str) -> None:
        await migrate(url, "shared.store")
        await migrate(url, service.package)

    url = await make_database(service.package, template=service.package, build=migrated)
    pool = engine(url, application=f"test-{service.name}")
    transactions = await prepare(service, url, pool, partitions=PARTITIONS, clock=clock, presets=presets or {})
    unlike: list[Record] = []
    transactions.committed.append(lambda records: unlike.extend(filter(_reads_otherwise, records)))
    transport = EmbeddedTransport(dict.fromkeys({PRODUCER[topic] for topic in service.consumes}, pool))
    leases = Leases(pool, "test", PARTITIONS)
    await leases.beat()
    feed = await transport.feed(service.name, service.consumes)
    consumer = Consumer(service, transactions, feed, leases, Parking(), Meters())
    await consumer.take_over()
    reports: list[Report] = []
    known = dict(secrets or {})
    desk = Desk(service.name, transactions, known.get, lambda: reports)
    routers = [service.api(desk)] if service.api else []
    app = build([*routers, policy_routes(desk, service)], {service.name: Anyone()})
    transport_layer = httpx.ASGITransport(app=app)
    headers = {"Authorization": "Bearer admin"}
    async with httpx.AsyncClient(transport=transport_layer, base_url="http://baton.test", headers=headers) as client:
        background = [asyncio.ensure_future(run(desk)) for run in service.background]
        try:
            yield Bench(service, transactions, desk, clock, consumer, client, url, reports)
        finally:
            for task in background:
                task.cancel()
            ended = await asyncio.gather(*background, return_exceptions=True)
    await pool.dispose()
    failures = [one for one in ended if isinstance(one, Exception)]
    assert not failures, failures
    assert not unlike, unlike
