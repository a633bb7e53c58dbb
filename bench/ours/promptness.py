"""Ours: how soon a hot lead that came in by REST has its rep, and how soon after it is due a breach is said.

The goals: every assignment within a second of the lead, 99 of 100 breaches within a second of being due.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
import uvloop

from bench.ceilings.harness import percentile
from bench.ours.pipeline import every_event, prepare, product

_GOAL_MS = 1000


def promise(within_s: int) -> dict[str, Any]:
    """Nobody calls, so every lead breaches."""
    first = {
        "name": "first_contact",
        "from": "assigned",
        "within": f"{within_s}s",
        "hours": "elapsed",
        "met_by": "attempt",
    }
    return {"promises": [first]}


async def post(http: httpx.AsyncClient, leads: int, rate: float) -> None:
    """Hot leads at a steady rate."""
    began_s = asyncio.get_running_loop().time()

    async def one(number: int) -> None:
        await asyncio.sleep(max(0.0, began_s + number / rate - asyncio.get_running_loop().time()))
        body = {
            "name": f"Lead {number}", "email": f"lead{number}@example.com", "title": "Director",
            "industry": "manufacturing", "source": "search_ads",
        }  # fmt: skip
        (await http.post("/v1/leads", json=body)).raise_for_status()

    await asyncio.gather(*map(one, range(leads)))


async def measure(leads: int, rate: float, within_s: int) -> dict[str, object]:
    """Post, wait for every breach, and read from the events when each was said."""
    async with product("embedded") as (_, http, _intake):
        await prepare(http)
        (await http.put("/v1/policies/sla", json=promise(within_s))).raise_for_status()
        await post(http, leads, rate)
        async with asyncio.timeout(within_s + 60):
            while True:
                events = [item async for item in every_event(http)]
                if sum(item["type"] == "sla.breached" for item in events) >= leads:
                    break
                await asyncio.sleep(0.5)
    assigned, breached = assignments_ms(events), breaches_ms(events)
    return {
        "name": "promptness", "leads": leads, "offered_rate": rate, "promise_s": within_s,
        **_figures("assigned", assigned), **_figures("breached", breached),
        "holds": len(assigned) == leads and assigned[-1] <= _GOAL_MS and percentile(breached, 99) <= _GOAL_MS,
    }  # fmt: skip


def assignments_ms(events: Sequence[Mapping[str, Any]]) -> list[float]:
    """From a lead recorded to its assignment recorded, sorted."""
    captured = {
        item["data"]["lead_id"]: _ms(item["data"]["recorded_at"]) for item in events if item["type"] == "lead.captured"
    }
    return sorted(
        _ms(item["data"]["recorded_at"]) - captured[item["data"]["lead_id"]]
        for item in events
        if item["type"] == "lead.assigned"
    )


def breaches_ms(events: Sequence[Mapping[str, Any]]) -> list[float]:
    """From the due instant to the breach recorded, sorted."""
    return sorted(
        _ms(item["data"]["recorded_at"]) - _ms(item["data"]["due_at"])
        for item in events
        if item["type"] == "sla.breached"
    )


def _figures(what: str, ordered: list[float]) -> dict[str, object]:
    return {
        what: len(ordered),
        **{f"{what}_p{percent}_ms": percentile(ordered, percent) for percent in (50, 99)},
        f"{what}_worst_ms": round(ordered[-1], 1),
    }


def _ms(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp() * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=600)
    parser.add_argument("--rate", type=float, default=30.0, help="leads per second")
    parser.add_argument("--within", type=int, default=4, help="the promise, in seconds")
    args = parser.parse_args()
    print(json.dumps(uvloop.run(measure(args.leads, args.rate, args.within))), flush=True)


if __name__ == "__main__":
    main()
