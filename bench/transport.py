"""The relay and feed alone: records a second through one producing and one consuming service with an empty handler."""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from support import kafka, postgres

from shared.contracts import Attributes, LeadCaptured, LeadErased, LeadScored
from shared.contracts.topology import CONSUMES
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id
from shared.runtime.node import Node, node, prepare
from shared.runtime.service import Delivered, Service, Subscription
from shared.runtime.supervisor import supervise
from shared.runtime.work import Work
from shared.store.engine import engine
from shared.store.urls import driver_url
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport
from shared.transport.kafka import KafkaTransport
from shared.transport.kafka_topics import Cluster

PARTITIONS = 8
ATTRIBUTES = Attributes(source="search")


def an_idle_analytics() -> Service:
    """It reads every topic and does nothing."""
    subscription = Subscription()

    @subscription.on(LeadCaptured, LeadErased, LeadScored)
    async def nothing(batch: Sequence[Delivered[Any]], work: Work) -> None:
        del batch, work

    return Service("analytics", "tests.support.blank", subscription)


async def databases(server: str) -> dict[str, str]:
    """A fresh database for each producer that analytics reads, and its own."""
    connection = await asyncpg.connect(driver_url(server))
    urls: dict[str, str] = {}
    for name in ("intake", "scorer", "router", "sla-watcher", "analytics"):
        database = f"bench_{name.replace('-', '_')}_{time.time_ns()}"
        await connection.execute(f"create database {database}")
        urls[name] = server.replace("/postgres?", f"/{database}?")
    await connection.close()
    return urls


async def emit(pool: AsyncEngine, intake: Node, count: int, batch: int) -> None:
    """Commit captured leads, as intake's group commit would."""
    del pool
    leads = [new_id() for _ in range(count)]
    for start in range(0, count, batch):
        now = system_clock()
        async with intake.desk.work() as work:
            work.emit(
                LeadCaptured(
                    lead_id=lead, occurred_at=now, recorded_at=now, submission_id=UUID(int=1), attributes=ATTRIBUTES
                )
                for lead in leads[start : start + batch]
            )


async def consumed(pool: AsyncEngine, count: int) -> None:
    """Wait until the consumer's positions add up to this."""
    while True:
        async with pool.connect() as session:
            if (await session.scalar(text("select coalesce(sum(seq), 0) from position_in")) or 0) >= count:
                return
        await asyncio.sleep(0.02)


async def measure(args: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(postgres())
        urls = await databases(server.address)
        pools = {name: engine(url, application="bench") for name, url in urls.items()}
        services = {
            name: Service(name, "tests.support.blank") for name in urls if name != "analytics"
        } | {"analytics": an_idle_analytics()}  # fmt: skip
        if args.transport == "kafka":
            broker = await stack.enter_async_context(kafka())
            cluster = Cluster(broker.address, PARTITIONS, f"bench{time.time_ns()}.", replication=1)
            transport = KafkaTransport(cluster, "bench", pools)
            await transport.start()
        else:
            transport = EmbeddedTransport(pools)
        nodes: dict[str, Node] = {}
        tasks: dict[str, Callable[[], Awaitable[None]]] = {}
        for name, service in services.items():
            made = await prepare(
                service, urls[name], pools[name], partitions=PARTITIONS, clock=system_clock, presets={}
            )  # fmt: skip
            if name in ("intake", "analytics"):
                nodes[name] = await node(
                    service,
                    made,
                    transport,
                    instance="bench",
                    meters=Meters(),
                    admin_sha256="",
                    find_secret=lambda _name: None,
                )
                await nodes[name].leases.beat()
                tasks.update(nodes[name].tasks)
        if isinstance(transport, KafkaTransport):
            transport.produce("intake", nodes["intake"].leases)
            tasks.update(transport.tasks())
        stop = asyncio.Event()
        running = asyncio.create_task(supervise(tasks, stop))
        await emit(pools["intake"], nodes["intake"], 1000, 100)
        await consumed(pools["analytics"], 1000)
        began, cpu = time.perf_counter(), time.process_time()
        await emit(pools["intake"], nodes["intake"], args.records, args.batch)
        emitted = time.perf_counter()
        await consumed(pools["analytics"], args.records + 1000)
        ended = time.perf_counter()
        print(
            json.dumps(
                {
                    "name": f"transport_{args.transport}",
                    "rate": round(args.records / (ended - began)),
                    "unit": "records/s",
                    "records": args.records,
                    "commit_of": args.batch,
                    "seconds_to_emit": round(emitted - began, 2),
                    "seconds": round(ended - began, 2),
                    "cpu_us_per_record": round((time.process_time() - cpu) / args.records * 1e6, 1),
                    "topics": len(CONSUMES["analytics"]),
                    "cores": os.cpu_count(),
                }
            )
        )
        stop.set()
        await running
        if isinstance(transport, KafkaTransport):
            await transport.close()
        for pool in pools.values():
            await pool.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", choices=("embedded", "kafka"), default="kafka")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=100, help="events in each commit of the producer")
    uvloop.run(measure(parser.parse_args()))
