"""Waiting with a deadline that costs a timer only where there is something to wait for."""

import asyncio
import types
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar, cast

T = TypeVar("T")


@types.coroutine
def before(deadline_s: float, awaited: Awaitable[T]) -> Generator[Any, Any, T]:
    """What is awaited, by this time of the loop's clock. Raises TimeoutError.

    What is there at once, as the body of nearly every request, is taken without a timer.
    """
    waiting = cast("Coroutine[Any, Any, T]", awaited)
    try:
        blocker = waiting.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    return (yield from _timed(deadline_s, waiting, blocker).__await__())


async def _timed(deadline_s: float, waiting: Coroutine[Any, Any, T], blocker: object) -> T:
    async with asyncio.timeout_at(deadline_s):
        return await _resumed(waiting, blocker)


@types.coroutine
def _resumed(waiting: Coroutine[Any, Any, T], blocker: object) -> Generator[Any, Any, T]:
    """The rest of a coroutine that waits for `blocker`."""
    try:
        while True:
            try:
                given = yield blocker
            except BaseException as error:  # noqa: BLE001 - a cancellation too is the coroutine's own to see
                blocker = waiting.throw(error)
            else:
                blocker = waiting.send(given)
    except StopIteration as done:
        return cast("T", done.value)
