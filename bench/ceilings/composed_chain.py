"""Ceiling: five thin services chained over Kafka, each with its own database, and no guarantee of any kind."""

import argparse
import asyncio
import multiprocessing
import os
import time
from typing import Any

import uvloop
from chain_service import service
from harness import PARTITIONS, Record, arguments, cpu_seconds, fresh_topics, percentile, producer, report, send_lanes
from payload import lead_event, lead_id

NAMES = ["captured", "scored", "qualified", "assigned", "contacted"]


async def capture(args: argparse.Namespace, topic: str, leads: int) -> None:
    """Send the leads into the first topic, all at once or at the rate asked for."""
    began, sent = time.time(), 0
    async with producer(args.kafka) as sender:
        while sent < leads:
            due = min(leads, sent + 2000, int((time.time() - began) * args.rate) if args.rate else leads)
            lanes: dict[int, list[Record]] = {}
            for number in range(sent, due):
                record = (int(time.time() * 1000), lead_id(number).bytes, lead_event(number))
                lanes.setdefault(number % PARTITIONS, []).append(record)
            sent = max(sent, due)
            await send_lanes(sender, topic, lanes)
            await asyncio.sleep(0.01 if args.rate else 0)


async def measure(args: argparse.Namespace) -> None:
    leads = int(args.rate * args.seconds) if args.rate else args.leads
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    async with fresh_topics(args.kafka, NAMES) as topics:
        groups = [list(range(len(NAMES)))[first :: args.processes] for first in range(args.processes)]
        services = [context.Process(target=service, args=(g, topics, args, leads, results)) for g in groups]
        for process in services:
            process.start()
        for _ in NAMES:
            await asyncio.to_thread(results.get, timeout=60)
        began, cpu_before = time.time(), cpu_seconds([os.getpid(), *args.pids])
        await capture(args, topics[0], leads)
        done = [await asyncio.to_thread(results.get, timeout=300) for _ in NAMES]
        cpu_s = cpu_seconds([os.getpid(), *args.pids]) - cpu_before
        for process in services:
            process.join()
    latencies_ms = sorted(latency for result in done for latency in result[3])
    more = {f"captured_to_assigned_p{p}_ms": percentile(latencies_ms, p) for p in (50, 99)} if args.rate else {}
    rate = leads / (max(result[2] for result in done) - began)
    report(
        "composed_chain",
        rate,
        leads=leads,
        processes=args.processes,
        last_reads_all=args.last_reads_all,
        offered_rate=args.rate,
        cpu_us_per_lead=round(cpu_s / leads * 1e6, 1),
        **more,
    )


if __name__ == "__main__":
    parser = arguments()
    parser.add_argument("--leads", type=int, default=20_000, help="sent at once, when there is no --rate")
    parser.add_argument("--rate", type=float, default=0.0, help="leads per second, for latencies")
    parser.add_argument("--processes", type=int, default=5, help="the five services share so many")
    parser.add_argument("--last-reads-all", action="store_true", help="the last service reads every topic")
    parser.add_argument("--pids", type=int, nargs="*", default=[], help="PostgreSQL and broker, for the CPU figure")
    uvloop.run(measure(parser.parse_args()))
