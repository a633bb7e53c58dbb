"""A frozen owner must not hold locks: the database itself ends what idles or waits too long."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import text

import shared
from shared.runtime.failures import is_passing
from tests.integration.runtime.world import World, a_lead_in, an_engagement
from tests.support.wait import until


async def test_every_session_is_bounded(world: World) -> None:
    async with world.pool(idle_in_transaction_s=2, statement_s=7).connect() as session:
        names = ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout", "plan_cache_mode", "jit")
        shown = {name: await session.scalar(text(f"show {name}")) for name in names}
        level = await session.scalar(text("show transaction_isolation"))
    assert shown == {
        "idle_in_transaction_session_timeout": "2s",
        "lock_timeout": "4s",
        "statement_timeout": "7s",
        "plan_cache_mode": "force_custom_plan",
        "jit": "off",
    }
    assert level == "read committed"


async def test_a_frozen_owners_lane_is_free_again(world: World) -> None:
    frozen = world.transactions_on(idle_in_transaction_s=0.3)
    thawed = asyncio.Event()

    async def hold() -> None:
        async with frozen.locked([0]) as work:
            await work.session.execute(text("insert into total values (gen_random_uuid(), 1)"))
            await thawed.wait()

    holder = asyncio.create_task(hold())
    waiting = world.transactions_on()

    async def holding() -> bool:
        return bool(await world.value("select count(*) from pg_locks where relation = 'total'::regclass"))

    await until(holding)
    began_s = time.monotonic()
    async with waiting.locked([0]) as work:
        await work.session.execute(text("insert into total values (gen_random_uuid(), 2)"))
    assert time.monotonic() - began_s < 3
    thawed.set()
    with pytest.raises(Exception, match=r".") as ended:
        await holder
    assert is_passing(ended.value)
    assert [row.n for row in await world.rows("select n from total")] == [2]


async def test_a_consumer_frozen_between_fence_and_commit_harms_nobody(world: World) -> None:
    frozen = world.transactions_on(idle_in_transaction_s=0.3)
    other = await world.consumer(name="other")
    records = await world.emit([an_engagement(a_lead_in(0))])
    thawed = asyncio.Event()
    holding = asyncio.Event()

    async def hold() -> None:
        async with frozen.fenced({0: other.state.versions[0]}):
            holding.set()
            await thawed.wait()

    holder = asyncio.create_task(hold())
    await holding.wait()
    await other.consume(records)
    thawed.set()
    with pytest.raises(Exception, match=r".") as ended:
        await holder
    assert is_passing(ended.value)
    assert await world.effects() == 1


def test_nobody_connects_past_the_bounded_pool() -> None:
    """`create_async_engine` stands in the one bounded place, and in the migrations' own."""
    package = Path(shared.__file__).parent
    users = {path.name for path in package.rglob("*.py") if "create_async_engine(" in path.read_text()}
    assert users == {"engine.py", "migrate.py"}
