"""The end of any task is the end of the run, with the task's name; a loop that stands still ends the process."""

import asyncio
import subprocess
import sys
import threading

import pytest

from shared.runtime.parking import TooManyParked
from shared.runtime.supervisor import TaskEnded, Watchdog, supervise
from tests.integration.runtime.world import Faults, World, a_lead_in, an_engagement
from tests.support.wait import until


class Tasks:
    """Two tasks, of which one ends as the test wants it."""

    def __init__(self) -> None:
        self.steady_alive = False

    async def steady(self) -> None:
        self.steady_alive = True
        try:
            await asyncio.Event().wait()
        finally:
            self.steady_alive = False


async def returns() -> None:
    await asyncio.sleep(0)


async def fails() -> None:
    await asyncio.sleep(0)
    raise LookupError("of its own")


async def gives_up() -> None:
    await asyncio.sleep(0)
    raise asyncio.CancelledError


async def test_a_task_that_returns_ends_the_run_by_its_name() -> None:
    tasks = Tasks()
    with pytest.raises(TaskEnded, match="relay"):
        await supervise({"steady": tasks.steady, "relay": returns}, asyncio.Event())
    assert not tasks.steady_alive


async def test_a_task_that_fails_ends_the_run_with_its_failure_and_its_name() -> None:
    tasks = Tasks()
    with pytest.raises(LookupError) as failure:
        await supervise({"steady": tasks.steady, "relay": fails}, asyncio.Event())
    assert failure.value.__notes__ == ["in the task 'relay'"]
    assert not tasks.steady_alive


async def test_a_task_that_cancels_itself_ends_the_run_by_its_name() -> None:
    tasks = Tasks()
    with pytest.raises(TaskEnded, match="relay"):
        await supervise({"steady": tasks.steady, "relay": gives_up}, asyncio.Event())
    assert not tasks.steady_alive


async def test_stopping_is_no_failure() -> None:
    tasks, stop = Tasks(), asyncio.Event()
    running = asyncio.create_task(supervise({"steady": tasks.steady}, stop))

    async def alive() -> bool:
        return tasks.steady_alive

    await until(alive)
    stop.set()
    await running
    assert not tasks.steady_alive


async def test_a_cancelled_supervisor_leaves_no_task_behind() -> None:
    tasks = Tasks()
    running = asyncio.create_task(supervise({"steady": tasks.steady}, asyncio.Event()))

    async def alive() -> bool:
        return tasks.steady_alive

    await until(alive)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not tasks.steady_alive


async def test_an_instance_where_everything_fails_ends_as_a_whole(world: World) -> None:
    """Everything fails, so everything would be parked: the instance ends instead, by the consumer's name."""
    node = await world.node("one", Faults(poison={"bad"}))
    await world.emit([an_engagement(a_lead_in(n % 4), "bad") for n in range(40)])
    with pytest.raises(TooManyParked) as failure:
        await world.start(node)
    assert failure.value.__notes__ == ["in the task 'one scorer: consumer'"]


async def test_a_loop_that_turns_is_left_alone() -> None:
    watchdog = Watchdog(stall_s=0.4)
    beating = asyncio.create_task(watchdog.run())
    await asyncio.sleep(0.9)  # more than twice the time that it would bear
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_the_watchdog_ends_with_what_it_watches() -> None:
    before = set(threading.enumerate())
    beating = asyncio.create_task(Watchdog(stall_s=3600.0).run())
    await asyncio.sleep(0)
    (listening,) = set(threading.enumerate()) - before
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    await asyncio.to_thread(listening.join, 5)
    assert not listening.is_alive()


STALLING = """
import asyncio, time
from shared.runtime.supervisor import Watchdog

async def main():
    asyncio.create_task(Watchdog(stall_s=0.4).run())
    await asyncio.sleep(0.6)
    print("turning", flush=True)
    time.sleep(20)

asyncio.run(main())
"""


def test_a_loop_that_stands_still_ends_the_process_and_says_where() -> None:
    ended = subprocess.run(  # noqa: S603 -- ourselves
        [sys.executable, "-c", STALLING], capture_output=True, text=True, timeout=15, check=False
    )
    assert ended.stdout == "turning\n"
    assert ended.returncode == 70
    assert "stood still" in ended.stderr
    assert "main" in ended.stderr
