"""Two services on real databases, joined by either transport, as instances that can be started, killed and frozen."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.contracts import LeadEngaged, LeadErased
from shared.runtime.clock import system_clock
from shared.runtime.consumer import Consumer
from shared.runtime.ids import new_id
from shared.runtime.node import Node, node, prepare
from shared.runtime.service import Delivered, Service, Subscription
from shared.runtime.streams import Announcement, Mark, Position, Record, Stream
from shared.runtime.supervisor import supervise
from shared.runtime.work import Work
from shared.store.engine import engine
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport
from shared.transport.kafka import KafkaTransport
from shared.transport.kafka_topics import Cluster
from shared.transport.port import Answer, Feed, Transport
from tests.support.postgres import MakeDatabase
from tests.support.wait import until

PARTITIONS = 4
TOPICS = ("lead.engaged", "lead.erased")
LEADS = [UUID(int=number) for number in range(40)]
EFFECT = "create table effect (n bigserial, topic text, partition int, epoch bigint, seq bigint)"


@dataclass(frozen=True, slots=True)
class Reader(Service):
    """A consumer of two of intake's topics, so that no third database is needed."""

    @property
    def consumes(self) -> tuple[str, ...]:
        return TOPICS


def a_reader() -> Service:
    """It counts what it handles in a table that forbids nothing: doubles would show."""
    subscription = Subscription()

    @subscription.on(LeadEngaged, LeadErased)
    async def count(batch: Sequence[Delivered[Any]], work: Work) -> None:
        raw = await work.raw()
        await raw.execute(
            "insert into effect (topic, partition, epoch, seq)"
            " select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])",
            [each.record.stream.topic for each in batch],
            [each.record.stream.partition for each in batch],
            [each.record.epoch for each in batch],
            [each.record.seq for each in batch],
        )

    return Reader("scorer", "tests.support.blank", subscription)


@dataclass
class Between:
    """A feed that a test can hold up after it took records, or have repeat itself."""

    feed: Feed
    repeats: bool = False
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    async def take(self, max_records: int, wait_s: float) -> list[Record]:
        records = await self.feed.take(max_records, wait_s)
        if records:
            self.taken.set()
            await self.go_on.wait()
        return records * 2 if self.repeats else records

    async def assign(self, positions: Mapping[Stream, Position], hints: Mapping[Stream, int]) -> None:
        await self.feed.assign(positions, hints)

    async def reread(self, stream: Stream, position: Position) -> None:
        await self.feed.reread(stream, position)

    async def at_end(self, stream: Stream) -> bool:
        return await self.feed.at_end(stream)

    async def ask(self, stream: Stream, position: Position) -> None:
        await self.feed.ask(stream, position)

    def answer(self, stream: Stream) -> Answer | None:
        return self.feed.answer(stream)

    def mark(self, stream: Stream) -> Mark | None:
        return self.feed.mark(stream)

    def announcements(self, stream: Stream) -> Sequence[Announcement]:
        return self.feed.announcements(stream)

    def consumed(self, positions: Mapping[Stream, int]) -> None:
        self.feed.consumed(positions)

    async def close(self) -> None:
        await self.feed.close()


@dataclass
class Instance:
    """A running process of one service, as far as delivery goes."""

    node: Node
    transport: Transport
    meters: Meters
    running: "asyncio.Task[None]"
    feed: Between | None
    _stop: asyncio.Event

    @property
    def consumer(self) -> Consumer:
        assert self.node.consumer is not None
        return self.node.consumer

    def counted(self, meter: str) -> float:
        return self.meters.registry.get_sample_value(f"{meter}_total", {"service": self.node.service.name}) or 0.0

    async def stop(self) -> None:
        """In good order."""
        self._stop.set()
        await self.running
        await self.node.retire()
        await self._away()

    async def kill(self) -> None:
        """At once: nobody is told, leases stay until they expire."""
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running
        if self.feed is not None:
            await self.feed.close()
        await self.node.desk.transactions.engine.dispose()
        await self._away()

    async def _away(self) -> None:
        if isinstance(self.transport, KafkaTransport):
            await self.transport.close()


