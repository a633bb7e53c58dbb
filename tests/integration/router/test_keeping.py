"""What the router keeps, and how: secrets sealed, the past for as long as somebody may ask for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook

from router.keeping import seal_anew, seal_open_secrets, tidy
from router.main import service
from router.sending import sealed
from router.store import deliveries, past
from shared.runtime.ids import new_id
from shared.store.sealing import Seal
from tests.integration.router.leads import one_team, story
from tests.integration.router.receiving import LOCAL, SECRET, a_receiver, keys, states, subscribe, until_states
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase
from tests.support.wait import until


@pytest.fixture
async def bench(make_database: MakeDatabase) -> AsyncIterator[Bench]:
    """A router whose housekeeping, the last of its background, is left to the tests."""
    built, presets = service(LOCAL, keys), {"routing": one_team("minh", "lan")}
    quiet = replace(built, background=built.background[:-1])
    async with a_service(quiet, make_database, presets=presets) as running:
        yield running


async def write(bench: Bench, statement: str, rows: Sequence[dict[str, Any]]) -> None:
    async with bench.desk.work() as work:
        await work.session.execute(text(statement), list(rows))


async def test_a_subscriptions_secret_is_not_in_the_database(bench: Bench) -> None:
    await subscribe(bench, "http://127.0.0.1:9/", "lead.assigned")
    made = await bench.client.post(
        "/v1/subscriptions", json={"url": "http://127.0.0.1:9/", "events": ["lead.assigned"]}
    )
    rows = [row["secret"] for row in await bench.rows("select secret from subscription order by created_at")]
    assert not any(secret in row for row in rows for secret in (SECRET, made.json()["secret"], "whsec_"))
    assert {sealed.found(Seal(keys), row, {}.get) for row in rows} == {SECRET, made.json()["secret"]}
    assert [sealed.found(Seal(lambda: ["another"]), row, {}.get) for row in rows] == [None, None]


async def test_a_secret_that_lay_open_still_signs_and_is_sealed_at_the_start(bench: Bench) -> None:
    async with a_receiver() as receiver:
        await subscribe(bench, receiver.url, "lead.assigned")
        await write(bench, "update subscription set secret = :secret", [{"secret": SECRET}])
        await bench.deliver(story("linh"))
        await until_states(bench, "sent")
        await seal_open_secrets(bench.desk, Seal(keys))
        (row,) = await bench.rows("select secret from subscription")
        assert SECRET not in row["secret"]
        await bench.deliver(story("nga"))
        await until_states(bench, "sent", "sent")
    for got in receiver.got:
        Webhook(SECRET).verify(got.body, got.headers)


async def test_secrets_are_sealed_anew_when_the_key_is_changed(bench: Bench) -> None:
    await subscribe(bench, "http://127.0.0.1:9/", "lead.assigned")
    await seal_anew(bench.desk, Seal(lambda: ["new", *keys()]))
    (changed,) = await bench.rows("select secret from subscription")
    assert sealed.found(Seal(lambda: ["new"]), changed["secret"], {}.get) == SECRET
    for others in (["new"], ["new", *keys()], ["lost"]):
        await seal_anew(bench.desk, Seal(lambda others=others: others))
        assert await bench.rows("select secret from subscription") == [changed]


async def test_housekeeping_begins_with_the_start(bench: Bench) -> None:
    await subscribe(bench, "http://127.0.0.1:9/", "lead.assigned")
    await write(bench, "update subscription set secret = :secret", [{"secret": SECRET}])
    keeper = asyncio.ensure_future(service(LOCAL, keys).background[-1](bench.desk))

    async def is_sealed() -> bool:
        (kept,) = await bench.rows("select secret from subscription")
        return kept["secret"].startswith(sealed.SEALED)

    try:
        await until(is_sealed)
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def test_the_name_of_a_secret_stays_as_it_is() -> None:
    kept = sealed.to_keep(Seal(keys), "env:HOOK")
    assert kept == "env:HOOK"
    assert sealed.found(Seal(keys), kept, {"env:HOOK": SECRET}.get) == SECRET


async def test_deliveries_go_a_month_after_their_end(bench: Bench) -> None:
    async with a_receiver() as receiver:
        await subscribe(bench, receiver.url, "lead.assigned")
        await bench.deliver(story("linh"))
        await until_states(bench, "sent")
    bench.clock.now += deliveries.KEPT
    assert await tidy(bench.desk) == 0
    bench.clock.forward(seconds=1)
    assert await tidy(bench.desk) == 1
    assert await states(bench) == []


async def test_what_is_pending_stays_however_old_it_is(bench: Bench) -> None:
    await subscribe(bench, "http://127.0.0.1:9/", "lead.assigned")
    await bench.deliver(story("linh"))
    bench.clock.now += 2 * deliveries.KEPT
    assert await tidy(bench.desk) == 0
    assert await states(bench) == ["pending"]


async def test_answers_of_what_ifs_go_after_three_months(bench: Bench) -> None:
    now = bench.clock.now
    old, young = new_id(), new_id()
    rows = [
        {"id": old, "at": now - past.ANSWERS_KEPT - timedelta(seconds=1)},
        {"id": young, "at": now - past.ANSWERS_KEPT},
    ]
    await write(bench, "insert into what_if values (:id, 'lan', :at, '{}')", rows)
    assert await tidy(bench.desk) == 1
    assert [row["what_if_id"] for row in await bench.rows("select what_if_id from what_if")] == [young]


async def test_the_past_goes_up_to_the_desk_from_which_the_oldest_window_is_replayed(bench: Bench) -> None:
    edge = bench.clock.now - past.REPLAYABLE
    days = [(number, edge + timedelta(days=number - 30)) for number in (10, 20, 28, 31)]
    await write(
        bench,
        "insert into desk_day values (:team, :number, :at, '{}')",
        [{"team": "sales", "number": number, "at": at} for number, at in days],
    )
    acts = [("sales", number, edge + timedelta(days=number - 30)) for number in (11, 27, 28, 29, 31)]
    acts += [
        ("gone", 1, edge - timedelta(days=1)),
        ("gone", 2, edge + timedelta(days=1)),
        (None, None, edge - timedelta(days=9)),
    ]
    rows = [{"id": new_id(), "team": team, "number": number, "at": at} for team, number, at in acts]
    await write(bench, "insert into look values (:id, :team, :number, :id, '{}', 'full', 1, :at)", rows)
    await write(
        bench,
        "insert into desk_release values (:id, :team, :number, 'lan', :id, :at)",
        [row for row in rows if row["team"]],
    )
    await write(bench, "insert into waiting_left values (:id, :id, :at)", rows)
    while await tidy(bench.desk, most=1):
        pass
    (oldest,) = await bench.rows("select min(at) as at, count(*) as kept from waiting_left")
    assert (oldest["at"], oldest["kept"]) == (edge - timedelta(days=2), 5)
    assert [row["number"] for row in await bench.rows("select number from desk_day order by number")] == [28, 31]
    for table in ("look", "desk_release"):
        kept = await bench.rows(f"select team, number from {table} order by team, number")
        assert [tuple(row.values()) for row in kept] == [("gone", 2), ("sales", 28), ("sales", 29), ("sales", 31)], (
            table
        )
