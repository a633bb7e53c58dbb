"""Two services in one process: numbered, handed over, filtered, kept once."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.contracts import Attributes, LeadCaptured, LeadScored
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id
from shared.runtime.node import Node, node, prepare
from shared.runtime.service import Delivered, Service, Subscription
from shared.runtime.supervisor import supervise
from shared.runtime.work import Work
from shared.store.engine import engine
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport
from tests.support.postgres import MakeDatabase
from tests.support.wait import until


def a_lead(work: Work, lead_id: UUID) -> LeadCaptured:
    return LeadCaptured(
        lead_id=lead_id,
        occurred_at=work.now,
        recorded_at=work.now,
        submission_id=new_id(),
        attributes=Attributes(source="search"),
    )


def a_scorer() -> Service:
    subscription = Subscription()

    @subscription.on(LeadCaptured)
    async def score(batch: Sequence[Delivered[Any]], work: Work) -> None:
        await work.session.execute(
            text("insert into setting select 'seen:' || id, '' from unnest(cast(:ids as text[])) id"),
            {"ids": [str(each.event.lead_id) for each in batch]},
        )
        work.emit(
            LeadScored(
                lead_id=each.event.lead_id,
                occurred_at=work.now,
                recorded_at=work.now,
                score_milli=1000,
                tier="raw",
                scorecard_version=1,
            )
            for each in batch
        )

    return Service("scorer", "tests.support.blank", subscription)


@pytest.fixture
async def pair(make_database: MakeDatabase) -> Any:
    transport = EmbeddedTransport()
    nodes: dict[str, Node] = {}
    services = [Service("intake", "tests.support.blank"), a_scorer(), Service("router", "tests.support.blank")]
    prepared = []
    for service in services:
        url = await make_database(service.name)
        pool = engine(url, application="test")
        transport.engines[service.name] = pool
        prepared.append((service, await prepare(service, url, pool, partitions=4, clock=system_clock, presets={})))
    for service, transactions in prepared[:2]:
        nodes[service.name] = await node(
            service,
            transactions,
            transport,
            instance=f"{service.name}-1",
            meters=Meters(),
            admin_sha256="",
            find_secret=lambda _name: None,
        )
    stop = asyncio.Event()
    tasks = {name: run for each in nodes.values() for name, run in each.tasks.items()}
    running = asyncio.create_task(supervise(tasks, stop))
    yield nodes
    stop.set()
    await running
    for each in nodes.values():
        await each.retire()
    await transport.engines["router"].dispose()


async def test_every_lead_that_intake_commits_is_scored_once(pair: dict[str, Node]) -> None:
    leads = [new_id() for _ in range(300)]
    intake = pair["intake"].desk
    for some in (leads[:100], leads[100:101], leads[101:]):
        async with intake.work() as work:
            work.emit([a_lead(work, lead) for lead in some])

    async def scored() -> bool:
        async with pair["scorer"].desk.read() as session:
            return await session.scalar(text("select sum(last_seq) from stream_out")) == 300

    await until(scored)
