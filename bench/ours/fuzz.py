"""Hostile bodies at every door and every POST and PATCH path: no 5xx, no stalled loop, no memory that stays.

`python -m bench.ours.fuzz --requests 100000` starts the product on throw-away data on the loopback, keeps a few real
leads in it so that ids lead somewhere, and stops by itself. Exit 1 where a line is crossed; each fault has a body.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

import httpx
import uvloop

from baton.ports import free_port
from bench.ours import fuzz_bodies as bodies
from shared.http.routes import ROUTES

TOKEN: Final = "baton_admin_fuzz"  # noqa: S105 - of a server that lives for minutes
MAX_LAG_OVER_IDLE_S: Final = 0.1
MAX_GROWTH_BYTES: Final = 50 * 1024 * 1024
WARM_SHARE: Final = 0.2
ANSWER_S: Final = 30.0
SETTLE_S: Final = 5.0
METHODS: Final = ("POST", "PATCH")
SPARED: Final = ("/v1/ops/", "/sign-")  # what operators do on purpose, and what reads a form of ours only
IDLE: Final = """
import asyncio, sys, time
async def main():
    worst = 0.0
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.25)
        lag = time.monotonic() - before - 0.25
        print(max(0.0, lag), flush=True)
asyncio.run(main())
"""


@dataclass
class Findings:
    """What came of the requests."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    by_route: dict[str, Counter[int]] = field(default_factory=dict[str, Counter[int]])
    faults: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    slowest: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict[str, tuple[float, dict[str, Any]]])
    sent: int = 0

    def add(self, request: bodies.Request, took_s: float, status: int, said: bytes) -> None:
        self.statuses[status] += 1
        route = f"{request.method} {request.template}"
        self.by_route.setdefault(route, Counter())[status] += 1
        if took_s > self.slowest.get(route, (0.0, {}))[0]:
            self.slowest[route] = (took_s, {"ms": round(took_s * 1000, 1), "status": status, **request.shown()})
        if status >= 500 or status == 0:
            digest = re.search(rb'"fault":"(\w+)"', said)
            kind = f"{status} {request.method} {request.template} {digest[1].decode() if digest else ''}".strip()
            fault = self.faults.setdefault(
                kind, {"count": 0, **request.shown(), "said": said[:300].decode(errors="replace")}
            )
            fault["count"] += 1


@dataclass
class Connection:
    """A keep-alive connection that is made again whenever the server closed it."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def send(self, request: bodies.Request) -> tuple[int, bytes]:
        """The status and the answer; 0 where there was none."""
        try:
            return await asyncio.wait_for(self._send(request), ANSWER_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            return 0, repr(error).encode()

    async def _send(self, request: bodies.Request) -> tuple[int, bytes]:
        reader, writer = self.reader, self.writer
        if reader is None or writer is None or writer.is_closing() or reader.at_eof():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
            self.reader, self.writer = reader, writer
        writer.write(request.wire())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = re.search(rb"content-length: (\d+)", head)
        said = await reader.readexactly(int(length[1])) if length else b""
        if not length or b"connection: close" in head:
            self.close()
        return status, said

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@dataclass
class Watch:
    """The loop's lag and the process's memory, looked at every second beside an idle loop's lag."""

    http: httpx.AsyncClient
    pid: int
    lags_s: list[float] = field(default_factory=list[float])
    idle_s: list[float] = field(default_factory=list[float])
    resident_bytes: list[int] = field(default_factory=list[int])

    async def run(self) -> None:
        idle = await asyncio.create_subprocess_exec(sys.executable, "-c", IDLE, stdout=asyncio.subprocess.PIPE)
        listening = asyncio.create_task(self._listen(idle))
        try:
            while True:
                metrics = (await self.http.get("/metrics")).text
                found = re.search(r"^baton_loop_lag_seconds (\S+)$", metrics, re.MULTILINE)
                if found:
                    self.lags_s.append(float(found[1]))
                self.resident_bytes.append(resident_bytes(self.pid))
                await asyncio.sleep(1)
        finally:
            idle.kill()
            listening.cancel()
            await idle.wait()

    async def _listen(self, idle: asyncio.subprocess.Process) -> None:
        while idle.stdout is not None and (line := await idle.stdout.readline()):
            self.idle_s.append(float(line))


def resident_bytes(pid: int) -> int:
    """What the process has in memory; 0 once it is gone."""
    try:
        said = Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2]
    except FileNotFoundError:
        return 0
    return int(said.split()[0]) * 1024 if said else 0


