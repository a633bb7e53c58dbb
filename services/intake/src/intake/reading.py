"""Reads requests: a long body in a thread, so that all others are read and answered meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio.to_thread

from intake.admission import Item, Request, admit, takes_long
from intake.domain.policy import Door
from intake.rules import Rules


@dataclass(slots=True)
class Reading:
    """The reading of a process."""

    _long: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Who reads in a thread: one, since each takes the loop's processor half the time."""

    async def admit(self, rules: Rules, door: Door, request: Request, before: Sequence[Item] = ()) -> list[Item]:
        """The items of a request, as `admission.admit` finds them. Raises NotProven and Refused."""
        if not takes_long(request.arrival.raw):
            return admit(rules, door, request, before)
        async with self._long:
            return await anyio.to_thread.run_sync(admit, rules, door, request, before)
