"""One supervisor: every background task runs under it, and the end of any of them is the end of the process."""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

log = structlog.get_logger("supervisor")

_STALL_S = 60.0
_LOOKS = 6
_END_S = 20.0


class TaskEnded(Exception):
    """A task that should run for ever came to its end."""


class Stuck(Exception):
    """A loop stands still and does not end when it is told to."""


async def supervise(
    tasks: Mapping[str, Callable[[], Awaitable[None]]], stop: asyncio.Event, end_s: float = _END_S
) -> None:
    """Run tasks until one ends or `stop` is set; then cancel the others and wait for them.

    Raises the failure of the task that ended, or TaskEnded.
    """

    async def forever(name: str, run: Callable[[], Awaitable[None]]) -> None:
        await run()
        raise TaskEnded(f"{name} ended")

    async def stopped() -> None:
        await stop.wait()

    running = {asyncio.create_task(forever(name, run), name=name) for name, run in tasks.items()}
    stopping = asyncio.create_task(stopped(), name="stop")
    try:
        done, _ = await asyncio.wait(running | {stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:  # also where the supervisor itself is cancelled: nothing may go on unwatched
        await _end(running | {stopping}, end_s)
    for task in done - {stopping}:
        error = TaskEnded(f"{task.get_name()} was cancelled") if task.cancelled() else task.exception()
        if error is not None:
            error.add_note(f"in the task {task.get_name()!r}")
            raise error


async def _end(tasks: "set[asyncio.Task[None]]", end_s: float) -> None:
    """Cancel tasks and wait for them; one that swallows it must not keep the process from ending."""
    for task in tasks:
        task.cancel()
    done, left = await asyncio.wait(tasks, timeout=end_s)
    for task in done:
        if not task.cancelled():
            task.exception()  # looked at: only the first failure is told
    if left:
        last_resort(", ".join(f"{task.get_name()} ({place_of(task)})" for task in left), end_s)


def last_resort(why: str, end_s: float) -> None:
    """End the process for sure: where a task swallows its cancellation, the loop's own end would wait for it for ever."""

    def end() -> None:
        time.sleep(end_s)
        sys.stderr.write(f"baton: {why} does not end; ending the process\n")
        os._exit(70)

    threading.Thread(target=end, name="last resort", daemon=True).start()


def place_of(task: "asyncio.Task[Any]") -> str:
    """Where a task waits: the innermost line of ours or anybody's, for the log."""
    place, waiting = "unknown", task.get_coro()
    while (frame := getattr(waiting, "cr_frame", None)) is not None:
        place = f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}"
        waiting = getattr(waiting, "cr_await", None)
    return place


def unwatched() -> None:
    """The `beat` of a loop that nobody watches."""


@dataclass(slots=True, eq=False)
class Rounds:
    """Sees to it that the rounds of a loop end, which calls `beat` in each.

    One that stands still is cancelled, and the loop begins anew; one that does not even end then ends the process:
    a library may swallow a cancellation, and with it every deadline around it. Watched from outside, because a task
    or a deadline for each round would cost more than the round. Looks are counted, not seconds: a process that was
    stopped (SIGSTOP) has missed none.
    """

    name: str
    loop: Callable[[Callable[[], None]], Coroutine[Any, Any, None]]
    stall_s: float = _STALL_S
    end_s: float = _END_S
    again: int = 0
    _beats: int = field(default=0)

    def beat(self) -> None:
        """A round begins."""
        self._beats += 1

    async def run(self) -> None:
        """Run the loop for ever; its failure is ours.

        Raises Stuck.
        """
        while True:
            task = asyncio.create_task(self.loop(self.beat), name=self.name)
            try:
                await self._watch(task)
                if task.done():
                    task.result()
                    return
                log.error("a loop stands still, it begins anew", what=self.name, why=place_of(task))
                self.again += 1
            finally:
                task.cancel()
                await asyncio.wait({task}, timeout=self.end_s)
            if not task.done():
                last_resort(f"{self.name} ({place_of(task)})", self.end_s)
                raise Stuck(f"{self.name} stands still at {place_of(task)} and does not end when it is told to")
            if not task.cancelled():
                task.result()

    async def _watch(self, task: "asyncio.Task[None]") -> None:
        """Return when the loop has ended, or has begun no round for too long."""
        seen, looks = -1, 0
        while looks < _LOOKS:
            if (await asyncio.wait({task}, timeout=self.stall_s / _LOOKS))[0]:
                return
            looks, seen = (looks + 1 if seen == self._beats else 0), self._beats


class Watchdog:
    """Ends the process where the event loop stands still: a stuck process holds leases that nobody renews.

    It ends with its own `run`: a product that was closed, in a process that goes on, is no loop that stands still.
    """

    def __init__(self, stall_s: float = _STALL_S) -> None:
        self.stall_s = stall_s
        self.lag_s = 0.0
        self._seen_s = time.monotonic()
        self._over = threading.Event()

    async def run(self) -> None:
        """Beat on the loop; a thread listens."""
        threading.Thread(target=self._listen, name="watchdog", daemon=True).start()
        try:
            while True:
                before = time.monotonic()
                await asyncio.sleep(0.25)
                self._seen_s = time.monotonic()
                self.lag_s = max(0.0, self._seen_s - before - 0.25)
        finally:
            self._over.set()

    def _listen(self) -> None:
        slept_s = time.monotonic()
        while not self._over.wait(self.stall_s / 10):  # in a thread: it must not depend on the loop it watches
            now_s = time.monotonic()
            if now_s - slept_s > self.stall_s / 2:
                self._seen_s = now_s  # the whole process was stopped (SIGSTOP), not the loop
            slept_s = now_s
            if now_s - self._seen_s > self.stall_s:
                sys.stderr.write(f"baton: the event loop stood still for {self.stall_s:.0f} s; ending the process\n")
                faulthandler.dump_traceback()
                os._exit(70)
