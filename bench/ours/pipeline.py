"""Ours: leads from intake's outbox to analytics through all five services, in one process or on Kafka.

Its ceiling is `composed_chain`, which does consume → upsert → send five times without any guarantee. The leads are
emitted as intake would (numbered, outbox, commit), and count as through when analytics has counted them as assigned.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvloop

from baton.catalogue import services
from baton.distributed import everything, until_ready
from baton.embedded import assemble, databases, one_origin
from baton.ports import free_port
from baton.process import listen, run
from baton.settings import Settings, database_name
from bench.ceilings.harness import cpu_seconds, percentile
from shared.contracts import Attributes, LeadCaptured
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id
from shared.runtime.policies import Policies
from shared.runtime.transactions import Transactions
from shared.store.engine import engine
from shared.store.postgres_socket import database_url
from shared.telemetry.meters import Meters

TOKEN = "bench"  # noqa: S105 - of a server that lives for seconds
EVERYTHING_QUALIFIES: dict[str, Any] = {
    "tiers": [{"name": "sql", "from": 10, "action": "assign", "label": "SQL"}, {"name": "raw", "from": 0, "action": "store"}],
    "groups": [{"name": "fit", "cap": 60}],
    "rules": [
        {"id": "industry", "group": "fit", "points": 10, "when": 'lead.industry == "manufacturing"', "title": {"en": "Industry"}},
        {"id": "title", "group": "fit", "points": 15, "when": 'lead.title_level == "director"', "title": {"en": "Director"}},
    ],
    "qualify": "score >= 10",
}  # fmt: skip
ROUTING: dict[str, Any] = {
    "teams": {
        "north": {
            "zone": "UTC", "calendar": "always", "strategy": "rotation", "outside_hours": "assign",
            "reps": [{"id": f"rep{number}", "weight": 1} for number in range(10)],
        }
    },
    "fallback": "north",
}  # fmt: skip


@asynccontextmanager
async def product(mode: str) -> AsyncGenerator[tuple[Settings, httpx.AsyncClient, Transactions]]:
    """The product on fresh data."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-", ignore_cleanup_errors=True) as home:
        await asyncio.to_thread(Path(home).chmod, 0o711)
        os.environ["BATON_ADMIN_TOKEN"] = TOKEN
        port = free_port(7)
        settings = Settings(port=port, data_dir=Path(home) / "data")
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as http:
            if mode == "kafka":
                async with everything(settings) as processes:
                    await until_ready(http, processes)
                    pool = engine(_database(settings), application="bench")
                    yield settings, http, Transactions(pool, system_clock, settings.partitions, Policies([]))
                    await pool.dispose()
                return
            async with embedded(settings) as intake:
                await _ready(http)
                yield settings, http, intake


@asynccontextmanager
async def embedded(settings: Settings) -> AsyncGenerator[Transactions]:
    """The product in this process, so that intake's commits are handed over as they are in a real one."""
    meters = Meters()
    async with databases(settings, [database_name(service.name) for service in services()]) as found:
        nodes = await assemble(settings, found, TOKEN, meters)
        tasks = {name: task for each in nodes for name, task in each.tasks.items()}
        door = listen(settings.host, settings.port)
        running = asyncio.create_task(
            run(one_origin(settings, nodes, meters), {**found.tasks, **tasks}, door, meters=meters)
        )
        try:
            yield next(each for each in nodes if each.service.name == "intake").desk.transactions
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            for each in nodes:
                await each.retire()


async def measure(mode: str, leads: int, rate: float) -> dict[str, object]:
    """Send leads and wait until all are through."""
    async with product(mode) as (_, http, transactions):
        await prepare(http)
        cpu_before = cpu_seconds([os.getpid()])
        began_s = time.monotonic()
        emitting = asyncio.create_task(emit(transactions, leads, rate))
        through = await count_assigned(http, leads)
        took_s = through - began_s
        await emitting
        cpu_s = cpu_seconds([os.getpid()]) - cpu_before
        latencies = await captured_to_assigned_ms(http) if rate else []
    more = {f"captured_to_assigned_p{p}_ms": percentile(latencies, p) for p in (50, 99)} if latencies else {}
    return {
        "name": f"pipeline_{mode}", "rate": round(leads / took_s, 1), "unit": "leads/s", "leads": leads,
        "offered_rate": rate, "cpu_us_per_lead": round(cpu_s / leads * 1e6, 1), **more,
    }  # fmt: skip


