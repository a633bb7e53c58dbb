"""Poison: a record that can't be handled is put aside alone, with its lead; everybody else goes on."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from shared.contracts import LeadEngaged
from shared.http.app import build
from shared.http.operations import operations
from shared.runtime.consumer import Consumer
from shared.runtime.desk import Desk
from shared.runtime.ids import new_id
from shared.runtime.parking import Parking, TooManyParked
from shared.runtime.service import Delivered, Service, Subscription, Unprocessable
from shared.runtime.streams import Record
from shared.runtime.work import Work
from tests.integration.runtime.test_fencing import counted, handled
from tests.integration.runtime.world import BLANK, Faults, World, a_capture, a_lead_in, an_engagement
from tests.support.harness import Anyone
from tests.support.wait import until


@asynccontextmanager
async def operators(world: World, consumer: Consumer) -> AsyncGenerator[httpx.AsyncClient]:
    desk = Desk("scorer", world.transactions, lambda _name: None)
    app = build([operations(desk, consumer.service, consumer)], {"scorer": Anyone()})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://baton.test/v1/ops/scorer",
        headers={"Authorization": "Bearer operator"},
    ) as client:
        yield client


async def parked_rows(world: World) -> list[Any]:
    return await world.rows("select * from parked where state in ('parked', 'behind') order by parked_at, id")


async def one_poisoned(world: World, faults: Faults) -> tuple[Consumer, UUID, list[Record]]:
    """500 records of which the 200th is bad; three later ones are of the same lead."""
    consumer = await world.consumer(faults)
    sick = a_lead_in(1)
    events = [an_engagement(a_lead_in(n % 4)) for n in range(496)]
    events[199:199] = [an_engagement(sick, "bad")]
    for place in (210, 300, 400):
        events[place:place] = [an_engagement(sick, "good")]
    records = await world.emit(events)
    await consumer.consume(records)
    return consumer, sick, records


async def test_one_bad_record_among_500_is_parked_alone_with_a_digest(world: World) -> None:
    consumer, sick, _ = await one_poisoned(world, Faults(poison={"bad"}))

    assert await world.effects() == 496
    rows = await parked_rows(world)
    assert [row.state for row in rows] == ["parked", "behind", "behind", "behind"]
    assert {row.lead_id for row in rows} == {sick}
    assert len(rows[0].digest) == 16
    assert "ValueError" in rows[0].reason
    assert "can't be read" not in rows[0].reason, "what it failed on could be personal"
    assert counted(consumer, "parked") == 1
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)


async def test_the_same_fault_has_the_same_digest(world: World) -> None:
    consumer = await world.consumer(Faults(poison={"bad"}))
    await consumer.consume(await world.emit([an_engagement(a_lead_in(lane), "bad") for lane in range(3)]))
    assert len({row.digest for row in await parked_rows(world)}) == 1


async def test_what_comes_later_waits_behind_and_other_leads_go_on(world: World) -> None:
    consumer = await world.consumer(Faults(poison={"bad"}))
    sick, well = a_lead_in(1), a_lead_in(1)
    await consumer.consume(await world.emit([an_engagement(sick, "bad")]))
    await consumer.consume(await world.emit([an_engagement(sick), an_engagement(well), an_engagement(sick)]))
    assert [row.lead_id for row in await world.rows("select lead_id from effect")] == [well]
    assert [row.state for row in await parked_rows(world)] == ["parked", "behind", "behind"]


async def test_release_handles_them_in_order_and_the_owner_knows(world: World) -> None:
    faults = Faults(poison={"bad"})
    consumer, sick, _ = await one_poisoned(world, faults)
    first = (await parked_rows(world))[0]
    async with operators(world, consumer) as client:
        listed = (await client.get("/parked")).json()["items"]
        assert [item["state"] for item in listed] == ["parked", "behind", "behind", "behind"]
        refused = await client.post(f"/parked/{first.id}/release")
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:baton:problem:still-fails"
        assert len(await parked_rows(world)) == 4

        faults.poison.clear()
        assert (await client.post(f"/parked/{first.id}/release")).json()["released"] == 4
        assert (await client.post(f"/parked/{first.id}/release")).status_code == 404

    seqs = [row.seq for row in await world.rows("select seq from effect where lead_id = :l order by n", l=sick)]
    assert seqs == sorted(seqs)
    assert len(seqs) == 4
    await world.emit([an_engagement(sick)])
    running = asyncio.create_task(consumer.run())

    async def all_handled() -> bool:
        return await world.effects() == 501

    await until(all_handled)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await parked_rows(world) == []
    assert sick not in consumer.state.parked


async def test_an_event_that_reached_the_owner_before_the_release_is_not_handled_out_of_order(world: World) -> None:
    """The owner's memory says parked; the lane's version says that it is out of date."""
    faults = Faults(poison={"bad"})
    consumer = await world.consumer(faults)
    sick = a_lead_in(0)
    await consumer.consume(await world.emit([an_engagement(sick, "bad")]))
    faults.poison.clear()
    (parked,) = await parked_rows(world)
    async with operators(world, consumer) as client:
        await client.post(f"/parked/{parked.id}/release")
    await world.emit([an_engagement(sick)])
    running = asyncio.create_task(consumer.run())

    async def both() -> bool:
        return await world.effects() == 2

    await until(both)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await parked_rows(world) == []


async def test_discard_drops_one_and_says_what_still_waits(world: World) -> None:
    consumer, _, _ = await one_poisoned(world, Faults(poison={"bad"}))
    bad, *behind = await parked_rows(world)
    async with operators(world, consumer) as client:
        said = (await client.post(f"/parked/{bad.id}/discard")).json()
        assert said["waiting"] == [str(row.id) for row in behind]
        assert (await client.post(f"/parked/{bad.id}/discard")).status_code == 404
        assert (await client.post(f"/parked/{behind[0].id}/release")).json()["released"] == 3
    assert await world.effects() == 499
    assert await parked_rows(world) == []


async def test_what_was_released_can_not_be_discarded_afterwards(world: World) -> None:
    faults = Faults(poison={"bad"})
    consumer = await world.consumer(faults)
    sick = a_lead_in(2)
    await consumer.consume(await world.emit([an_engagement(sick, "bad")]))
    (row,) = await parked_rows(world)
    faults.poison.clear()
    faults.work_s = 0.3
    async with operators(world, consumer) as client:
        release = asyncio.create_task(client.post(f"/parked/{row.id}/release"))

        async def at_work() -> bool:
            asleep = (
                "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
            )
            return bool(await world.value(asleep))

        await until(at_work)
        discarded = await client.post(f"/parked/{row.id}/discard")
        assert (await release).status_code == 200
    assert discarded.status_code == 404
    assert await world.value("select state from parked") == "released"


async def test_too_many_parked_stops_the_consumer_with_nothing_lost(world: World) -> None:
    faults = Faults(poison={"bad"})
    consumer = await world.consumer(faults)
    consumer.parking = Parking(most_share=0.01)
    await world.emit([an_engagement(a_lead_in(n % 4), "bad") for n in range(60)])
    with pytest.raises(TooManyParked, match="scorer"):
        await consumer.run()
    aside = await world.value("select count(*) from parked where state = 'parked'")
    assert 0 < aside <= 20
    assert await world.effects() == 0

    faults.poison.clear()
    mended = await world.consumer(faults, name="mended")
    await handled(world, mended, 60 - aside)
    assert await world.value("select sum(seq) from position_in") == 60


async def test_parking_is_counted_once_where_its_transaction_has_to_be_repeated() -> None:
    parking = Parking()
    for _ in range(100):
        parking.allow("scorer")
    for _ in range(20):
        parking.allow("scorer")
        parking.parked()
    with pytest.raises(TooManyParked):
        parking.allow("scorer")


def sql_error(statement: str) -> Service:
    """A scorer whose statement fails as often as would park a record of its own fault."""
    subscription = Subscription()

    @subscription.on(LeadEngaged)
    async def fail(batch: Sequence[Delivered[Any]], work: Work) -> None:
        tried = await work.session.scalar(text("select nextval('tried')"))
        if tried <= 4:
            await work.session.execute(text(statement))
        await work.session.execute(
            text("insert into effect (event_id, lead_id) values (:id, :lead)"),
            [{"id": each.id, "lead": each.event.lead_id} for each in batch],
        )

    return Service("scorer", BLANK, subscription)


@pytest.mark.parametrize(
    "statement",
    [
        "do $$ begin raise sqlstate '40001'; end $$",
        "do $$ begin raise sqlstate '40P01'; end $$",
        "do $$ begin raise sqlstate '53100'; end $$",
        "do $$ begin raise sqlstate '57014'; end $$",
        "select pg_terminate_backend(pg_backend_pid())",
    ],
    ids=["serialization", "deadlock", "disk full", "timeout", "connection"],
)
async def test_what_passes_by_itself_is_never_parked(world: World, statement: str) -> None:
    await world.run("create sequence tried")
    consumer = await world.consumer(service=sql_error(statement))
    await world.emit([an_engagement(a_lead_in(0))])  # alone, so that each failure is its own
    running = asyncio.create_task(consumer.run())

    async def all_handled() -> bool:
        return await world.effects() == 1

    await until(all_handled)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await world.value("select last_value from tried") >= 5
    assert await parked_rows(world) == []


@pytest.mark.parametrize("through", ["sqlalchemy", "asyncpg"])
async def test_a_value_that_no_column_takes_is_parked_and_not_tried_for_ever(world: World, through: str) -> None:
    """A fault that the driver finds before the server does is no lost connection."""
    subscription = Subscription()

    @subscription.on(LeadEngaged)
    async def overflow(batch: Sequence[Delivered[Any]], work: Work) -> None:
        for each in batch:
            number = 2**40 if each.event.kind == "bad" else 1
            if through == "asyncpg":
                await (await work.raw()).execute("insert into total values ($1, $2)", each.event.lead_id, number)
            else:
                await work.session.execute(
                    text("insert into total values (:id, :n)"), {"id": each.event.lead_id, "n": number}
                )

    consumer = await world.consumer(service=Service("scorer", BLANK, subscription))
    records = await world.emit([an_engagement(a_lead_in(0), kind) for kind in ("good", "bad", "good")])
    await consumer.consume(records)
    assert [row.event_id for row in await parked_rows(world)] == [records[1].id]
    assert await world.value("select count(*) from total") == 2


async def test_a_handlers_own_word_is_the_reason_and_it_is_not_tried_again(world: World) -> None:
    tries = 0

    def refuse() -> Exception:
        nonlocal tries
        tries += 1
        return Unprocessable("its scorecard is gone")

    consumer = await world.consumer(Faults(poison={"bad"}, error=refuse))
    await consumer.consume(await world.emit([an_engagement(a_lead_in(0), "bad")]))
    assert [row.reason for row in await parked_rows(world)] == ["its scorecard is gone"]
    assert tries == 2


async def test_a_record_that_is_no_event_is_parked(world: World) -> None:
    consumer = await world.consumer()
    good, bad = await world.emit([a_capture(a_lead_in(0)), a_capture(a_lead_in(0))])
    torn = Record(bad.stream, bad.epoch, bad.seq, bad.id, bad.lead_id, b'{"lead_id": ')
    await consumer.consume([good, torn])
    assert [row.event_id for row in await parked_rows(world)] == [bad.id]
    assert await world.effects() == 1


async def test_a_parked_capture_is_in_the_tally_once(world: World) -> None:
    """The audit counts every capture whose position was consumed, parked or not."""
    subscription = Subscription()
    healthy: list[bool] = []

    @subscription.on(type(a_capture(new_id())))
    async def fail(_batch: Sequence[Delivered[Any]], _work: Work) -> None:
        if not healthy:
            raise ValueError

    consumer = await world.consumer(service=Service("scorer", BLANK, subscription))
    await consumer.consume(await world.emit([a_capture(a_lead_in(0))]))
    assert await world.value("select sum(count) from capture_tally") == 1
    (row,) = await parked_rows(world)
    healthy.append(True)
    async with operators(world, consumer) as client:
        assert (await client.post(f"/parked/{row.id}/release")).status_code == 200
    assert await world.value("select sum(count) from capture_tally") == 1
