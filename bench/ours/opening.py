"""Ours: how soon after opening the leads that came in while the team was closed have their reps.

The goal: two hundred waiting leads are all routed within two seconds of the opening, and none before it.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import uvloop

from bench.ceilings.harness import percentile
from bench.ours.pipeline import ROUTING, every_event, prepare, product
from shared.runtime.clock import system_clock

_GOAL_MS: Final = 2000
_AHEAD: Final = timedelta(seconds=25)  # time enough to take the leads in before the team opens
_PATIENCE_S: Final = 60


def next_opening(now: datetime) -> datetime:
    """The first whole minute that leaves time to take the leads in: calendars open on the minute."""
    return (now + _AHEAD).replace(second=0, microsecond=0) + timedelta(minutes=1)


def calendars(opening: datetime) -> dict[str, Any]:
    """A calendar that opens at that instant, in a zone where it is far from midnight."""
    zone = "UTC" if 1 <= opening.hour <= 22 else "Asia/Ho_Chi_Minh"
    local = opening if zone == "UTC" else opening + timedelta(hours=7)
    opens = {"zone": zone, "open": {"mon-sun": [f"{local:%H:%M}-24:00"]}}
    return {"calendars": {"always": {}, "office": {}, "office-cn": {}, "soon": opens}}


def routing() -> dict[str, Any]:
    """The one team of the other runs, closed until the opening; its leads wait for it."""
    north = {**ROUTING["teams"]["north"], "calendar": "soon", "outside_hours": "wait"}
    return {**ROUTING, "teams": {"north": north}}


async def post(http: httpx.AsyncClient, leads: int) -> None:
    """Leads that qualify, a few at once."""
    turns = asyncio.Semaphore(8)

    async def one(number: int) -> None:
        body = {
            "name": f"Lead {number}", "email": f"lead{number}@company{number}.example", "title": "Director",
            "industry": "manufacturing", "source": "search_ads",
        }  # fmt: skip
        async with turns:
            (await http.post("/v1/leads", json=body)).raise_for_status()

    await asyncio.gather(*map(one, range(leads)))


async def until_waiting(http: httpx.AsyncClient, most: int, least: int) -> None:
    """Until as many leads wait as that; the first page is enough to see none, or all of up to 500."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            if least <= len((await _get(http, "/v1/waiting", limit=500))["items"]) <= most:
                return
            await asyncio.sleep(0.2)


async def measure(leads: int) -> dict[str, object]:
    """Have leads wait for the opening, and read from the events when each was assigned."""
    async with product("embedded") as (_, http, _intake):
        await prepare(http)
        opening = next_opening(system_clock())
        (await http.put("/v1/policies/calendars", json=calendars(opening))).raise_for_status()
        (await http.put("/v1/policies/routing", json=routing())).raise_for_status()
        await post(http, leads)
        await until_waiting(http, leads, leads)
        waited_s = (opening - system_clock()).total_seconds()
        if waited_s <= 0:
            raise SystemExit("this machine took the leads in too slowly: the team opened in the meantime")
        await asyncio.sleep(waited_s + _GOAL_MS / 1000)  # nobody asks anything while it is measured
        await until_waiting(http, 0, 0)
        events = [item async for item in every_event(http)]
    after_ms = assigned_after_ms(events, opening)
    figures = {f"assigned_p{percent}_ms": percentile(after_ms, percent) for percent in (50, 99)} if after_ms else {}
    return {
        "name": "opening", "leads": leads, "waited_s": round(waited_s, 1), "assigned": len(after_ms), **figures,
        "assigned_first_ms": round(min(after_ms, default=0), 1), "assigned_worst_ms": round(max(after_ms, default=0), 1),
        "holds": len(after_ms) == leads and after_ms[0] >= 0 and after_ms[-1] <= _GOAL_MS,
    }  # fmt: skip


def assigned_after_ms(events: Sequence[Mapping[str, Any]], opening: datetime) -> list[float]:
    """From the opening to each lead's first assignment recorded, sorted; below zero = before the opening."""
    recorded: dict[str, float] = {}
    for item in events:
        if item["type"] == "lead.assigned":
            at = datetime.fromisoformat(item["data"]["recorded_at"])
            recorded.setdefault(item["data"]["lead_id"], (at - opening) / timedelta(milliseconds=1))
    return sorted(recorded.values())


async def _get(http: httpx.AsyncClient, path: str, **query: int) -> dict[str, Any]:
    return (await http.get(path, params=query)).raise_for_status().json()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=200, choices=range(1, 500), metavar="1…499")
    found = uvloop.run(measure(parser.parse_args().leads))
    print(json.dumps(found), flush=True)
    return 0 if found["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
