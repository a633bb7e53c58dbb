"""The outbox: three generations turn, and nothing goes that a registered consumer does not hold."""

import asyncio
import time
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.runtime.failures import is_passing
from shared.runtime.streams import Position, Stream
from shared.store import outbox
from shared.store.register import begin_epoch, register, report_consumed
from tests.integration.runtime.world import World, a_lead_in, an_engagement

ENGAGED = Stream("lead.engaged", 0)


async def turned(world: World) -> bool:
    async with world.upstream.engine.connect() as session:
        dropped = await outbox.drop_consumed(session)
        await session.commit()
        return dropped


async def numbers(world: World) -> list[int]:
    async with world.upstream.reading() as session:
        rows = await session.scalars(
            text("select seq from outbox where topic = :t and partition = :p order by epoch, seq"),
            {"t": ENGAGED.topic, "p": ENGAGED.partition},
        )
        return list(rows)


async def upstream_value(world: World, query: str) -> int:
    async with world.upstream.reading() as session:
        return await session.scalar(text(query)) or 0


async def upstream_text(world: World, query: str) -> str:
    async with world.upstream.reading() as session:
        return str(await session.scalar(text(query)))


async def report(world: World, service: str, seq: int, epoch: int | None = None) -> None:
    async with world.upstream.free() as work:
        epoch = epoch or await work.session.scalar(text("select max(epoch) from stream_out where last_seq > 0"))
        await report_consumed(work.session, service, {ENGAGED: Position(epoch or 0, seq)})


async def only_consumers(world: World, *names: str) -> None:
    async with world.upstream.free() as work:
        await work.session.execute(
            text("delete from consumer where service <> all(cast(:names as text[]))"), {"names": list(names)}
        )


async def emit(world: World, count: int) -> None:
    await world.emit([an_engagement(a_lead_in(0)) for _ in range(count)])


async def test_generations_turn_and_nothing_above_the_slowest_report_goes(world: World) -> None:
    await only_consumers(world, "scorer", "router")
    held = {"scorer": 0, "router": 0}
    kept = [0]
    for step in range(1, 13):
        await emit(world, 5)
        held["scorer"] = step * 5
        held["router"] = max(0, step * 5 - 12)
        for service, seq in held.items():
            if seq:
                await report(world, service, seq)
        await turned(world)
        kept = await numbers(world)
        assert kept == list(range(kept[0], step * 5 + 1)), "a number is missing above the first that is kept"
        assert kept[0] <= held["router"] + 1, "a number went that the router does not hold"
    assert kept[0] > 1, "nothing was ever dropped"
    async with world.upstream.reading() as session:
        floors = await outbox.floors(session)
    assert floors[ENGAGED].seq == kept[0] - 1


async def test_a_consumer_that_never_reported_holds_everything_back(world: World) -> None:
    await only_consumers(world, "scorer", "router")
    for _ in range(6):
        await emit(world, 2)
        await report(world, "scorer", 12)
        assert not await turned(world)
    assert await numbers(world) == list(range(1, 13))


async def test_a_removed_consumer_pins_nothing_and_its_report_does_not_bring_it_back(world: World) -> None:
    await only_consumers(world, "scorer", "router")
    for _ in range(3):
        await emit(world, 2)
        await turned(world)
    await report(world, "scorer", 6)
    assert not await turned(world)
    await only_consumers(world, "scorer")
    await report(world, "router", 1)
    assert await turned(world)
    assert await upstream_value(world, "select count(*) from consumer where service = 'router'") == 0


async def test_a_new_consumer_pins_from_its_registration_on(world: World) -> None:
    await only_consumers(world, "scorer")
    for _ in range(3):
        await emit(world, 2)
        await turned(world)
    await report(world, "scorer", 6)
    async with world.upstream.free() as work:
        await register(work.session, "newcomer", [ENGAGED.topic], 4)
    assert not await turned(world)
    assert await numbers(world) == list(range(1, 7))


