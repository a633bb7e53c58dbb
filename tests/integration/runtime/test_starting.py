"""A start waits for a PostgreSQL that is away, and stops with a sentence for what a person must mend."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import make_url

from shared.runtime.clock import system_clock
from shared.runtime.node import prepare
from shared.runtime.patience import Unusable, patiently
from shared.runtime.service import Service
from shared.store.engine import engine
from tests.integration.runtime.world import BLANK, PARTITIONS, Faults, World, a_lead_in, an_engagement
from tests.support.postgres import MakeDatabase
from tests.support.proxy import a_proxy
from tests.support.wait import until


async def start(url: str) -> None:
    pool = engine(url, application="test")
    try:
        await prepare(Service("scorer", BLANK), url, pool, partitions=PARTITIONS, clock=system_clock, presets={})
    finally:
        await pool.dispose()


async def test_a_database_that_is_away_is_waited_for(
    make_database: MakeDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_proxy(await make_database("late")) as (proxy, url):
        proxy.away = True
        starting = asyncio.create_task(start(url))
        said: list[str] = []

        async def waits() -> bool:
            said.append(capsys.readouterr().out)
            return starting.done() or "waiting for PostgreSQL" in "".join(said)

        await until(waits)
        assert not starting.done()
        assert "the scorer database" in "".join(said)
        proxy.away = False
        await asyncio.wait_for(starting, 30)


async def test_a_database_that_does_not_exist_ends_the_start_with_a_sentence(make_database: MakeDatabase) -> None:
    url = make_url(await make_database("there")).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(Unusable, match=r"the scorer database: this database does not exist .*BATON_POSTGRES"):
        await start(url)


async def test_a_wrong_password_is_not_tried_again() -> None:
    tries: list[int] = []

    async def attempt() -> None:
        tries.append(1)
        raise asyncpg.InvalidPasswordError('password authentication failed for user "baton"')

    with pytest.raises(Unusable, match="PostgreSQL refuses the password"):
        await patiently("the scorer database", attempt)
    assert len(tries) == 1


async def test_a_recovering_server_is_waited_for() -> None:
    errors: list[Exception] = [
        asyncpg.CannotConnectNowError("the database system is starting up"),
        ConnectionRefusedError(111, "refused"),
    ]

    async def attempt() -> str:
        if errors:
            raise errors.pop()
        return "there"

    assert await patiently("the scorer database", attempt) == "there"


async def test_a_start_remembers_what_was_parked_shortly_before(world: World) -> None:
    """Else a process that ends at the limit and is started again and again parks twenty at each start."""
    first = await world.node("first", Faults(poison={"bad"}), lease_s=1.0)
    await world.emit([an_engagement(a_lead_in(n % 4), "bad") for n in range(40)])
    with pytest.raises(Exception, match="records can't be handled"):
        await world.start(first)
    parked = await world.value("select count(*) from parked where state = 'parked'")
    assert parked == 20
    again = await world.node("again", Faults(poison={"bad"}), lease_s=1.0)
    with pytest.raises(Exception, match="records can't be handled"):
        await world.start(again)
    assert await world.value("select count(*) from parked where state = 'parked'") == 21
