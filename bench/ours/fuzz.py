"""Hostile requests at every door and every path: no 5xx, no stalled loop, no memory that stays.

`python -m bench.ours.fuzz --requests 100000` starts the product on throw-away data on the loopback, keeps a few real
leads in it so that ids lead somewhere, and stops by itself. Exit 1 where a line is crossed; each fault has a request.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop

from bench.ours.fuzz_product import TOKEN, Connection, is_alive, logged, parked, populate, product
from bench.ours.fuzz_requests import Request, hostile, routes
from bench.ours.fuzz_watch import Watch, resident_bytes

MAX_GROWTH_BYTES: Final = 50 * 1024 * 1024
MAX_FAULTS: Final = 100
LATELY: Final = 80
SHOWN: Final = 12
WARM_SHARE: Final = 0.2
SETTLE_S: Final = 5.0
LINES: Final = ("no_5xx", "stalls_ok", "memory_ok", "background_ok", "alive")


@dataclass
class Findings:
    """What came of the requests."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    by_route: dict[str, Counter[int]] = field(default_factory=dict[str, Counter[int]])
    faults: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    slowest: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict[str, tuple[float, dict[str, Any]]])
    sent: int = 0
    lately: deque[tuple[float, str]] = field(default_factory=lambda: deque[tuple[float, str]](maxlen=LATELY))

    def add(self, request: Request, took_s: float, status: int, said: bytes) -> None:
        self.statuses[status] += 1
        self.lately.append(
            (took_s, f"{request.method} {request.target[:80]} {status} {request.body[:60]!r} {len(request.body)}")
        )
        route = f"{request.method} {request.template}"
        self.by_route.setdefault(route, Counter())[status] += 1
        if took_s > self.slowest.get(route, (0.0, {}))[0]:
            self.slowest[route] = (took_s, {"ms": round(took_s * 1000, 1), "status": status, **request.shown()})
        if status >= 500 or status == 0:
            digest = re.search(rb'"fault":"(\w+)"', said)
            kind = f"{status} {request.method} {request.template} {digest[1].decode() if digest else ''}".strip()
            if kind in self.faults or len(self.faults) < MAX_FAULTS:
                shown = {"count": 0, **request.shown(), "said": said[:300].decode(errors="replace")}
                self.faults.setdefault(kind, shown)["count"] += 1

    def slow_lately(self) -> list[str]:
        """Of the last requests those that took the longest."""
        return [f"{took_s * 1000:.0f} ms {shown}" for took_s, shown in sorted(self.lately, reverse=True)[:SHOWN]]


async def fuzz(requests: int, seed: int, connections: int, at_most_s: float) -> dict[str, Any]:
    """Send the requests; what was found, and whether every line held."""
    chosen, weights = routes()
    found = Findings()
    async with product() as (http, port, pid, home):
        known = await populate(http)
        watch = Watch(port, pid, beside=found.slow_lately)
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
                request = hostile(rng, rng.choices(chosen, weights)[0], known, TOKEN)
                at_s = time.monotonic()
                status, said = await connection.send(request)
                found.add(request, time.monotonic() - at_s, status, said)
                if status < 300:
                    known.learn(said)
            connection.close()

        began_s = time.monotonic()
        await asyncio.gather(*(one() for _ in range(connections)))
        took_s = time.monotonic() - began_s
        await asyncio.sleep(SETTLE_S)
        after_bytes = resident_bytes(pid)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        alive = await is_alive(http)
        left, background = await parked(http) if alive else 0, logged(home)
    failed = sum(count for status, count in found.statuses.items() if status >= 500 or status == 0)
    return {
        "name": "fuzz", "seed": seed, "requests": found.sent, "rate": round(found.sent / took_s, 1),
        "statuses": {str(status): count for status, count in sorted(found.statuses.items())},
        "failed": failed, "no_5xx": not failed,
        "stalls": watch.stalls, "stalls_ok": watch.windows > 0 and not watch.stalls, "windows": watch.windows,
        "worst_ms": watch.worst_ms, "idle_worst_ms": watch.idle_worst_ms, "stalled": watch.worst,
        "memory_warm_mib": warm_bytes >> 20, "memory_after_mib": after_bytes >> 20, "memory_most_mib": watch.most_bytes >> 20,
        "memory_ok": warm_bytes > 0 and after_bytes - warm_bytes <= MAX_GROWTH_BYTES, "alive": alive,
        "parked": left, "background": background, "background_ok": not left and not background,
        "never_2xx": sorted(name for name, seen in found.by_route.items() if not any(200 <= each < 400 for each in seen)),
        "slowest": dict(sorted(((name, each[1]) for name, each in found.slowest.items()), key=lambda one: -one[1]["ms"])[:5]),
        "faults": found.faults,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1800.0, help="stop after so long, whatever is left")
    args = parser.parse_args()
    found = uvloop.run(fuzz(args.requests, args.seed, args.connections, args.seconds))
    print(json.dumps(found, ensure_ascii=True), flush=True)
    return 0 if all(found[line] for line in LINES) else 1


if __name__ == "__main__":
    sys.exit(main())
