"""One supervisor: every background task runs under it, and the end of any of them is the end of the process."""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping

_STALL_S = 60.0


class TaskEnded(Exception):
    """A task that should run for ever came to its end."""


async def supervise(tasks: Mapping[str, Callable[[], Awaitable[None]]], stop: asyncio.Event) -> None:
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
        for task in running | {stopping}:
            task.cancel()
        await asyncio.gather(*running, stopping, return_exceptions=True)
    for task in done - {stopping}:
        error = TaskEnded(f"{task.get_name()} was cancelled") if task.cancelled() else task.exception()
        if error is not None:
            error.add_note(f"in the task {task.get_name()!r}")
            raise error


class Watchdog:
    """Ends the process where the event loop stands still: a stuck process holds leases that nobody renews."""

    def __init__(self, stall_s: float = _STALL_S) -> None:
        self.stall_s = stall_s
        self.lag_s = 0.0
        self._seen_s = time.monotonic()

    async def run(self) -> None:
        """Beat on the loop; a thread listens."""
        threading.Thread(target=self._listen, name="watchdog", daemon=True).start()
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.25)
            self._seen_s = time.monotonic()
            self.lag_s = max(0.0, self._seen_s - before - 0.25)

    def _listen(self) -> None:
        slept_s = time.monotonic()
        while True:
            time.sleep(self.stall_s / 10)  # a thread of its own: it must not depend on the loop it watches
            now_s = time.monotonic()
            if now_s - slept_s > self.stall_s / 2:
                self._seen_s = now_s  # the whole process was stopped (SIGSTOP), not the loop
            slept_s = now_s
            if now_s - self._seen_s > self.stall_s:
                sys.stderr.write(f"baton: the event loop stood still for {self.stall_s:.0f} s; ending the process\n")
                faulthandler.dump_traceback()
                os._exit(70)