async def prepare(http: httpx.AsyncClient) -> None:
    """Policies under which every lead is assigned at once."""
    answers = [
        await http.put("/v1/policies/scorecard", json=EVERYTHING_QUALIFIES),
        await http.post("/v1/policies/scorecard/publish"),
        await http.put("/v1/policies/routing", json=ROUTING),
    ]
    for answer in answers:
        if answer.is_error:
            raise RuntimeError(f"{answer.request.url}: {answer.text}")


async def emit(transactions: Transactions, leads: int, rate: float) -> None:
    """Emit `lead.captured` as intake does, in transactions of up to 500."""
    began_s, sent = time.monotonic(), 0
    while sent < leads:
        due = min(leads, sent + 500, int((time.monotonic() - began_s) * rate) + 1 if rate else leads)
        async with transactions.free() as work:
            work.emit(
                LeadCaptured(
                    lead_id=new_id(), occurred_at=work.now, recorded_at=work.now, submission_id=new_id(),
                    attributes=Attributes(
                        industry="manufacturing", title_level="director", source="search_ads", campaign="spring",
                        country="VN", company_domain=f"company-{number % 997}.example", landing_page="/lp/v3", door="site",
                    ),
                )
                for number in range(sent, due)
            )  # fmt: skip
        sent = max(sent, due)
        if rate:
            await asyncio.sleep(0.01)


async def count_assigned(http: httpx.AsyncClient, leads: int) -> float:
    """Wait until analytics has counted every lead as assigned; when that was."""
    while True:
        rows = (await http.get("/v1/funnel", params={"by": "source"})).json()["rows"]
        if sum(row["assigned"] for row in rows) >= leads:
            return time.monotonic()
        await asyncio.sleep(0.2)  # each look costs the product as much as some forty leads


async def every_event(http: httpx.AsyncClient) -> AsyncGenerator[dict[str, Any]]:
    """What analytics keeps, page by page."""
    after: str | None = None
    while True:
        answer = await http.get("/v1/events", params={"limit": 1000, **({"after": after} if after else {})})
        page = answer.raise_for_status().json()
        for item in page["items"]:
            yield item
        after = page["next"]
        if after is None or not page["items"]:
            return


async def captured_to_assigned_ms(http: httpx.AsyncClient) -> list[float]:
    """From `lead.captured` recorded to `lead.assigned` recorded, the first second left out, sorted."""
    captured: dict[str, float] = {}
    assigned: dict[str, float] = {}
    async for item in every_event(http):
        into = {"lead.captured": captured, "lead.assigned": assigned}.get(item["type"])
        if into is not None:
            into[item["data"]["lead_id"]] = _seconds(item["data"]["recorded_at"])
    first_s = min(captured.values())
    return sorted(
        (assigned[lead] - at) * 1000 for lead, at in captured.items() if lead in assigned and at > first_s + 1
    )


def _seconds(instant: str) -> float:
    from datetime import datetime  # noqa: PLC0415

    return datetime.fromisoformat(instant).timestamp()


def _database(settings: Settings) -> str:
    socket_dir = next((settings.data_dir / "distributed/postgres").resolve().glob("socket*"))
    return database_url(socket_dir, database_name("intake"))


async def _ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await http.get("/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["embedded", "kafka"])
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=0.0, help="leads per second, for latencies")
    args = parser.parse_args()
    print(json.dumps(uvloop.run(measure(args.mode, args.leads, args.rate))), flush=True)


if __name__ == "__main__":
    main()