@dataclass
class Stage:
    """The two databases, and how instances are joined."""

    kind: str
    urls: dict[str, str]
    cluster: Cluster | None = None
    lease_s: float = 1.5
    instances: list[Instance] = field(default_factory=list[Instance])
    _embedded: EmbeddedTransport = field(default_factory=EmbeddedTransport)

    async def start(self, name: str, *, kind: str | None = None, idle: Sequence[str] = ()) -> Instance:
        """A new instance of `intake` or `scorer`; the tasks named in `idle` do not run."""
        service = Service("intake", "tests.support.blank") if name == "intake" else a_reader()
        pool = engine(self.urls[name], application="contract", pool_size=3)
        transport = self._transport(name, pool, kind or self.kind)
        transactions = await prepare(
            service, self.urls[name], pool, partitions=PARTITIONS, clock=system_clock, presets={}
        )  # fmt: skip
        meters, stop, ident = Meters(), asyncio.Event(), f"{name}-{uuid4().hex[:6]}"
        made = await node(
            service,
            transactions,
            transport,
            instance=ident,
            meters=meters,
            admin_sha256="",
            find_secret=lambda _name: None,
        )
        made.leases.lease_s = self.lease_s
        tasks: dict[str, Callable[[], Awaitable[None]]] = {**made.tasks}
        between = None
        if made.consumer is not None:
            between = made.consumer.feed = Between(made.consumer.feed)
            made.consumer.check_s, made.consumer.gap_patience_s = 0.2, 0.6
        if isinstance(transport, KafkaTransport):
            await transport.start()
            if service.emits:
                transport.produce(name, made.leases).mark_s = 0.2
            tasks.update(transport.tasks())
        await made.leases.beat()
        running = asyncio.create_task(
            supervise({task: run for task, run in tasks.items() if not task.endswith(tuple(idle) or ("!",))}, stop)
        )
        self.instances.append(Instance(made, transport, meters, running, between, stop))
        return self.instances[-1]

    def _transport(self, name: str, pool: Any, kind: str) -> EmbeddedTransport | KafkaTransport:
        if kind == "embedded":
            self._embedded.engines[name] = pool
            return self._embedded
        assert self.cluster is not None
        return KafkaTransport(self.cluster, uuid4().hex, {name: pool}, names=TOPICS)

    async def both(self) -> tuple[Instance, Instance]:
        """One instance of each."""
        return await self.start("intake"), await self.start("scorer")

    async def emit(self, intake: Instance, count: int, batch: int = 1000) -> None:
        """Commit events at the producer, over all lanes and both topics."""
        left = count
        while left > 0:
            now = system_clock()
            events = [  # made before the transaction: it must not idle while a loaded machine makes them
                LeadErased(lead_id=lead, occurred_at=now, recorded_at=now)
                if number % 2
                else LeadEngaged(lead_id=lead, occurred_at=now, recorded_at=now, engagement_id=new_id(), kind="x")
                for number in range(min(left, batch))
                for lead in [LEADS[(left + number // 2) % len(LEADS)]]
            ]
            async with intake.node.desk.work() as work:
                work.emit(events)
            left -= batch

    async def ask(self, name: str, query: str, **values: Any) -> list[Any]:
        """Rows of a service's database, past any instance."""
        pool = engine(self.urls[name], application="contract", pool_size=1)
        try:
            async with pool.connect() as session:
                result = await session.execute(text(query), values)
                rows = list(result.all()) if result.returns_rows else []
                await session.commit()
                return rows
        finally:
            await pool.dispose()

    async def consumed(self, count: int, *, at_most_s: float = 30.0) -> None:
        """Wait until so many effects are there, and see that each event had one, in its stream's order."""
        pool = engine(self.urls["scorer"], application="contract", pool_size=1)

        async def all_are_there() -> bool:
            for instance in self.instances:
                if instance.running.done() and not instance.running.cancelled():
                    instance.running.result()
            async with pool.connect() as session:
                return (await session.scalar(text("select count(*) from effect")) or 0) >= count

        try:
            await until(all_are_there, at_most_s=at_most_s)
        finally:
            await pool.dispose()
        await self.each_had_its_effect_once()

    async def each_had_its_effect_once(self) -> None:
        """Every number that the producer gave, in each stream: once, in order."""
        given = {
            (row.topic, row.partition, row.epoch): row.last_seq
            for row in await self.ask(
                "intake",
                "select topic, partition, epoch, last_seq from stream_out where last_seq > 0"
                " union all select topic, partition, old_epoch, old_last from epoch_out where old_last > 0",
            )
        }
        rows = await self.ask(
            "scorer",
            "select topic, partition, epoch, array_agg(seq order by n) as seqs from effect group by 1, 2, 3",
        )
        effects = {(row.topic, row.partition, row.epoch): row.seqs for row in rows}
        assert {stream: len(seqs) for stream, seqs in effects.items()} == given
        for seqs in effects.values():
            assert seqs == list(range(1, len(seqs) + 1))

    async def close(self) -> None:
        for instance in self.instances:
            if not instance.running.done():
                await instance.kill()


@asynccontextmanager
async def a_stage(kind: str, make_database: MakeDatabase, bootstrap: str | None) -> AsyncGenerator[Stage]:
    async def build(url: str) -> None:
        name = "intake" if "intake" in url else "scorer"
        service = Service("intake", "tests.support.blank") if name == "intake" else a_reader()
        pool = engine(url, application="contract")
        await prepare(service, url, pool, partitions=PARTITIONS, clock=system_clock, presets={})
        if name == "scorer":
            async with pool.begin() as session:
                await session.execute(text(EFFECT))
        else:
            async with pool.begin() as session:  # the consumers of the product's map that have no part here
                await session.execute(text("delete from consumer where service <> 'scorer'"))
        await pool.dispose()

    urls = {
        name: await make_database(f"{name}", template=f"contract_{name}", build=build) for name in ("intake", "scorer")
    }
    cluster = Cluster(bootstrap, PARTITIONS, f"t{uuid4().hex[:8]}.", replication=1) if bootstrap else None
    stage = Stage(kind, urls, cluster)
    try:
        yield stage
    finally:
        await stage.close()
