"""A row whose firing always fails waits, with an alarm; all the others fire."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from shared.runtime.ids import new_id
from shared.runtime.service import Timer
from shared.runtime.timers import Timers
from shared.runtime.work import Work
from shared.store.due import postponing
from shared.telemetry.meters import Meters
from tests.integration.runtime.world import PARTITIONS, Claimed, World, due_rows
from tests.support.harness import StandingClock


def failing_on(poison: set[UUID], timer: Timer, *, postpones: bool = True) -> Timer:
    """The timer whose firing fails wherever one of these rows is due."""

    async def fire(work: Work, partition: int, limit: int) -> int:
        rows = await work.session.scalars(
            text(
                "select id from due where partition = :p and due_at <= :now and name = :name"
                " order by due_at limit :limit for update skip locked"
            ),
            {"p": partition, "now": work.now, "limit": limit, "name": timer.name},
        )
        if poison & {UUID(str(row)) for row in rows}:
            raise LookupError("this row can't be read")
        return await timer.fire(work, partition, limit)

    return Timer(timer.name, timer.next_due, fire, postponing("due", "id", "due_at") if postpones else None)


def timers_on(world: World, clock: StandingClock, timers: Sequence[Timer]) -> Timers:
    transactions = world.transactions_on(clock=clock)
    return Timers(timers, transactions, Claimed(transactions.engine, "one", PARTITIONS), Meters())


async def add_due(world: World, at: datetime, lane: int = 0, name: str = "due") -> UUID:
    ident = UUID(str(new_id()))
    await world.run("insert into due values (:id, :p, :at, :name)", id=ident, p=lane, at=at, name=name)
    return ident


async def fired(world: World) -> set[UUID]:
    return {UUID(str(row.id)) for row in await world.rows("select id from fired")}


def postponed(timers: Timers) -> float:
    return timers.meters.registry.get_sample_value("baton_timers_postponed_total", {"timer": "due"}) or 0.0


async def test_rows_that_always_fail_wait_and_the_others_fire(world: World) -> None:
    clock = StandingClock()
    rows = [await add_due(world, clock() - timedelta(seconds=20 - n)) for n in range(12)]
    poison = {rows[0], rows[5], rows[11]}
    timers = timers_on(world, clock, [failing_on(poison, due_rows())])
    await timers.round()
    assert await fired(world) == set(rows) - poison
    assert postponed(timers) == 3
    poison.clear()  # mended
    clock.forward(seconds=301)
    await timers.round()
    assert await fired(world) == set(rows)


async def test_a_timer_that_can_not_postpone_holds_up_its_lane_alone(world: World) -> None:
    clock = StandingClock()
    bad = await add_due(world, clock() - timedelta(seconds=2), lane=0)
    behind = await add_due(world, clock() - timedelta(seconds=1), lane=0)
    beside = await add_due(world, clock() - timedelta(seconds=1), lane=1)
    other = await add_due(world, clock() - timedelta(seconds=1), lane=0, name="other")
    timers = timers_on(world, clock, [failing_on({bad}, due_rows(), postpones=False), due_rows("other")])
    for _ in range(3):
        await timers.round()
    assert await fired(world) == {beside, other}
    assert behind not in await fired(world)
    assert postponed(timers) == 1
