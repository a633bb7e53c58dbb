"""Ceiling: how fast one process can read lead events with assign and getmany, doing nothing with them."""

import argparse
import asyncio
import os
import time

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from harness import PARTITIONS, arguments, cpu_seconds, fresh_topics, producer, report
from payload import lead_event, lead_id

FILL_BATCHES = 12


async def fill(bootstrap: str, topic: str) -> None:
    async with producer(bootstrap) as sender:

        async def one(partition: int) -> None:
            for round_number in range(FILL_BATCHES):
                batch = sender.create_batch()
                number = (partition * FILL_BATCHES + round_number) * 10_000
                while batch.append(key=lead_id(number).bytes, value=lead_event(number), timestamp=None) is not None:
                    number += 1
                await (await sender.send_batch(batch, topic, partition=partition))

        await asyncio.gather(*(one(partition) for partition in range(PARTITIONS)))


async def measure(args: argparse.Namespace) -> None:
    async with fresh_topics(args.kafka, ["read"]) as [topic]:
        await fill(args.kafka, topic)
        streams = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        async with AIOKafkaConsumer(
            bootstrap_servers=args.kafka, auto_offset_reset="earliest", enable_auto_commit=False
        ) as reader:
            reader.assign(streams)
            ends = await reader.end_offsets(streams)
            read = 0
            began, cpu_before = time.perf_counter(), cpu_seconds([os.getpid()])
            while time.perf_counter() < began + args.seconds:
                for stream, records in (await reader.getmany(timeout_ms=100, max_records=2000)).items():
                    read += len(records)
                    if records[-1].offset + 1 == ends[stream]:
                        reader.seek(stream, 0)
            elapsed_s = time.perf_counter() - began
            cpu_s = cpu_seconds([os.getpid()]) - cpu_before
    report("aiokafka_consume", read / elapsed_s, read=read, cpu_us_per_lead=round(cpu_s / max(1, read) * 1e6, 1))


if __name__ == "__main__":
    uvloop.run(measure(arguments().parse_args()))
