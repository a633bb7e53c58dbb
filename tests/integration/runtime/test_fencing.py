"""The lane's version and the sequence numbers: what a stale owner, a repeat, a gap or a lost COMMIT can't do."""

import asyncio
import time
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.runtime.consumer import Consumer, Stopped
from shared.runtime.desk import Desk
from shared.runtime.failures import Fenced
from shared.runtime.streams import Announcement, Record
from tests.integration.runtime.world import Faults, World, a_lead_in, an_engagement, an_update
from tests.support.proxy import Cut, a_proxy
from tests.support.wait import until


def counted(consumer: Consumer, name: str) -> float:
    return consumer.meters.registry.get_sample_value(f"baton_{name}_total", {"service": "scorer"}) or 0


async def handled(world: World, consumer: Consumer, events: int) -> None:
    """Have a consumer turn until so many events have had their effect."""
    for _ in range(20):
        if await world.effects() == events:
            return
        await consumer.turn()
    raise AssertionError(f"{await world.effects()} of {events} events had their effect")


async def test_two_owners_at_once_lose_no_update_of_a_lead_fed_by_two_streams(world: World) -> None:
    faults = Faults(work_s=0.1)
    one, two = await world.consumer(faults, name="one"), await world.consumer(faults, name="two")
    lead_id = a_lead_in(0)
    engaged, updated = await world.emit([an_engagement(lead_id), an_update(lead_id)])

    outcomes = await asyncio.gather(one.consume([engaged]), two.consume([updated]), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes if outcome] == [Fenced]
    assert await world.effects() == 1
    loser = one if outcomes[0] else two
    await loser.recover(Fenced(), 0)
    await handled(world, loser, 2)
    assert await world.value("select n from total") == 2


async def test_two_owners_that_run_at_once_handle_each_event_once(world: World) -> None:
    consumers = [await world.consumer(Faults(work_s=0.005), name=name) for name in ("one", "two")]
    leads = [a_lead_in(lane) for lane in range(4)]
    running = [asyncio.create_task(consumer.run()) for consumer in consumers]
    for _ in range(15):
        await world.emit([event(lead_id) for lead_id in leads for event in (an_engagement, an_update)])

    async def all_handled() -> bool:
        return await world.effects() >= 120

    await until(all_handled)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert await world.effects() == 120
    assert [row.n for row in await world.rows("select n from total")] == [30] * 4
    assert await world.value("select sum(last_seq) from stream_out") == 120
    assert sum(counted(consumer, "fence_rejections") for consumer in consumers) > 0


async def test_a_request_and_a_batch_on_one_lead_lose_no_update(world: World) -> None:
    consumer = await world.consumer(Faults(work_s=0.1))
    leads = [a_lead_in(lane) for lane in range(4)]
    records = await world.emit([an_engagement(lead_id) for lead_id in leads])
    desk = Desk("scorer", world.transactions, lambda _name: None)

    async def add_one(lead_id: UUID) -> None:
        async with desk.work_on([lead_id]) as work:
            known = await work.session.scalar(text("select n from total where lead_id = :id"), {"id": lead_id})
            await work.session.execute(text("select pg_sleep(0.1)"))
            await work.session.execute(
                text("insert into total values (:id, :n) on conflict (lead_id) do update set n = excluded.n"),
                {"id": lead_id, "n": (known or 0) + 1},
            )

    await asyncio.gather(
        *(add_one(lead_id) for lead_id in leads), consumer.consume(records), *(add_one(lead_id) for lead_id in leads)
    )
    assert [row.n for row in await world.rows("select n from total")] == [3] * 4


async def test_a_stale_owners_batch_has_no_effect_and_is_counted(world: World) -> None:
    stale, owner = await world.consumer(name="stale"), await world.consumer(name="owner")
    lead_id = a_lead_in(1)
    records = await world.emit([an_engagement(lead_id) for _ in range(3)])
    await owner.consume(records)

    with pytest.raises(Fenced) as fenced:
        await stale.consume(records)
    await stale.recover(fenced.value, 0)

    assert counted(stale, "fence_rejections") == 1
    assert await world.effects() == 3
    await stale.turn()
    assert await world.effects() == 3
    assert await world.value("select sum(last_seq) from stream_out") == 3


async def test_repeats_are_dropped_and_counted(world: World) -> None:
    consumer = await world.consumer()
    records = await world.emit([an_engagement(a_lead_in(0)) for _ in range(5)])
    await consumer.consume([*records, *records[2:]])
    await consumer.consume(records)
    assert await world.effects() == 5
    assert counted(consumer, "repeats") == 8


async def test_a_record_behind_a_gap_waits_and_the_order_is_kept(world: World) -> None:
    consumer = await world.consumer()
    lead_id = a_lead_in(2)
    records = await world.emit([an_engagement(lead_id) for _ in range(5)])
    await consumer.consume([records[0], records[2], records[3]])
    assert await world.effects() == 1
    assert counted(consumer, "gaps") == 1

    await handled(world, consumer, 5)

    assert [row.seq for row in await world.rows("select seq from effect order by n")] == [1, 2, 3, 4, 5]


async def test_an_old_epochs_repeat_is_no_gap(world: World) -> None:
    consumer = await world.consumer()
    (record,) = await world.emit([an_engagement(a_lead_in(0))])
    again = Record(record.stream, 777, 9, record.id, record.lead_id, record.value)
    await consumer.consume([record])
    announced = {record.stream: [Announcement(777, 9, record.epoch)]}
    vars(consumer.feed)["_announced"].update(announced)
    await consumer.consume([again])
    assert counted(consumer, "repeats") == 1
    assert counted(consumer, "gaps") == 0


async def test_an_unannounced_epoch_stays_suspicious_while_other_streams_go_on(world: World) -> None:
    consumer = await world.consumer()
    known, other = await world.emit([an_engagement(a_lead_in(0)), an_engagement(a_lead_in(1))])
    await consumer.consume([known])
    unannounced = Record(known.stream, known.epoch + 1, 1, known.id, known.lead_id, known.value)
    await consumer.filter([unannounced])
    await consumer.consume([other])
    with pytest.raises(Stopped, match="new-epoch intake"):
        await consumer.check_marks(time.monotonic() + 11)


@pytest.mark.parametrize("cut", Cut)
async def test_a_commit_in_doubt_has_its_effect_once(world: World, cut: Cut) -> None:
    async with a_proxy(world.url) as (proxy, url):
        consumer = await world.consumer(url=url)
        running = asyncio.create_task(consumer.run())
        await world.emit([an_engagement(a_lead_in(lane)) for lane in range(4)])

        async def reached(events: int) -> bool:
            return await world.effects() >= events

        await until(lambda: reached(4))
        proxy.orders.append(cut)
        await world.emit([an_engagement(a_lead_in(lane)) for lane in range(4)])
        await until(lambda: reached(8))
        await world.emit([an_engagement(a_lead_in(lane)) for lane in range(4)])
        await until(lambda: reached(12))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert proxy.made == [cut]
    assert await world.effects() == 12
    assert await world.value("select sum(last_seq) from stream_out") == 12
    assert await world.value("select count(*) from outbox") == 12
    assert counted(consumer, "commits_in_doubt") == 1
