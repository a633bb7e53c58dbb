"""Ceiling: how fast one process can send lead events with the idempotent producer, whole batches, each confirmed."""

import argparse
import asyncio
import os
import time

import uvloop
from harness import PARTITIONS, arguments, cpu_seconds, fresh_topics, producer, report
from payload import lead_event, lead_id


async def measure(args: argparse.Namespace) -> None:
    records = [(lead_id(number).bytes, lead_event(number)) for number in range(10_000)]
    sent = 0
    async with fresh_topics(args.kafka, ["sent"]) as [topic], producer(args.kafka) as sender:
        began, cpu_before = time.perf_counter(), cpu_seconds([os.getpid()])
        ends_at = began + args.seconds

        async def fill(partition: int) -> None:
            nonlocal sent
            at = partition
            while time.perf_counter() < ends_at:
                batch = sender.create_batch()
                while batch.append(key=records[at][0], value=records[at][1], timestamp=None) is not None:
                    at = (at + PARTITIONS) % len(records)
                held = batch.record_count()
                await (await sender.send_batch(batch, topic, partition=partition))
                sent += held

        await asyncio.gather(*(fill(partition) for partition in range(PARTITIONS)))
        elapsed_s = time.perf_counter() - began
        cpu_s = cpu_seconds([os.getpid()]) - cpu_before
    report("aiokafka_send_batch", sent / elapsed_s, sent=sent, cpu_us_per_lead=round(cpu_s / sent * 1e6, 1))


if __name__ == "__main__":
    uvloop.run(measure(arguments().parse_args()))
