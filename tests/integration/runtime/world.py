"""A small chain on a real PostgreSQL: an upstream that emits, and a scorer that counts all that it handles."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.contracts import Attributes, Event, LeadCaptured, LeadEngaged, LeadScored, LeadUpdated
from shared.http.access import ACCESS
from shared.runtime.clock import system_clock
from shared.runtime.consumer import Consumer
from shared.runtime.ids import new_id
from shared.runtime.leases import Leases
from shared.runtime.node import Node, node, prepare
from shared.runtime.parking import Parking
from shared.runtime.policies import Policies, PolicyDefinition
from shared.runtime.service import Delivered, Service, Subscription, Timer
from shared.runtime.streams import Record, Stream, partition_of
from shared.runtime.supervisor import supervise
from shared.runtime.transactions import Transactions
from shared.runtime.work import Work
from shared.store.engine import engine
from shared.store.urls import driver_url
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport
from tests.support.postgres import MakeDatabase

PARTITIONS = 4
BLANK = "tests.support.blank"
TABLES = """
create table effect (n bigserial, event_id uuid not null, lead_id uuid not null, topic text, seq bigint);
create table total (lead_id uuid primary key, n int not null);
create table due (id uuid primary key, partition int not null, due_at timestamptz not null, name text not null);
create table fired (id uuid not null, due_at timestamptz not null, fired_at timestamptz not null);
"""


class Claimed(Leases):
    """Leases that believe in holding every lane, whatever the database says of it."""

    @property
    def held(self) -> frozenset[int]:
        return frozenset(range(self.partitions))

    async def beat(self) -> None:
        """Nobody is asked."""


@dataclass
class Faults:
    """What goes wrong in the handler."""

    poison: set[str] = field(default_factory=set[str])
    """Engagement kinds that always fail."""
    error: Callable[[], Exception] = lambda: ValueError("this one can't be read")
    work_s: float = 0.0
    """Time between reading and writing a lead's state."""
    handled: int = 0


def scorer(
    faults: Faults | None = None, *, timers: Sequence[Timer] = (), policies: Sequence[PolicyDefinition] = ()
) -> Service:
    """A service that reads, adds and writes back a total per lead, notes each event, and emits one for each."""
    faults = faults or Faults()
    subscription = Subscription()

    @subscription.on(LeadCaptured, LeadEngaged, LeadUpdated)
    async def count(batch: Sequence[Delivered[Any]], work: Work) -> None:
        ids = {str(each.event.lead_id) for each in batch}
        rows = await work.session.execute(
            text("select lead_id, n from total where lead_id = any(cast(:ids as uuid[]))"), {"ids": sorted(ids)}
        )
        totals = {row.lead_id: row.n for row in rows}
        if faults.work_s:
            await work.session.execute(text("select pg_sleep(:s)"), {"s": faults.work_s})
        for each in batch:
            if isinstance(each.event, LeadEngaged) and each.event.kind in faults.poison:
                raise faults.error()
            lead_id = each.event.lead_id
            totals[lead_id] = totals.get(lead_id, 0) + 1
            work.emit([a_score(each.event, totals[lead_id])])
        faults.handled += len(batch)
        await work.session.execute(
            text("insert into total values (:id, :n) on conflict (lead_id) do update set n = excluded.n"),
            [{"id": lead_id, "n": n} for lead_id, n in totals.items()],
        )
        await work.session.execute(
            text("insert into effect (event_id, lead_id, topic, seq) values (:id, :lead, :topic, :seq)"),
            [{"id": e.id, "lead": e.event.lead_id, "topic": e.record.stream.topic, "seq": e.record.seq} for e in batch],
        )

    return Service("scorer", BLANK, subscription, timers=timers, policies=policies)


def due_rows(name: str = "due") -> Timer:
    """A timer on the table `due`: its rows go to `fired`, with an event for each."""

    async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
        rows = await session.execute(
            text(
                "select partition, min(due_at) as at from due where partition = any(cast(:p as int[]))"
                " and name = :name group by 1"
            ),
            {"p": list(partitions), "name": name},
        )
        return {row.partition: row.at for row in rows}

    async def fire(work: Work, partition: int, limit: int) -> int:
        rows = (
            await work.session.execute(
                text(
                    "delete from due where id in (select id from due where partition = :p and due_at <= :now"
                    " and name = :name order by due_at limit :limit for update skip locked) returning id, due_at"
                ),
                {"p": partition, "now": work.now, "limit": limit, "name": name},
            )
        ).all()
        if rows:
            await work.session.execute(
                text("insert into fired values (:id, :due, :now)"),
                [{"id": row.id, "due": row.due_at, "now": work.now} for row in rows],
            )
        return len(rows)

    return Timer(name, next_due, fire)


def an_engagement(lead_id: UUID, kind: str = "visited", at: datetime | None = None) -> LeadEngaged:
    now = at or system_clock()
    return LeadEngaged(lead_id=lead_id, occurred_at=now, recorded_at=now, engagement_id=new_id(), kind=kind)


def an_update(lead_id: UUID) -> LeadUpdated:
    now = system_clock()
    return LeadUpdated(lead_id=lead_id, occurred_at=now, recorded_at=now, attributes=Attributes(source="search"))


def a_capture(lead_id: UUID) -> LeadCaptured:
    now = system_clock()
    return LeadCaptured(
        lead_id=lead_id,
        occurred_at=now,
        recorded_at=now,
        submission_id=new_id(),
        attributes=Attributes(source="search"),
    )


def a_score(event: Event, n: int) -> LeadScored:
    return LeadScored(
        lead_id=event.lead_id,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        score_milli=n,
        tier="raw",
        scorecard_version=1,
    )


