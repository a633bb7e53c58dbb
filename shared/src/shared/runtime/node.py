"""One service instance, wired: database, doors and housekeeping around a Service. Nothing is built at import."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.contracts.topology import consumers_of
from shared.http.access import ACCESS, KeyRing
from shared.http.hurrying import clock_routes, keep_standing, kept_standing
from shared.http.operations import operations
from shared.http.passes import with_passes
from shared.http.policies import policy_routes
from shared.runtime import failpoints
from shared.runtime.clock import Clock, HurriedClock
from shared.runtime.consumer import Consumer
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing
from shared.runtime.keeper import Keeper
from shared.runtime.leases import Leases
from shared.runtime.parking import Parking
from shared.runtime.patience import patiently
from shared.runtime.policies import Policies, PolicyBody
from shared.runtime.service import Service
from shared.runtime.supervisor import Rounds
from shared.runtime.timers import Timers
from shared.runtime.transactions import Transactions
from shared.store import parked
from shared.store.migrate import migrate
from shared.store.register import register
from shared.telemetry.meters import Meters
from shared.transport.port import Transport

log = structlog.get_logger("node")

_KEYS_S = 2.0
_LONGEST_TURN_S = 180.0  # several statements of 30 s each


class WrongPartitions(Exception):
    """The database was made for another number of partitions."""


@dataclass(slots=True)
class Node:
    """A running service instance."""

    service: Service
    desk: Desk
    ring: KeyRing
    leases: Leases
    keeper: Keeper
    routers: list[APIRouter]
    tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]]
    consumer: Consumer | None
    timers: Timers | None

    async def retire(self) -> None:
        """Leave in good order: say what is held, give the lanes back, close the connections."""
        try:
            await self.keeper.report()
            await self.leases.retire()
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("left without goodbye", service=self.service.name, error=type(error).__name__)
        if self.consumer is not None:
            await self.consumer.feed.close()
        await self.desk.transactions.engine.dispose()


async def prepare(
    service: Service,
    url: str,
    engine: AsyncEngine,
    *,
    partitions: int,
    clock: Clock,
    presets: Mapping[str, PolicyBody],
    begins: datetime | None = None,
) -> Transactions:
    """Bring a service's database to the present schema, lanes and streams, and seed its policies where it has none.

    A clock that can hurry stands where it stood when the process ended; in a new database, where `begins` says.
    A PostgreSQL that is away or recovering is waited for. Raises WrongPartitions, NewerSchema or Unusable.
    """
    transactions = Transactions(engine, clock, partitions, Policies([*service.policies, ACCESS]))

    async def attempt() -> None:
        await migrate(url, "shared.store")
        await migrate(url, service.package)
        await _prepare(service, transactions, presets, begins)

    await patiently(f"the {service.name} database", attempt)
    return transactions


async def _prepare(
    service: Service,
    transactions: Transactions,
    presets: Mapping[str, PolicyBody],
    begins: datetime | None,
) -> None:
    partitions = transactions.partitions
    async with transactions.free() as work:
        await work.session.execute(text("select pg_advisory_xact_lock(hashtext('baton:prepare'))"))
        kept = await work.session.scalar(text("select value from setting where name = 'partitions'"))
        if kept is not None and int(kept) != partitions:
            raise WrongPartitions(
                f"the {service.name} database has {kept} partitions and BATON_PARTITIONS says {partitions}:"
                " the count is fixed at the first start"
            )
        if kept is None and begins is not None:
            await keep_standing(work.session, begins)
        if isinstance(transactions.clock, HurriedClock):
            transactions.clock.restore(await kept_standing(work.session))
        await work.session.execute(
            text("insert into setting values ('partitions', :n) on conflict do nothing"), {"n": str(partitions)}
        )
        last = {"last": partitions - 1}
        await work.session.execute(
            text("insert into lane select p, 0 from generate_series(0, :last) p on conflict do nothing"), last
        )
        await work.session.execute(
            text("insert into lease (partition) select p from generate_series(0, :last) p on conflict do nothing"),
            last,
        )
        await work.session.execute(
            text(
                "insert into stream_out (topic, partition, epoch, last_seq)"
                " select t, p, coalesce((select min(epoch) from stream_out), :epoch), 0"
                " from unnest(cast(:topics as text[])) t cross join generate_series(0, :last) p on conflict do nothing"
            ),
            {**last, "topics": list(service.emits), "epoch": new_epoch()},
        )
        for topic in service.emits:
            for consumer in consumers_of(topic):
                await register_once(work.session, consumer, topic, partitions)
        await work.policies.seed(work.session, presets, transactions.clock())


async def register_once(session: AsyncConnection, consumer: str, topic: str, partitions: int) -> None:
    """Register a consumer of the map, unless an operator has removed it."""
    name = f"registered:{consumer}:{topic}"
    if await session.scalar(text("select 1 from setting where name = :name"), {"name": name}) is None:
        await session.execute(text("insert into setting values (:name, 'yes')"), {"name": name})
        await register(session, consumer, [topic], partitions)


def new_epoch() -> int:
    """A random epoch, never 0."""
    return secrets.randbits(62) | 1


async def node(
    service: Service,
    transactions: Transactions,
    transport: Transport,
    *,
    instance: str,
    meters: Meters,
    admin_sha256: str,
    session_secret: bytes = b"",
    find_secret: Callable[[str], str | None],
) -> Node:
    """Wire a service instance; `prepare` has made its database."""
    failpoints.chosen()
    desk = Desk(service.name, transactions, with_passes(find_secret, session_secret), transport.reports, meters)
    leases = Leases(transactions.engine, instance, transactions.partitions)
    keeper = Keeper(service, transactions, transport, leases, meters)
    ring = KeyRing(admin_sha256, session_secret=session_secret)
    transactions.committed.append(lambda records: transport.committed(service.name, records))
    tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "leases": Rounds(f"{service.name}: leases", leases.run).run,
        "keeper": keeper.run,
    }
    consumer = timers = None
    if service.consumes:
        feed = await transport.feed(service.name, service.consumes)
        consumer = Consumer(service, transactions, feed, leases, await _parking(service, transactions), meters)
        tasks["consumer"] = Rounds(f"{service.name}: consumer", consumer.run, _LONGEST_TURN_S).run
    if service.timers:
        timers = Timers(service.timers, transactions, leases, meters)
        tasks["timers"] = Rounds(f"{service.name}: timers", timers.run, _LONGEST_TURN_S).run
        transactions.committed.append(timers.wake)
    for background in service.background:
        tasks[getattr(background, "__name__", "background")] = lambda run=background: run(desk)
    tasks["keys"] = lambda: watch_keys(desk, ring)
    routers = [service.api(desk)] if service.api else []
    routers += [policy_routes(desk, service), operations(desk, service, consumer)]
    if isinstance(transactions.clock, HurriedClock):
        routers.append(clock_routes(desk, service, transactions.clock))
        if timers is not None:
            transactions.clock.moved.append(timers.wake)
    named = {f"{service.name}: {name}": run for name, run in tasks.items()}
    return Node(service, desk, ring, leases, keeper, routers, named, consumer, timers)


async def _parking(service: Service, transactions: Transactions) -> Parking:
    """The limit on parking as it stood: a process that ends at it and is started again must not drain on."""
    parking = Parking()

    async def attempt() -> None:
        async with transactions.reading() as session:
            parking.remember(await parked.lately(session))

    await patiently(f"the {service.name} database", attempt)
    return parking


async def watch_keys(desk: Desk, ring: KeyRing) -> None:
    """Keep the keys in memory as the access policy has them."""
    seen = 0
    while True:
        try:
            async with desk.read() as session:
                published = await desk.transactions.policies.current(session, "access", desk.clock())
            if published.version != seen:
                ring.keys, seen = published.value, published.version
        except Exception as error:
            if not is_passing(error):
                raise
        await asyncio.sleep(_KEYS_S)