async def test_dropping_waits_for_no_long_reader_and_holds_nobody_back(world: World) -> None:
    await only_consumers(world, "scorer")
    for _ in range(3):
        await emit(world, 2)
        await turned(world)
    await report(world, "scorer", 6)
    async with world.upstream.engine.connect() as reader:
        await reader.execute(text("select count(*) from outbox"))
        began_s = time.monotonic()
        with pytest.raises(Exception, match="lock timeout") as gave_up:
            await turned(world)
        assert is_passing(gave_up.value)
        assert time.monotonic() - began_s < 1
        await emit(world, 1)
        await reader.rollback()
    assert await turned(world)


async def test_a_writer_that_saw_the_old_generation_loses_nothing(world: World) -> None:
    """It writes where it looked, and what lies there goes only after the consumers have reported it."""
    await only_consumers(world, "scorer")
    stop = asyncio.Event()
    written = 0

    async def write() -> None:
        nonlocal written
        while not stop.is_set():
            await emit(world, 1)
            written += 1

    writing = asyncio.create_task(write())
    dropped = 0
    for _ in range(30):
        async with world.upstream.reading() as session:
            durable = (await outbox.heads(session))[ENGAGED].seq
        if durable > 3:
            await report(world, "scorer", durable - 3)
        with suppress(DBAPIError):  # a writer was in the way: next time
            dropped += await turned(world)
        kept = await numbers(world)
        if kept:
            assert kept == list(range(kept[0], kept[-1] + 1))
            assert kept[0] <= max(1, durable - 2)
    stop.set()
    await writing
    assert dropped > 3
    assert (await numbers(world))[-1] == written


async def test_a_restored_producers_old_epoch_goes_when_all_are_past_it(world: World) -> None:
    await only_consumers(world, "scorer")
    await emit(world, 3)
    async with world.upstream.free() as work:
        old = await work.session.scalar(text("select epoch from stream_out limit 1")) or 0
        await begin_epoch(work.session, old + 1)
    await report(world, "scorer", 2, old)
    for _ in range(3):
        await emit(world, 1)
        assert not await turned(world)
    await report(world, "scorer", 1, old + 1)
    assert await turned(world)
    assert await numbers(world) == [2, 3], "the old epoch and the new one's first number shared a generation"
    floors = "select string_agg(floor::text, ' ' order by epoch) from outbox_floor where partition = 0"
    assert await upstream_text(world, floors) == "3 1"


async def test_reading_a_filled_outbox_uses_the_key_alone(world: World) -> None:
    async with world.upstream.free() as work:
        epoch = await work.session.scalar(text("select epoch from stream_out limit 1")) or 0
        await work.session.execute(
            text(
                "insert into outbox select 'lead.engaged', n % 4, :epoch, n, g, gen_random_uuid(), gen_random_uuid(),"
                " '\\x00' from generate_series(1, 6000) n, generate_series(0, 2) g"
            ),
            {"epoch": epoch},
        )
    async with world.upstream.engine.connect() as session:
        raw = (await session.get_raw_connection()).driver_connection
        assert raw is not None
        plans: list[str] = []
        await raw.execute("load 'auto_explain'; set auto_explain.log_min_duration = 0; set client_min_messages = log")

        def hear(_connection: object, message: object) -> None:
            plans.append(str(message))

        raw.add_log_listener(hear)
        records = await outbox.read(raw, {ENGAGED: Position(epoch, 5800)}, 20)
        await session.rollback()
        await session.invalidate()
    assert [record.seq for record in records] == sorted(record.seq for record in records)
    assert len(records) == 20
    (plan,) = [each for each in plans if "outbox" in each]
    assert "Seq Scan" not in plan
    assert "Bitmap" not in plan
    assert plan.count("Index Scan using outbox_") == 3
    assert "seq > f.after" in plan