def a_lead_in(lane: int) -> UUID:
    """A new lead whose lane is this one."""
    while partition_of(lead_id := new_id(), PARTITIONS) != lane:
        pass
    return lead_id


@dataclass
class World:
    """One upstream database (intake's and router's streams) and one scorer's, with instances to be started on it."""

    url: str
    upstream_url: str
    transport: EmbeddedTransport
    upstream: Transactions
    transactions: Transactions
    pools: list[AsyncEngine]
    running: list[tuple[asyncio.Event, asyncio.Task[None]]] = field(
        default_factory=list[tuple[asyncio.Event, asyncio.Task[None]]]
    )

    def pool(self, url: str | None = None, **settings: Any) -> AsyncEngine:
        """Another pool on the scorer's database."""
        made = engine(url or self.url, application="test", **settings)
        self.pools.append(made)
        return made

    def transactions_on(
        self,
        url: str | None = None,
        *,
        clock: Callable[[], datetime] = system_clock,
        policies: Sequence[PolicyDefinition] = (),
        **settings: Any,
    ) -> Transactions:
        """Units of work on a pool of their own."""
        return Transactions(self.pool(url, **settings), clock, PARTITIONS, Policies([*policies, ACCESS]))

    async def consumer(
        self, faults: Faults | None = None, *, name: str = "one", url: str | None = None, service: Service | None = None
    ) -> Consumer:
        """A consumer that believes in holding every lane, to be driven by hand."""
        service = service or scorer(faults)
        transactions = self.transactions_on(url)
        feed = await self.transport.feed(service.name, service.consumes)
        leases = Claimed(transactions.engine, name, PARTITIONS)
        consumer = Consumer(service, transactions, feed, leases, Parking(), Meters())
        await consumer.take_over()
        return consumer

    async def node(
        self, name: str, faults: Faults | None = None, *, service: Service | None = None, lease_s: float = 10.0
    ) -> Node:
        """An instance with all its tasks, not yet started."""
        service = service or scorer(faults)
        made = await node(
            service,
            self.transactions_on(policies=service.policies),
            self.transport,
            instance=name,
            meters=Meters(),
            admin_sha256="",
            find_secret=lambda _name: None,
        )
        made.leases.lease_s = lease_s
        return made

    def start(self, *nodes: Node) -> asyncio.Task[None]:
        """Run instances under a supervisor."""
        stop = asyncio.Event()
        tasks = {f"{each.leases.instance} {name}": run for each in nodes for name, run in each.tasks.items()}
        task = asyncio.create_task(supervise(tasks, stop))
        self.running.append((stop, task))
        return task

    async def stop(self, task: asyncio.Task[None]) -> None:
        """Stop a supervisor and its tasks, without a goodbye."""
        stop = next(stop for stop, each in self.running if each is task)
        stop.set()
        await task

    async def emit(self, events: Sequence[Event]) -> list[Record]:
        """One transaction of the upstream; the records as they were numbered."""
        heard: list[Record] = []
        self.upstream.committed.append(heard.extend)
        try:
            async with self.upstream.free() as work:
                work.emit(events)
        finally:
            self.upstream.committed.remove(heard.extend)
        return heard

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """The rows of a query on the scorer's database."""
        async with self.transactions.reading() as session:
            return list((await session.execute(text(query), values)).all())

    async def value(self, query: str, **values: Any) -> Any:
        """The one value of a query on the scorer's database."""
        return (await self.rows(query, **values))[0][0]

    async def run(self, statement: str, **values: Any) -> None:
        """A statement on the scorer's database, committed."""
        async with self.transactions.free() as work:
            await work.session.execute(text(statement), values)

    async def effects(self) -> int:
        """How many events had their effect; none twice."""
        row = (await self.rows("select count(*) as n, count(distinct event_id) as different from effect"))[0]
        assert row.n == row.different, "an event had its effect twice"
        return row.n


@asynccontextmanager
async def a_world(make_database: MakeDatabase) -> AsyncGenerator[World]:
    """Fresh copies of both databases."""
    upstream_url = await make_database("upstream", template="runtime_upstream", build=_build_upstream)
    url = await make_database("scorer", template="runtime_scorer", build=_build_scorer)
    upstream_pool, pool = engine(upstream_url, application="test"), engine(url, application="test")
    transport = EmbeddedTransport({"intake": upstream_pool, "router": upstream_pool})
    upstream = Transactions(upstream_pool, system_clock, PARTITIONS, Policies([ACCESS]))
    upstream.committed.append(lambda records: transport.committed("intake", records))
    transactions = Transactions(pool, system_clock, PARTITIONS, Policies([ACCESS]))
    world = World(url, upstream_url, transport, upstream, transactions, [upstream_pool, pool])
    try:
        yield world
    finally:
        for stop, task in world.running:
            stop.set()
            await asyncio.gather(task, return_exceptions=True)  # a test that expects a failure has looked at it
        for each in world.pools:
            await each.dispose()


async def _build_upstream(url: str) -> None:
    pool = engine(url, application="test")
    for name in ("intake", "router"):
        await prepare(Service(name, BLANK), url, pool, partitions=PARTITIONS, clock=system_clock, presets={})
    await pool.dispose()


async def _build_scorer(url: str) -> None:
    pool = engine(url, application="test")
    await prepare(Service("scorer", BLANK), url, pool, partitions=PARTITIONS, clock=system_clock, presets={})
    await pool.dispose()
    connection = await asyncpg.connect(driver_url(url))
    await connection.execute(TABLES)
    await connection.close()


def streams_of(records: Sequence[Record]) -> set[Stream]:
    return {record.stream for record in records}
