"""Leases: lanes are shared out, handed over after the batch in flight, taken over from the dead, given back at once."""

import asyncio
import time

from shared.runtime.leases import Leases
from shared.store import lanes
from tests.integration.runtime.world import PARTITIONS, Faults, World, a_lead_in, an_engagement
from tests.support.wait import until

LEASE_S = 1.0


def leases_of(world: World, name: str, partitions: int = PARTITIONS) -> Leases:
    return Leases(world.transactions.engine, name, partitions, lease_s=LEASE_S)


async def owners(world: World) -> dict[int, str | None]:
    return {row.partition: row.owner for row in await world.rows("select partition, owner from lease order by 1")}


async def test_a_second_instance_gets_its_share_after_the_batch_in_flight(world: World) -> None:
    faults = Faults(work_s=0.8)
    first = await world.node("first", faults, lease_s=LEASE_S)
    world.start(first)

    async def held_by_first() -> bool:
        return set((await owners(world)).values()) == {"first"}

    await until(held_by_first)
    await world.emit([an_engagement(a_lead_in(lane)) for lane in range(4)])

    async def at_work() -> bool:
        asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
        return bool(await world.value(asleep))

    await until(at_work)
    second = await world.node("second", Faults(), lease_s=LEASE_S)
    world.start(second)
    while await world.effects() == 0:
        assert set((await owners(world)).values()) == {"first"}, "a lane changed hands in the middle of a batch"
        await asyncio.sleep(0.02)

    async def shared_out() -> bool:
        return sorted(map(str, (await owners(world)).values())) == ["first"] * 2 + ["second"] * 2

    await until(shared_out)
    faults.work_s = 0
    await world.emit([an_engagement(a_lead_in(lane)) for lane in range(4)])

    async def all_handled() -> bool:
        return await world.effects() == 8

    await until(all_handled)
    assert first.consumer is not None
    assert second.consumer is not None
    assert frozenset(first.consumer.state.versions).isdisjoint(second.consumer.state.versions)


async def test_the_lanes_of_a_dead_instance_are_taken_over_after_their_expiry(world: World) -> None:
    dead, heir = await world.node("dead", lease_s=LEASE_S), await world.node("heir", lease_s=LEASE_S)
    task = world.start(dead)

    async def held_by_dead() -> bool:
        return set((await owners(world)).values()) == {"dead"}

    await until(held_by_dead)
    await world.stop(task)
    died_s = time.monotonic()
    world.start(heir)

    async def held_by_heir() -> bool:
        return set((await owners(world)).values()) == {"heir"}

    await until(held_by_heir, at_most_s=10)
    assert time.monotonic() - died_s > 0.5, "the leases had not expired"
    await world.emit([an_engagement(a_lead_in(lane)) for lane in range(4)])

    async def all_handled() -> bool:
        return await world.effects() == 4

    await until(all_handled)


async def test_who_retires_gives_its_lanes_back_at_once(world: World) -> None:
    leaving, staying = leases_of(world, "leaving"), leases_of(world, "staying")
    await leaving.beat()
    assert leaving.held == frozenset(range(PARTITIONS))
    await leaving.retire()
    assert leaving.held == frozenset()
    await staying.beat()
    assert staying.held == frozenset(range(PARTITIONS))
    assert staying.instances == 1


async def test_renewal_waits_for_no_batch(world: World) -> None:
    leases = leases_of(world, "one")
    await leases.beat()
    async with world.transactions.locked(range(PARTITIONS)):
        began_s = time.monotonic()
        await leases.beat()
        assert time.monotonic() - began_s < 0.5
    assert leases.held == frozenset(range(PARTITIONS))


async def test_a_lease_that_can_not_be_renewed_is_not_believed_in(world: World) -> None:
    leases = leases_of(world, "one")
    await leases.beat()
    expires = await world.value("select extract(epoch from min(expires_at) - clock_timestamp()) from lease")
    began_s = time.monotonic()

    async def given_up() -> bool:
        return not leases.held

    await until(given_up)
    assert time.monotonic() - began_s < expires, "it believed in a lease that others may take"


async def test_every_instance_gets_lanes_where_there_are_enough(world: World) -> None:
    await world.run("insert into lease (partition) select generate_series(4, 11)")
    await world.run("insert into lane select p, 0 from generate_series(4, 11) p")
    instances = [leases_of(world, f"i{n}", 12) for n in range(5)]
    for _ in range(3):
        for each in instances:
            await each.beat()
            await each.settle()
    assert sorted(len(each.held) for each in instances) == [2, 2, 2, 3, 3]
    assert sum(len(each.held) for each in instances) == len(frozenset().union(*(each.held for each in instances)))


async def test_a_service_without_a_consumer_shares_its_lanes_too(world: World) -> None:
    one, two = leases_of(world, "one"), leases_of(world, "two")
    running = [asyncio.create_task(one.run()), asyncio.create_task(two.run())]

    async def shared_out() -> bool:
        return len(one.held) == len(two.held) == 2

    await until(shared_out, at_most_s=5)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_expired_leases_are_taken_by_one_alone(world: World) -> None:
    taken: list[set[int]] = []

    async def acquire(name: str) -> None:
        async with world.transactions.engine.connect() as session:
            taken.append(await lanes.acquire(session, name, PARTITIONS))
            await session.commit()

    await asyncio.gather(*(acquire(f"i{n}") for n in range(6)))
    assert sorted(partition for some in taken for partition in some) == list(range(PARTITIONS))


async def test_a_new_start_of_a_killed_instance_has_its_lanes_at_once(world: World) -> None:
    killed, again = leases_of(world, "here#1"), leases_of(world, "here#2")
    await killed.beat()
    await again.beat()
    assert again.held == frozenset(range(PARTITIONS))
    assert again.instances == 1
    assert set((await owners(world)).values()) == {"here#2"}


async def test_nobody_elses_lanes_are_taken_at_a_start(world: World) -> None:
    others = [leases_of(world, name) for name in ("here", "there#1", "here#too#1")]
    for each in others:
        await each.beat()
        await each.settle()
    for each in others:
        await each.beat()
        await each.settle()
    before = await owners(world)
    await leases_of(world, "here#1").beat()
    assert {lane: owner for lane, owner in (await owners(world)).items() if owner != "here#1"} == {
        lane: owner for lane, owner in before.items() if owner is not None
    }


async def test_two_that_live_with_one_name_share_the_lanes(world: World) -> None:
    one, two = leases_of(world, "here#1"), leases_of(world, "here#2")
    await one.beat()
    await two.beat()
    for _ in range(3):
        for each in (one, two):
            await each.beat()
            await each.settle()
    assert len(one.held) == len(two.held) == 2
    assert not one.held & two.held
