"""A light HTTP load generator: keep-alive connections on raw asyncio protocols; prints one JSON line.

`python -m bench.load URL --connections 64 --seconds 5`; closed loop, or with `--rate` an open loop whose latencies
count from the moment a request was due, so that a server that stalls cannot hide it.
"""

import argparse
import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from bench.ceilings.payload import lead_form

DRAIN_TIMEOUT_S = 10.0


@dataclass
class Load:
    """What is still to be sent, and what came back."""

    requests: Iterator[bytes]
    limit: int | None
    sent: int = 0
    sending: bool = True
    latencies_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    last_reply: float = 0.0

    def next(self) -> bytes | None:
        if not self.sending or (self.limit is not None and self.sent >= self.limit):
            return None
        self.sent += 1
        return next(self.requests)


class Connection(asyncio.Protocol):
    """One keep-alive connection: writes a request when told to, and in a closed loop after each reply."""

    def __init__(self, load: Load, *, closed_loop: bool, on_end: Callable[[], None]) -> None:
        self.load = load
        self.closed_loop = closed_loop
        self.on_end = on_end
        self.due: deque[float] = deque()
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own

    def send(self, due: float) -> None:
        request = self.load.next()
        if request is None or self.transport is None:
            self.on_end()
            return
        self.due.append(due)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        while self.due:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                return
            end = head + 4 + _content_length(self.received[:head])
            if len(self.received) < end:
                return
            self._reply(int(self.received[9:12]))
            self.received = self.received[end:]

    def _reply(self, status: int) -> None:
        now = time.perf_counter()
        load = self.load
        load.latencies_s.append(now - self.due.popleft())
        load.statuses[status] = load.statuses.get(status, 0) + 1
        load.last_reply = now
        if self.closed_loop:
            self.send(now)
        elif not self.due:
            self.on_end()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.load.lost += len(self.due)
        self.due.clear()
        self.transport = None
        self.on_end()


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def requests(url: str, headers: list[str], body: bytes | None, first: int) -> Iterator[bytes]:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: application/json", *headers]
    prefix = "\r\n".join(lines).encode() + b"\r\nContent-Length: "
    for number in count(first):
        content = lead_form(number) if body is None else body
        yield b"%s%d\r\n\r\n%s" % (prefix, len(content), content)


async def _paced(connections: list[Connection], load: Load, rate: float, ends_at: float) -> None:
    began = time.perf_counter()
    issued = 0
    while load.sending and time.perf_counter() < ends_at and (load.limit is None or load.sent < load.limit):
        owed = int((time.perf_counter() - began) * rate)
        for number in range(issued, owed):
            connections[number % len(connections)].send(began + number / rate)
        issued = owed
        await asyncio.sleep(0.002)


async def _drain(connections: list[Connection], load: Load, quiet: asyncio.Event) -> None:
    if any(connection.due for connection in connections):
        try:
            await asyncio.wait_for(quiet.wait(), DRAIN_TIMEOUT_S)
        except TimeoutError:
            load.lost += sum(len(connection.due) for connection in connections)
    for connection in connections:
        if connection.transport:
            connection.transport.abort()


async def measure(args: argparse.Namespace) -> dict[str, object]:
    parts = urlsplit(args.url)
    body = args.body.read_bytes() if args.body else None
    load = Load(requests(args.url, args.header, body, args.first), args.count)
    quiet = asyncio.Event()
    connections: list[Connection] = []

    def ended() -> None:
        if all(not connection.due for connection in connections):
            quiet.set()

    loop = asyncio.get_running_loop()
    for _ in range(args.connections):
        _, connection = await loop.create_connection(
            lambda: Connection(load, closed_loop=args.rate is None, on_end=ended), parts.hostname, parts.port
        )
        connections.append(connection)
    began = time.perf_counter()
    if args.rate is None:
        for connection in connections:
            connection.send(began)
        try:
            await asyncio.wait_for(quiet.wait(), None if args.count else args.seconds)
        except TimeoutError:
            load.sending = False
    else:
        await _paced(connections, load, args.rate, began + args.seconds if not args.count else float("inf"))
        load.sending = False
        quiet.clear()
    sent_for_s = time.perf_counter() - began
    await _drain(connections, load, quiet)
    return summary(load, max(load.last_reply - began, sent_for_s))


def summary(load: Load, elapsed_s: float) -> dict[str, object]:
    ok = sum(number for status, number in load.statuses.items() if 200 <= status < 300)
    ordered = sorted(load.latencies_s)

    def at(share: float) -> float | None:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2) if ordered else None

    percentiles = {"p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": at(1.0)}
    statuses = {str(status): number for status, number in sorted(load.statuses.items())}
    return {"rate": round(ok / elapsed_s, 1), "ok": ok, "statuses": statuses, "lost": load.lost, **percentiles}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--count", type=int, help="send so many requests instead of a time")
    parser.add_argument("--rate", type=float, help="requests per second, open loop")
    parser.add_argument("--body", type=Path, help="send this file each time instead of unique leads")
    parser.add_argument("--header", action="append", default=[], help="'Name: value', repeatable")
    parser.add_argument("--first", type=int, default=time.time_ns() // 1000, help="number of the first lead")
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
