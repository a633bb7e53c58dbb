"""Many clocks at one instant cost few statements, and so does a batch of events."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from shared.contracts import ClockBreached
from sla_watcher.timers import CLOCKS
from tests.integration.sla_watcher.tales import Tale, a_watch, at
from tests.support.harness import PARTITIONS, Bench
from tests.support.postgres import MakeDatabase

HOT = ("lead_fact", "clock", "outbox")


@asynccontextmanager
async def overheard(bench: Bench) -> AsyncGenerator[list[str]]:
    """The statements on the service's own tables and the outbox, of every connection in the pool."""
    statements: list[str] = []
    work: Any
    async with bench.transactions.free() as work:
        connection = await work.raw()

        def hear(query: Any) -> None:
            if any(table in query.query for table in HOT):
                statements.append(query.query)

        connection.add_query_logger(hear)
    yield statements
    connection.remove_query_logger(hear)


async def test_a_thousand_clocks_due_at_once_fire_in_few_statements(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        async with overheard(bench) as statements:
            await bench.deliver([Tale(f"lead {number}").assigned("mon 09:00") for number in range(1000)])
        assert len(statements) <= 4, statements
        due: datetime = at("mon 11:00")
        async with overheard(bench) as statements:
            assert await bench.fire_timers(due) == 1000
        assert len(statements) <= 3 * PARTITIONS, statements
        assert len(await bench.emitted(ClockBreached)) == 1000
        assert await bench.fire_timers(due) == 0


async def test_a_full_take_leaves_the_rest_for_the_next(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        timer = CLOCKS
        await bench.deliver([Tale(f"lead {number}").assigned("mon 09:00") for number in range(40)])
        bench.clock.now = at("mon 11:00")
        for partition in range(PARTITIONS):
            taken = 3
            while taken == 3:
                async with bench.transactions.locked([partition]) as work:
                    taken = await timer.fire(work, partition, 3)
        assert len(await bench.emitted(ClockBreached)) == 40
