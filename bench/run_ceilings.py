"""Every ceiling once, on a PostgreSQL and a Kafka of its own: `python -m bench.run_ceilings --seconds 5 [NAME …]`."""

import argparse
import asyncio
import subprocess
import sys

from bench.support import ROOT, Backend, kafka, postgres

CEILINGS = ROOT / "bench" / "ceilings"
PLANS: list[tuple[str, list[str]]] = [
    ("bare_asgi_reply", []),
    ("fastapi_insert_per_request", []),
    ("bare_asgi_grouped_unnest", ["--connections", "256"]),
    ("asyncpg_copy", []),
    ("aiokafka_send_batch", []),
    ("aiokafka_consume", []),
    ("composed_chain", []),
    ("composed_chain", ["--last-reads-all"]),
    ("composed_chain", ["--rate", "500"]),
]


async def run(name: str, options: list[str], seconds: float, database: Backend, broker: Backend) -> int:
    command = [sys.executable, str(CEILINGS / f"{name}.py"), "--seconds", str(seconds)]
    command += ["--postgres", database.address, "--kafka", broker.address, *options]
    if name == "composed_chain":
        command += ["--pids", *(str(pid) for pid in (database.pid, broker.pid) if pid is not None)]
    return (await asyncio.to_thread(subprocess.run, command, check=False)).returncode


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("names", nargs="*", help="only these")
    args = parser.parse_args()
    plans = [plan for plan in PLANS if not args.names or plan[0] in args.names]
    async with postgres() as database, kafka() as broker:
        return max([await run(name, options, args.seconds, database, broker) for name, options in plans])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
