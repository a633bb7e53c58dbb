"""Waiting for a condition, with a deadline that says what was waited for."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]], *, at_most_s: float = 30.0) -> None:
    """Wait until a condition holds.

    Raises TimeoutError that names the condition.
    """
    deadline_s = time.monotonic() + at_most_s
    while not await condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{condition.__qualname__} did not come true within {at_most_s} s")
        await asyncio.sleep(0.02)
