"""The row of a lead says the same whether an event changed all of it or only what most events change."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from analytics.domain.basis import Basis
from analytics.main import service
from analytics.settings import Settings
from shared.contracts import Event
from shared.store.migrate import migrate, version_table
from tests.support.harness import MONDAY_NINE, PARTITIONS, Bench, a_service
from tests.support.lead_stories import stories
from tests.support.postgres import MakeDatabase


@pytest.fixture
async def bench(make_database: MakeDatabase) -> AsyncIterator[Bench]:
    async with a_service(service(Settings(Basis("Asia/Ho_Chi_Minh"), "CNY")), make_database) as running:
        yield running


async def rows(bench: Bench) -> list[dict[str, Any]]:
    """All that a row says but the generation of its cells."""
    return await bench.rows(
        "select lead_id, partition, basis, day, captured_recorded_at, touched_at, place, facts from lead_fact order by 1"
    )


async def rebuilt(bench: Bench) -> list[dict[str, Any]]:
    assert (await bench.client.post("/v1/ops/analytics/rebuild")).status_code == 202
    while await bench.next_due():
        for partition in range(PARTITIONS):
            async with bench.transactions.locked([partition]) as work:
                await bench.service.timers[0].fire(work, partition, 50)
    return await rows(bench)


@pytest.mark.parametrize("seed", [11, 12])
async def test_a_lead_told_step_by_step_in_any_order_has_the_row_that_a_rebuild_gives_it(
    bench: Bench, seed: int
) -> None:
    told: list[Event] = stories(seed, 40, MONDAY_NINE)
    rng = random.Random(seed)
    rng.shuffle(told)  # a lead's capture comes anywhere among its steps
    for start in range(0, len(told) - 60, 25):
        await bench.deliver(told[start : min(start + 25, len(told) - 60)])
    kept = await rows(bench)

    assert await rebuilt(bench) == kept

    # most of these are further steps of leads that stand in the new generation by now, and that stay there
    generations = await bench.rows("select lead_id, generation from lead_fact where generation = 1 order by 1")
    await bench.deliver(told[-60:])
    later = await rows(bench)
    assert later != kept
    assert await bench.rows("select lead_id, generation from lead_fact where generation = 1 order by 1") == generations
    assert await rebuilt(bench) == later


async def test_the_instants_of_a_row_are_those_of_the_events_to_the_microsecond(bench: Bench) -> None:
    told = stories(13, 30, MONDAY_NINE + timedelta(microseconds=123_457))
    await bench.deliver(told)
    captured = {event.lead_id: event.recorded_at for event in told if event.wire == "lead.captured"}

    kept = {row["lead_id"]: row["captured_recorded_at"] for row in await rows(bench)}
    assert {lead_id: kept[lead_id] for lead_id in captured} == captured


async def test_rows_of_the_schema_before_are_left_as_they_are_and_pages_have_room_from_then_on(bench: Bench) -> None:
    await bench.deliver(stories(14, 10, MONDAY_NINE))
    before = await rows(bench)
    async with bench.transactions.free() as work:
        raw = await work.raw()
        await raw.execute("alter table lead_fact set (fillfactor = 60)")
        await raw.execute(f"update {version_table('analytics')} set version_num = '0002_reports'")
    await migrate(bench.url, "analytics")

    assert await rows(bench) == before
    assert await bench.rows("select reloptions from pg_class where relname = 'lead_fact'") == [
        {"reloptions": ["fillfactor=40"]}
    ]
