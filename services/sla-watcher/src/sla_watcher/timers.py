"""Door 3: time moves clocks. The row is the token: taken when due, said and closed in one transaction, never early."""

from shared.runtime.service import Timer
from shared.runtime.work import Work
from shared.store.due import postponing
from sla_watcher import run_store, store
from sla_watcher.domain import elapse
from sla_watcher.domain.runs import fall_due
from sla_watcher.telling import event_of, nurture_due


async def fire(work: Work, partition: int, limit: int) -> int:
    """Warn or breach what is due in a lane."""
    connection = await work.raw()
    due = await store.due(connection, partition, work.now, limit)
    moved = [elapse(clock, work.now) for clock in due]
    await store.keep_clocks(connection, [clock for clock, _ in moved])
    work.emit(event_of(said, work.now) for _, said in moved if said is not None)
    return len(due)


CLOCKS = Timer("clocks", store.next_due, fire, postponing("clock", "clock_id", "next_at"))


async def say_what_is_due(work: Work, partition: int, limit: int) -> int:
    """Say the steps of nurture that are due in a lane."""
    connection = await work.raw()
    due = [(run, *fall_due(run, work.now)) for run in await run_store.due(connection, partition, work.now, limit)]
    await run_store.keep_runs(connection, ((partition, after) for _, after, _ in due))
    work.emit(nurture_due(run, step, work.now) for run, _, steps in due for step in steps)
    return len(due)


NURTURE = Timer("nurture", run_store.next_due, say_what_is_due, postponing("nurture", "nurture_id", "next_at"))
