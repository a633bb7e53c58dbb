"""The embedded hand-over: bounded, out of order, restarted, and still each event once and in its stream's order."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.runtime.streams import Position, Record, Stream
from shared.store import outbox
from shared.transport import embedded
from tests.integration.runtime.test_fencing import handled
from tests.integration.runtime.world import Faults, World, a_lead_in, an_engagement, an_update
from tests.support.wait import until


async def in_order(world: World, events: int) -> None:
    """Every event had its effect once, and each stream in the order of its numbers without a hole."""
    assert await world.effects() == events
    rows = await world.rows(
        "select topic, seq, row_number() over (partition by topic, crc order by n) as place from ("
        "select e.n, e.topic, e.seq, p.partition as crc from effect e join lane_of p using (lead_id)) placed"
    )
    assert all(row.seq == row.place for row in rows)


async def note_lanes(world: World, leads: Sequence[list[object]]) -> None:
    await world.run("create table lane_of (lead_id uuid primary key, partition int)")
    for lane, some in enumerate(leads):
        await world.run(
            "insert into lane_of select id, :lane from unnest(cast(:ids as uuid[])) id", lane=lane, ids=some
        )


async def test_5000_events_of_overlapping_commits_come_once_in_order_with_a_restart_in_the_middle(
    world: World,
) -> None:
    leads = [[a_lead_in(lane) for _ in range(10)] for lane in range(4)]
    await note_lanes(world, [list(some) for some in leads])
    rng = random.Random(7)

    async def produce(seed: int) -> None:
        own = random.Random(seed)
        left = 625
        while left:
            count = min(left, own.choice((1, 3, 10, 40, 120)))
            left -= count
            await world.emit(
                [own.choice((an_engagement, an_update))(own.choice(own.choice(leads))) for _ in range(count)]
            )

    producing = [asyncio.create_task(produce(rng.randrange(10**6))) for _ in range(8)]
    first = await world.consumer(name="first")
    running = asyncio.create_task(first.run())

    async def some() -> bool:
        return await world.effects() > 700

    async def all_handled() -> bool:
        return await world.effects() == 5000

    await until(some)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await first.feed.close()
    second = await world.consumer(name="second")
    running = asyncio.create_task(second.run())
    await asyncio.gather(*producing)
    await until(all_handled)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await in_order(world, 5000)


async def test_what_the_buffer_can_not_hold_is_read_from_the_outbox(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_BUFFER_RECORDS", 20)
    leads = [[a_lead_in(lane)] for lane in range(4)]
    await note_lanes(world, [list(some) for some in leads])
    consumer = await world.consumer(Faults())
    await consumer.feed.take(1, 0.01)
    for _ in range(12):
        await world.emit([an_engagement(leads[n % 4][0]) for n in range(25)])
    assert len(vars(consumer.feed)["_buffer"]) <= 20
    await handled(world, consumer, 300)
    await in_order(world, 300)


async def test_what_is_told_in_memory_is_not_read_from_the_outbox(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = [[a_lead_in(lane)] for lane in range(4)]
    await note_lanes(world, [list(some) for some in leads])
    consumer = await world.consumer()
    await consumer.feed.take(1, 0.01)
    read: list[int] = []
    outbox_read = outbox.read

    async def counted(*args: Any) -> list[Record]:
        read.append(len(args))
        return await outbox_read(*args)

    monkeypatch.setattr(outbox, "read", counted)
    for _ in range(12):
        await world.emit([an_engagement(leads[n % 4][0]) for n in range(25)])
    await handled(world, consumer, 300)
    await in_order(world, 300)
    assert read == []


async def test_commits_heard_of_in_the_wrong_order_are_put_right(world: World) -> None:
    consumer = await world.consumer()
    lead_id = a_lead_in(0)
    await note_lanes(world, [[lead_id]])
    feed = consumer.feed
    assert isinstance(feed, embedded.EmbeddedFeed)
    await feed.take(10, 0.01)
    heard = world.upstream.committed.pop(0)
    batches: list[list[Record]] = [await world.emit([an_engagement(lead_id)]) for _ in range(6)]
    for place in (1, 0, 3, 3, 2, 5):
        heard(batches[place])
    await handled(world, consumer, 6)
    await in_order(world, 6)


async def test_a_commit_nobody_announced_is_found_by_the_poll(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_POLL_S", 0.2)
    consumer = await world.consumer()
    await consumer.feed.take(10, 0.01)
    world.upstream.committed.clear()
    await world.emit([an_engagement(a_lead_in(0))])
    running = asyncio.create_task(consumer.run())

    async def all_handled() -> bool:
        return await world.effects() == 1

    await until(all_handled, at_most_s=5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class MissesOnce(embedded.EmbeddedFeed):
    """A feed whose first look at the outbox is from just before a commit, that it hears of out of turn meanwhile."""

    late: Record | None = None

    async def _read(self, service: str, positions: Mapping[Stream, Position]) -> None:
        if self.late is not None:
            self.offer([self.late])
            self.late = None
            return
        await super()._read(service, positions)


async def test_a_stream_that_fell_behind_while_it_was_read_is_read_again(world: World) -> None:
    """Such an offer leaves nothing in the buffer, and is not forgotten."""
    records = await world.emit([an_engagement(a_lead_in(0)) for _ in range(2)])
    feed = MissesOnce(world.transport.engines)
    feed.late = records[1]
    await feed.assign({records[0].stream: Position(0, 0)}, {})
    assert await feed.take(10, 0.05) or await feed.take(10, 0.05) == records


class HearsWhileItReads(embedded.EmbeddedFeed):
    """A feed that hears of a commit which the outbox shows it as well."""

    heard: Sequence[Record] = ()

    async def _read(self, service: str, positions: Mapping[Stream, Position]) -> None:
        self.offer(self.heard)
        await super()._read(service, positions)


async def test_what_is_heard_while_the_outbox_is_read_comes_once_and_asks_for_no_further_reading(world: World) -> None:
    records = await world.emit([an_engagement(a_lead_in(0)) for _ in range(3)])
    feed = HearsWhileItReads(world.transport.engines)
    feed.heard = records[1:]
    await feed.assign({records[0].stream: Position(records[0].epoch, 0)}, {})
    assert await feed.take(10, 0.05) == records
    assert await feed.at_end(records[0].stream)


async def test_a_feed_gives_each_record_once_and_in_order_however_it_hears_of_them(world: World) -> None:
    world.upstream.committed.clear()
    records = await world.emit([an_engagement(a_lead_in(0)) for _ in range(40)])
    rng = random.Random(11)
    for _ in range(5):
        feed = embedded.EmbeddedFeed(world.transport.engines)
        await feed.assign({records[0].stream: Position(records[0].epoch, 30)}, {})
        taken = await feed.take(100, 0.01)
        assert [record.seq for record in taken] == list(range(31, 41))
        await feed.assign({records[0].stream: Position(records[0].epoch, 0)}, {})
        while len(taken) < 50:
            start = rng.randrange(40)
            feed.offer(records[start : start + 5])
            taken += await feed.take(3, 0.01)
        assert [record.seq for record in taken[10:]] == list(range(1, 41))
