"""Door 3: what is due fires once, never early, and soon."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.runtime.clock import Clock, system_clock
from shared.runtime.ids import new_id
from shared.runtime.timers import Timers
from shared.telemetry.meters import Meters
from tests.integration.runtime.world import PARTITIONS, Claimed, World, a_lead_in, a_score, an_engagement, due_rows
from tests.support.harness import StandingClock
from tests.support.proxy import Cut, a_proxy
from tests.support.wait import until


def timers_on(world: World, url: str | None = None, clock: Clock = system_clock, name: str = "one") -> Timers:
    transactions = world.transactions_on(url, clock=clock)
    timers = Timers([due_rows()], transactions, Claimed(transactions.engine, name, PARTITIONS), Meters())
    transactions.committed.append(timers.wake)
    return timers


async def add_due(world: World, count: int, in_s: float, clock: Clock = system_clock) -> None:
    for n in range(count):
        await world.run(
            "insert into due values (:id, :p, :at, 'due')",
            id=new_id(), p=n % PARTITIONS, at=clock() + timedelta(seconds=in_s),
        )  # fmt: skip


async def fired(world: World) -> int:
    row = (await world.rows("select count(*) as n, count(distinct id) as different from fired"))[0]
    assert row.n == row.different, "a timer fired twice"
    return row.n


def reaching(world: World, count: int) -> Any:
    async def reached() -> bool:
        return await fired(world) >= count

    return reached


async def test_two_instances_fire_each_row_once_and_none_early(world: World) -> None:
    both = [timers_on(world, name=name) for name in ("one", "two")]
    await add_due(world, 40, 0.3)
    await add_due(world, 40, 0.0)
    running = [asyncio.create_task(each.run()) for each in both]
    await until(reaching(world, 80))
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert await fired(world) == 80
    assert await world.value("select count(*) from fired where fired_at < due_at") == 0
    assert await world.value("select max(fired_at - due_at) < interval '1.5 s' from fired")


async def test_nothing_fires_while_the_clock_stands_before_it(world: World) -> None:
    clock = StandingClock()
    timers = timers_on(world, clock=clock)
    await add_due(world, 4, 10, clock)
    assert await timers.round() == 1.0
    clock.forward(seconds=9.999)
    await timers.round()
    assert await fired(world) == 0
    clock.forward(seconds=0.001)
    await timers.round()
    assert await fired(world) == 4


async def test_a_row_that_commits_while_the_timers_look_is_not_slept_through(world: World) -> None:
    timers = timers_on(world)
    looked = asyncio.Event()
    real_round = timers.round

    async def round_and_commit() -> float:
        sleep_s = await real_round()
        if not looked.is_set():
            looked.set()
            async with timers.transactions.locked([0]) as work:
                await work.session.execute(
                    text("insert into due values (:id, 0, :at, 'due')"), {"id": new_id(), "at": work.now}
                )
                work.emit([a_score(an_engagement(a_lead_in(0)), 1)])
        return sleep_s

    woken = Woken(timers, round_and_commit)
    began_s = time.monotonic()
    running = asyncio.create_task(woken.run())
    await until(reaching(world, 1))
    assert time.monotonic() - began_s < 0.6
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Woken(Timers):
    """Timers in whose first round, after the look, something is committed."""

    def __init__(self, timers: Timers, look: Any) -> None:
        super().__init__(timers.timers, timers.transactions, timers.leases, timers.meters, timers.woken)
        self.look = look

    async def round(self) -> float:
        return await self.look()


async def test_a_row_of_another_process_is_seen_within_a_second(world: World) -> None:
    timers = timers_on(world)
    running = asyncio.create_task(timers.run())
    await asyncio.sleep(0.1)
    began_s = time.monotonic()
    await add_due(world, 1, 0)
    await until(reaching(world, 1))
    assert time.monotonic() - began_s < 1.6
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_more_than_one_take_is_fired_in_one_round(world: World) -> None:
    timers = timers_on(world)
    await world.run("insert into due select gen_random_uuid(), 0, now(), 'due' from generate_series(1, 1200)")
    await timers.round()
    assert await fired(world) == 1200


@pytest.mark.parametrize("cut", Cut)
async def test_a_commit_in_doubt_fires_once(world: World, cut: Cut) -> None:
    async with a_proxy(world.url) as (proxy, url):
        timers = timers_on(world, url)
        running = asyncio.create_task(timers.run())
        proxy.orders += [cut, cut]
        await add_due(world, 12, 0)
        await until(reaching(world, 12))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert proxy.made == [cut, cut]
    assert await fired(world) == 12
    assert await world.value("select count(*) from due") == 0


async def test_a_parked_leads_clock_still_fires(world: World) -> None:
    await world.run(
        "insert into parked select gen_random_uuid(), 0, gen_random_uuid(), 'lead.engaged', 1, 1, gen_random_uuid(),"
        " '', 'parked', 'why', 'digest'"
    )
    await add_due(world, 1, 0)
    await timers_on(world).round()
    assert await fired(world) == 1
