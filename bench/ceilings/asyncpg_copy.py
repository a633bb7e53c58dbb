"""Ceiling: how fast one connection can store leads with COPY, a commit per thousand."""

import argparse
import os
import time

import asyncpg
import uvloop
from harness import LEAD_TABLE, arguments, cpu_seconds, fresh_table, report
from payload import lead_form, lead_id

TABLE = "ceiling_copy"
BATCH = 1000


async def measure(args: argparse.Namespace) -> None:
    await fresh_table(args.postgres, TABLE, LEAD_TABLE)
    bodies = [lead_form(number).decode() for number in range(BATCH)]
    stored = 0
    connection = await asyncpg.connect(args.postgres)
    try:
        began, cpu_before = time.perf_counter(), cpu_seconds([os.getpid()])
        while time.perf_counter() < began + args.seconds:
            rows = [(lead_id(stored + at), f"lead{stored + at}@example.com", body) for at, body in enumerate(bodies)]
            await connection.copy_records_to_table(TABLE, records=rows, columns=["id", "email", "body"])
            stored += BATCH
        elapsed_s = time.perf_counter() - began
        cpu_s = cpu_seconds([os.getpid()]) - cpu_before
    finally:
        await connection.close()
    report("asyncpg_copy", stored / elapsed_s, stored=stored, client_cpu_us_per_lead=round(cpu_s / stored * 1e6, 1))


if __name__ == "__main__":
    uvloop.run(measure(arguments().parse_args()))
