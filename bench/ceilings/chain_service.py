"""The services of the composed chain: read a batch, upsert it in one statement, send it on; nothing is remembered."""

import argparse
import asyncio
import time
from typing import Any
from uuid import UUID

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from harness import PARTITIONS, Record, fresh_database, producer, send_lanes

ROUTER = 2  # its output is `assigned`
WARM_UP_MS = 1000  # the first second pays for the clients' connections and metadata, so its latencies are left out
LEAD_TABLE = "id uuid PRIMARY KEY, step int, body jsonb"
UPSERT = """INSERT INTO lead (id, step, body) SELECT * FROM unnest($1::uuid[], $2::int[], $3::jsonb[])
    ON CONFLICT (id) DO UPDATE SET step = excluded.step, body = excluded.body"""


async def stage(step: int, topics: list[str], args: argparse.Namespace, leads: int, results: Any) -> None:
    database = await fresh_database(args.postgres, f"ceiling_chain_{step}", "lead", LEAD_TABLE)
    sources = topics if args.last_reads_all and step == len(topics) - 1 else [topics[step]]
    reader = AIOKafkaConsumer(bootstrap_servers=args.kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    async with producer(args.kafka) as sender, reader:
        reader.assign([TopicPartition(topic, partition) for topic in sources for partition in range(PARTITIONS)])
        results.put((step, "ready", 0.0, []))
        latencies_ms: list[float] = []
        seen, first_ms = 0, 0
        while seen < leads * len(sources):
            rows: dict[bytes, tuple[UUID, int, str]] = {}
            lanes: dict[int, list[Record]] = {}
            for stream, records in (await reader.getmany(timeout_ms=1000, max_records=2000)).items():
                seen += len(records)
                for record in records:
                    if record.key is None or record.value is None:
                        continue
                    event = orjson.loads(record.value) | {"step": step}
                    value = orjson.dumps(event)
                    rows[record.key] = (UUID(event["lead_id"]), step, value.decode())
                    lanes.setdefault(stream.partition, []).append((record.timestamp, record.key, value))
            if rows:
                await database.execute(UPSERT, *(list(column) for column in zip(*rows.values(), strict=True)))
                if step < len(topics) - 1:
                    await send_lanes(sender, topics[step + 1], lanes)
                if step == ROUTER:
                    now_ms = time.time() * 1000
                    stamps = [record[0] for records in lanes.values() for record in records]
                    first_ms = first_ms or min(stamps)
                    latencies_ms += [now_ms - stamp for stamp in stamps if stamp >= first_ms + WARM_UP_MS]
        results.put((step, "done", time.time(), latencies_ms))
    await database.close()


def service(steps: list[int], topics: list[str], args: argparse.Namespace, leads: int, results: Any) -> None:
    async def stages() -> None:
        await asyncio.gather(*(stage(step, topics, args, leads, results) for step in steps))

    uvloop.run(stages())
