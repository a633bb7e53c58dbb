"""Around every ceiling: arguments, the one JSON line, topics and tables of its own, a web server under load, CPU time."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from baton.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 8
BATCH_BYTES = 256 * 1024
Record = tuple[int, bytes, bytes]  # captured at (ms), key, value
LEAD_TABLE = "id uuid PRIMARY KEY, email text NOT NULL, body jsonb NOT NULL"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--postgres", help="URL of a database in which tables may be made and dropped")
    parser.add_argument("--kafka", help="host:port")
    parser.add_argument("--connections", type=int, default=64, help="of the HTTP load generator")
    return parser


def report(name: str, rate: float, **more: object) -> None:
    print(json.dumps({"name": name, "rate": round(rate, 1), "unit": "leads/s", **more}), flush=True)


async def fresh_table(url: str, table: str, columns: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({columns})")
    finally:
        await connection.close()


async def fresh_database(url: str, name: str, table: str, columns: str) -> asyncpg.Connection:
    """A connection to a database of its own on the same server, with one new table."""
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    database = await asyncpg.connect(url, database=name)
    await database.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({columns})")
    return database


@asynccontextmanager
async def fresh_topics(bootstrap: str, names: Iterable[str]) -> AsyncGenerator[list[str]]:
    """Topics nobody used before, removed afterwards."""
    topics = [f"ceiling-{time.time_ns()}.{name}" for name in names]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as reader:  # asks every partition's leader
            await reader.end_offsets([TopicPartition(topic, lane) for topic in topics for lane in range(PARTITIONS)])
        yield topics
    finally:
        await admin.delete_topics(topics)
        await admin.close()


def producer(bootstrap: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=BATCH_BYTES, linger_ms=2
    )


async def send_lanes(sender: AIOKafkaProducer, topic: str, lanes: dict[int, list[Record]]) -> None:
    """Send each partition's records in whole batches and wait until all are confirmed."""
    sent: list[asyncio.Future[Any]] = []
    for partition, records in lanes.items():
        batch = sender.create_batch()
        for stamp, key, value in records:
            if batch.append(key=key, value=value, timestamp=stamp) is None:
                sent.append(await sender.send_batch(batch, topic, partition=partition))
                batch = sender.create_batch()
                batch.append(key=key, value=value, timestamp=stamp)
        sent.append(await sender.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


def percentile(ordered: list[float], percent: int) -> float:
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU time of these processes and everything below them, with the children they already buried."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(fields[1])
            ticks[int(entry.name)] = sum(int(field) for field in fields[11:15])
    wanted = set(roots)
    grown = True
    while grown:
        below = {pid for pid, parent in parents.items() if parent in wanted} - wanted
        wanted |= below
        grown = bool(below)
    return sum(ticks.get(pid, 0) for pid in wanted) / os.sysconf("SC_CLK_TCK")


def _await_server(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/ready", timeout=5).close()
        except HTTPError:
            return  # an answer, whichever it is
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("the server did not start")
            time.sleep(0.05)
        else:
            return


def http_ceiling(name: str, args: argparse.Namespace) -> None:
    """Serve `name:app` with one uvicorn process and load it from another process."""
    port = free_port()
    uvicorn = [sys.executable, "-m", "uvicorn", f"{name}:app", "--app-dir", str(ROOT / "bench" / "ceilings")]
    uvicorn += [
        "--port",
        str(port),
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--log-level",
        "error",
    ]
    load = [sys.executable, "-m", "bench.load", f"http://127.0.0.1:{port}/leads", "--seconds", str(args.seconds)]
    load += ["--connections", str(args.connections)]
    environment = {**os.environ, "CEILING_POSTGRES": args.postgres or ""}
    with subprocess.Popen(uvicorn, env=environment) as server:  # noqa: S603 - our own command line
        try:
            _await_server(port, server)
            before = cpu_seconds([server.pid])
            done = subprocess.run(load, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603
            cpu_s = cpu_seconds([server.pid]) - before
        finally:
            server.terminate()
    measured = json.loads(done.stdout)
    rate = measured.pop("rate")
    report(name, rate, server_cpu_us_per_lead=round(cpu_s / max(1, measured["ok"]) * 1e6, 1), **measured)
