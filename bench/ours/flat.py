"""Ours: many leads into an empty database, a batch at a time: the last batch should take as long as the first."""

import argparse
import asyncio
import json
import time

import uvloop

from bench.ours.pipeline import count_assigned, emit, prepare, product


async def measure(leads: int, batch: int) -> dict[str, object]:
    """Seconds of each batch, from its first commit to its last assignment counted."""
    took_s: list[float] = []
    async with product("embedded") as (_, http, transactions):
        await prepare(http)
        for done in range(0, leads, batch):
            began_s = time.monotonic()
            emitting = asyncio.create_task(emit(transactions, batch, 0))
            took_s.append(await count_assigned(http, done + batch) - began_s)
            await emitting
    first, last = (sum(some) / len(some) for some in (took_s[:2], took_s[-2:]))
    return {
        "name": "flat", "rate": round(leads / sum(took_s), 1), "unit": "leads/s", "leads": leads, "batch": batch,
        "seconds_per_batch": [round(each, 2) for each in took_s], "last_over_first": round(last / first, 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=5_000)
    args = parser.parse_args()
    print(json.dumps(uvloop.run(measure(args.leads, args.batch))), flush=True)


if __name__ == "__main__":
    main()
