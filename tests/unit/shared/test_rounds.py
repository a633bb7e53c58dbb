"""A loop whose round stands still is begun anew; one that swallows its cancellation ends the process."""

import asyncio
import subprocess
import sys
from collections.abc import Callable

import pytest

from shared.runtime.supervisor import Rounds


class Loop:
    """Beats as a test wants it, and stands still in the rounds that it names."""

    def __init__(self, *, still_in: int = -1, swallows: bool = False) -> None:
        self.begun = self.rounds = self.ended = 0
        self.still_in, self.swallows = still_in, swallows
        self.enough = asyncio.Event()

    async def run(self, beat: Callable[[], None]) -> None:
        self.begun += 1
        try:
            while True:
                beat()
                self.rounds += 1
                if self.rounds == self.still_in:
                    await self.stand_still()
                if self.rounds == 60:
                    self.enough.set()
                await asyncio.sleep(0.005)
        finally:
            self.ended += 1

    async def stand_still(self) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not self.swallows:
                    raise


async def run_until_enough(loop: Loop) -> Rounds:
    rounds = Rounds("relay", loop.run, stall_s=0.12)
    running = asyncio.create_task(rounds.run())
    await asyncio.wait_for(loop.enough.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert loop.ended == loop.begun, "a loop was left behind"
    return rounds


async def test_a_loop_that_turns_is_left_alone() -> None:
    loop = Loop()
    assert (await run_until_enough(loop)).again == 0
    assert loop.begun == 1


async def test_a_loop_that_stands_still_begins_anew() -> None:
    loop = Loop(still_in=3)
    assert (await run_until_enough(loop)).again == 1
    assert loop.begun == 2


async def test_a_loop_that_fails_fails_as_itself() -> None:
    async def fails(_beat: Callable[[], None]) -> None:
        raise LookupError("of its own")

    with pytest.raises(LookupError):
        await Rounds("relay", fails).run()


SWALLOWING = """
import asyncio
from shared.runtime import supervisor
from shared.runtime.supervisor import Rounds, supervise

async def swallows(beat):
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("swallowed", flush=True)

async def main():
    rounds = Rounds("relay", swallows, stall_s=0.2, end_s=0.2)
    await supervise({"relay": rounds.run}, asyncio.Event(), end_s=0.2)

asyncio.run(main())
"""


def test_a_loop_that_swallows_its_end_ends_the_process_and_says_where() -> None:
    ended = subprocess.run(  # noqa: S603 -- ourselves
        [sys.executable, "-c", SWALLOWING], capture_output=True, text=True, timeout=15, check=False
    )
    assert "swallowed" in ended.stdout
    assert ended.returncode == 70
    assert "relay (locks.py:" in ended.stderr
