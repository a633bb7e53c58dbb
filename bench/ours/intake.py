"""Ours: the intake service alone in one process, as `bare_asgi_grouped_unnest` is its ceiling."""

import argparse
import asyncio
import hashlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import uvloop

from baton.process import listen, run
from bench.ceilings.harness import cpu_seconds
from bench.support import ROOT, postgres
from shared.http.app import build
from shared.runtime.clock import system_clock
from shared.runtime.node import node, prepare
from shared.store.engine import engine
from shared.store.urls import ensure_databases, on_server
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport

TOKEN = "bench"  # noqa: S105 - of a server that lives for seconds


async def serve(url: str, port: int) -> None:
    """One intake, nobody consuming."""
    import intake.main  # noqa: PLC0415 - only this process needs the service

    service = intake.main.service()
    await ensure_databases(url, ["bench_intake"])
    own = on_server(url, "bench_intake") if "host=" not in url else url.replace("/postgres?", "/bench_intake?")
    pool = engine(own, application="bench-intake")
    transactions = await prepare(service, own, pool, partitions=8, clock=system_clock, presets={})
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    meters = Meters()
    running = await node(
        service, transactions, EmbeddedTransport({"intake": pool}), instance="bench", meters=meters,
        admin_sha256=digest, find_secret=lambda _name: None,
    )  # fmt: skip
    await run(build(running.routers, {"intake": running.ring}), running.tasks, listen("127.0.0.1", port), meters=meters)


async def measure(seconds: float, connections: int, database: str | None) -> dict[str, object]:
    """Load one intake process and say how it did."""
    if database is None:
        async with postgres() as backend:
            return await measure(seconds, connections, backend.address)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ours.intake", "--serve", str(port), "--postgres", database, cwd=ROOT
    )
    try:
        await asyncio.to_thread(_await, port)
        before = cpu_seconds([server.pid])
        load = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.load", f"http://127.0.0.1:{port}/v1/leads", "--seconds", str(seconds),
            "--connections", str(connections), "--header", f"authorization: Bearer {TOKEN}",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await load.communicate()
        cpu_s = cpu_seconds([server.pid]) - before
    finally:
        server.terminate()
        await server.wait()
    measured = json.loads(output)
    rate = measured.pop("rate")
    per_lead = round(cpu_s / max(1, measured["ok"]) * 1e6, 1)
    return {"name": "intake", "rate": rate, "unit": "leads/s", "server_cpu_us_per_lead": per_lead, **measured}


def _await(port: int) -> None:
    deadline_s = time.monotonic() + 30
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/v1/leads", timeout=2).close()
        except OSError as error:
            if getattr(error, "code", None):
                return  # an answer, whichever it is
            if time.monotonic() > deadline_s:
                sys.exit("intake did not start")
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--postgres", default=os.environ.get("BATON_POSTGRES"))
    parser.add_argument("--serve", type=int, default=0)
    parser.add_argument("--kafka", help="unused; the ceilings' runner gives it to all")
    args = parser.parse_args()
    if args.serve:
        uvloop.run(serve(args.postgres, args.serve))
    else:
        print(json.dumps(uvloop.run(measure(args.seconds, args.connections, args.postgres))), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
