"""The local broker keeps its records through SIGKILL, loses them when wiped, and stands still when paused."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from baton.local_kafka import Broker
from tests.support.kafka import kafka_lib

pytestmark = pytest.mark.kafka
TOPIC = "lead.captured"


async def create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        await asyncio.wait_for(producer.send_and_wait(topic, value, partition=0), timeout=20)
    finally:
        await producer.stop()


async def values(bootstrap: str, topic: str) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="none", enable_auto_commit=False)
    try:
        await consumer.start()
        stream = TopicPartition(topic, 0)
        consumer.assign([stream])
        await consumer.seek_to_beginning(stream)
        end = (await consumer.end_offsets([stream]))[stream]
        read: list[bytes | None] = []
        while len(read) < end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                read.extend(record.value for record in records)
        return read
    finally:
        await consumer.stop()


async def topics(bootstrap: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return await admin.list_topics()
    finally:
        await admin.close()


async def test_a_record_survives_the_brokers_sigkill(private_kafka: Broker) -> None:
    await create_topic(private_kafka.bootstrap, TOPIC)
    await produce(private_kafka.bootstrap, TOPIC, b"lead 1")
    address, first_pid = private_kafka.bootstrap, private_kafka.pid
    await private_kafka.kill()
    await private_kafka.start()
    assert private_kafka.pid != first_pid
    assert private_kafka.bootstrap == address
    await produce(address, TOPIC, b"lead 2")
    assert await values(address, TOPIC) == [b"lead 1", b"lead 2"]


async def test_a_wiped_broker_is_empty_at_the_same_address(private_kafka: Broker) -> None:
    await create_topic(private_kafka.bootstrap, TOPIC)
    await produce(private_kafka.bootstrap, TOPIC, b"lead 1")
    address = private_kafka.bootstrap
    await private_kafka.wipe()
    assert private_kafka.bootstrap == address
    assert TOPIC not in await topics(address)
    await create_topic(address, TOPIC)
    assert await values(address, TOPIC) == []


async def test_a_paused_broker_answers_nobody_until_it_is_resumed(private_kafka: Broker) -> None:
    await create_topic(private_kafka.bootstrap, TOPIC)
    producer = AIOKafkaProducer(bootstrap_servers=private_kafka.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(TOPIC, b"before", partition=0)
        private_kafka.pause()
        sent = await producer.send(TOPIC, b"during", partition=0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(sent), timeout=0.5)
        private_kafka.resume()
        await asyncio.wait_for(sent, timeout=20)
    finally:
        await producer.stop()
    assert await values(private_kafka.bootstrap, TOPIC) == [b"before", b"during"]


async def test_topics_are_never_made_by_use(kafka: str, topic_prefix: str) -> None:
    with pytest.raises((KafkaError, TimeoutError)):
        await asyncio.wait_for(produce(kafka, topic_prefix + TOPIC, b"lead"), timeout=3)
    assert topic_prefix + TOPIC not in await topics(kafka)


OWNER = """
import asyncio, sys
from pathlib import Path
from baton.local_kafka import broker

async def main() -> None:
    async with broker(Path(sys.argv[1]), Path(sys.argv[2])) as running:
        print(running.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_broker_dies_with_its_owner(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path / "kafka"), str(kafka_lib())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:  # noqa: S603 - our own program
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        watch = os.pidfd_open(pid)
        owner.send_signal(signal.SIGKILL)
    try:
        assert has_ended(watch, timeout_s=10)
    finally:
        os.close(watch)


def has_ended(pidfd: int, *, timeout_s: float) -> bool:
    return bool(select.select([pidfd], [], [], timeout_s)[0])
