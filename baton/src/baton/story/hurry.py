"""Moves the clocks of all five services together: to the next due timer or scripted instant, whichever is earlier.

Nothing moves until every service has consumed all that was emitted, so each step's times come out to the second.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from shared.contracts.topology import CONSUMES, SERVICES

_LOOK_S: Final = 0.01
_SLOWEST_LOOK_S: Final = 0.2
_PATIENCE_S: Final = 60.0


class StoryStuck(Exception):
    """The product did not come to rest; says which service waits for what."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The product at rest: its instant, and when the next timer of any service is due."""

    now: datetime
    next_due: datetime | None


@dataclass(slots=True)
class Hurry:
    """The hand at the clocks."""

    http: httpx.AsyncClient
    patience_s: float = _PATIENCE_S

    async def until(self, instant: datetime) -> None:
        """Live through every due timer up to an instant, and stand there, at rest."""
        rest = await self.rest()
        while rest.next_due is not None and rest.next_due <= instant:
            await self.move(max(rest.now, rest.next_due))
            rest = await self.rest()
        if instant > rest.now:
            await self.move(instant)
            await self.rest()

    async def go_live(self, real_now: datetime) -> None:
        """Live through what is left up to now, then go with real time."""
        await self.until(real_now - timedelta(seconds=1))
        await self.move(None)

    async def standing(self) -> datetime | None:
        """Where the clocks stand; None where they go with real time."""
        states = await self.look()
        return min((_instant(state["now"]) for state in states if state["standing"]), default=None)

    async def move(self, to: datetime | None) -> None:
        """Have every clock stand at an instant, or go."""
        body = {"at": None if to is None else to.isoformat()}
        for service in SERVICES:
            answer = await self.http.put(f"/v1/ops/{service}/clock", json=body)
            if answer.status_code == 409 and to is None:
                continue  # it goes already: an earlier try came this far
            answer.raise_for_status()

    async def look(self) -> Sequence[Mapping[str, Any]]:
        """What every service says of itself."""
        answers = await asyncio.gather(*(self.http.get(f"/v1/ops/{service}/clock") for service in SERVICES))
        return [answer.raise_for_status().json() for answer in answers]

    async def rest(self) -> Rest:
        """Wait until nothing is under way: two looks in a row find the same, all consumed and nothing due.

        Raises StoryStuck.
        """
        pause_s, before = _LOOK_S, None
        deadline = asyncio.get_running_loop().time() + self.patience_s
        while True:
            states = await self.look()
            busy = unrest(states)
            if busy is None and states == before:
                due = [_instant(state["next_due"]) for state in states if state["next_due"]]
                return Rest(max(_instant(state["now"]) for state in states), min(due, default=None))
            if asyncio.get_running_loop().time() > deadline:
                raise StoryStuck(busy or "the services go on emitting")
            before = states
            if busy is not None:
                await asyncio.sleep(pause_s)
                pause_s = min(_SLOWEST_LOOK_S, pause_s * 1.3)


def unrest(states: Sequence[Mapping[str, Any]]) -> str | None:
    """Who still has something to do, in words; None at rest."""
    emitted = {stream: at for state in states for stream, at in state["emitted"].items()}
    for state in states:
        service = str(state["service"])
        for stream, at in emitted.items():
            if stream.rpartition("/")[0] in CONSUMES[service] and state["consumed"].get(stream, [0, 0]) != at and at[1]:
                return f"{service} has not consumed {stream} up to {at[1]}"
        if state["next_due"] and _instant(state["next_due"]) <= _instant(state["now"]):
            return f"{service} has a timer due at {state['next_due']} that has not fired"
    return None


def _instant(said: str) -> datetime:
    return datetime.fromisoformat(said)