@asynccontextmanager
async def product() -> AsyncGenerator[tuple[httpx.AsyncClient, int, int]]:
    """The product on fresh data: a client, its port, its process."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="baton-fuzz-", ignore_cleanup_errors=True) as home:
        environment = {
            **os.environ, "BATON_PORT": str(port), "BATON_DATA_DIR": f"{home}/data", "BATON_ADMIN_TOKEN": TOKEN,
            "DEMO": "0", **bodies.SECRETS,
        }  # fmt: skip
        with open_log(Path(home)) as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "baton", "up", env=environment, stdout=log, stderr=log,
                stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
            try:
                await ready(http, process)
                yield http, port, process.pid
            finally:
                tell_errors(Path(home))
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 60)


async def is_alive(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


def open_log(home: Path) -> BinaryIO:
    """The product's log, in a directory that PostgreSQL's account may pass through."""
    home.chmod(0o711)
    return (home / "log").open("wb")


def tell_errors(home: Path) -> None:
    """What the product logged as an error, once each: the reproducing bodies are in the findings."""
    lines = (home / "log").read_text(errors="replace").splitlines()
    for line in [
        *list(dict.fromkeys(each for each in lines if "error" in each))[:15],
        "the end of the log:",
        *lines[-15:],
    ]:
        print(line[:1200], file=sys.stderr)


async def ready(http: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    for _ in range(1200):
        if process.returncode is not None:
            raise SystemExit(f"the product ended with {process.returncode}")
        try:
            if (await http.get("/health/ready")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("the product was not ready within two minutes")


async def populate(http: httpx.AsyncClient) -> bodies.Known:
    """Doors of each kind, and a few leads with handoffs and tasks."""
    (
        await http.put("/v1/policies/calendars", json={"calendars": {"always": {}, "office": {}, "office-cn": {}}})
    ).raise_for_status()
    answer = await http.put("/v1/policies/doors", json={"doors": bodies.DOORS})
    if answer.is_error:
        raise SystemExit(answer.text)
    known = bodies.Known()
    for number in range(20):
        lead = bodies.a_lead(number)
        lead_id = (await http.post("/v1/leads", json=lead)).json()["lead_id"]
        known.ids["lead_id"].append(lead_id)
        for kind in ("demo_requested", "price_page_viewed"):
            engagement = {"id": str(uuid4()), "kind": kind, "occurred_at": datetime.now(UTC).isoformat()}
            await http.post(f"/v1/leads/{lead_id}/engagements", json=engagement)
    for _ in range(100):
        handoffs = (await http.get("/v1/handoffs")).json()["items"]
        if len(handoffs) >= 15:
            break
        await asyncio.sleep(0.2)
    for name, path in (
        ("handoff_id", "/v1/handoffs"), ("task_id", "/v1/tasks"), ("clock_id", "/v1/clocks"),
        ("submission_id", "/v1/submissions"), ("rep", "/v1/reps"),
    ):  # fmt: skip
        items = (await http.get(path)).json()["items"]
        known.ids[name] += [str(item.get(name) or item.get("id")) for item in items]
    return known


async def fuzz(requests: int, seed: int, connections: int, at_most_s: float) -> dict[str, Any]:
    """Send the requests; what was found, and whether every line held."""
    routes = [each for each in ROUTES if each.method in METHODS and not each.template.startswith(SPARED)]
    found = Findings()
    async with product() as (http, port, pid):
        known = await populate(http)
        watch = Watch(http, pid)
        watching = asyncio.create_task(watch.run())
        rng = random.Random(seed)
        until_s = time.monotonic() + at_most_s
        warm_bytes = 0

        async def one() -> None:
            nonlocal warm_bytes
            connection = Connection(port)
            while found.sent < requests and time.monotonic() < until_s:
                found.sent += 1
                if found.sent == int(requests * WARM_SHARE):
                    warm_bytes = resident_bytes(pid)
                request = bodies.hostile(rng, rng.choice(routes), known, TOKEN)
                at_s = time.monotonic()
                status, said = await connection.send(request)
                found.add(request, time.monotonic() - at_s, status, said)
            connection.close()

        began_s = time.monotonic()
        await asyncio.gather(*(one() for _ in range(connections)))
        took_s = time.monotonic() - began_s
        await asyncio.sleep(SETTLE_S)
        after_bytes = resident_bytes(pid)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        alive = await is_alive(http)
    lag, idle = high(watch.lags_s), high(watch.idle_s)
    grown = after_bytes - warm_bytes
    return {
        "name": "fuzz", "seed": seed, "requests": found.sent, "rate": round(found.sent / took_s, 1),
        "statuses": {str(status): count for status, count in sorted(found.statuses.items())},
        "lag_p99_ms": round(lag * 1000, 1), "lag_max_ms": round(max(watch.lags_s, default=0) * 1000, 1),
        "idle_p99_ms": round(idle * 1000, 1), "idle_max_ms": round(max(watch.idle_s, default=0) * 1000, 1),
        "memory_warm_mib": warm_bytes >> 20, "memory_after_mib": after_bytes >> 20,
        "no_5xx": not found.faults, "lag_ok": lag - idle < MAX_LAG_OVER_IDLE_S,
        "memory_ok": grown <= MAX_GROWTH_BYTES, "alive": alive,
        "never_2xx": sorted(name for name, seen in found.by_route.items() if not any(200 <= each < 400 for each in seen)),
        "slowest": dict(sorted(((name, each[1]) for name, each in found.slowest.items()), key=lambda one: -one[1]["ms"])[:5]),
        "faults": found.faults,
    }  # fmt: skip


def high(lags_s: list[float]) -> float:
    """The 99th percentile."""
    ordered = sorted(lags_s)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1800.0, help="stop after so long, whatever is left")
    args = parser.parse_args()
    found = uvloop.run(fuzz(args.requests, args.seed, args.connections, args.seconds))
    print(json.dumps(found, ensure_ascii=False), flush=True)
    return 0 if all(found[line] for line in ("no_5xx", "lag_ok", "memory_ok", "alive")) else 1


if __name__ == "__main__":
    sys.exit(main())
