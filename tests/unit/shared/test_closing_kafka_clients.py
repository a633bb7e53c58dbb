"""Putting a Kafka client away concerns nobody else: not even where the client's own stop ends as if cancelled."""

import asyncio
import gc
import struct
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.transport import kafka_codec
from shared.transport.kafka_codec import bury, put_away, quietly, within


async def _cancels_its_own_task_and_waits_for_it() -> None:
    """As aiokafka's fetcher does when a fetch is in its pause after an error."""
    mine = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    mine.cancel()
    await mine


async def test_a_stop_that_ends_as_cancelled_does_not_end_whoever_closes() -> None:
    await asyncio.wait_for(quietly(_cancels_its_own_task_and_waits_for_it()), 5)


async def test_a_stop_that_fails_or_hangs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails() -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(kafka_codec, "_STOP_S", 0.01)
    await quietly(fails())
    await asyncio.wait_for(quietly(asyncio.sleep(60)), 5)


async def test_whoever_closes_can_still_be_cancelled() -> None:
    closing = asyncio.create_task(quietly(asyncio.sleep(60)))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(closing, 5)


async def _frozen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A broker that says which requests it knows and then stands still."""
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    (correlation,) = struct.unpack(">i", (await reader.readexactly(size))[4:8])
    knows = struct.pack(">ihi", correlation, 0, 2) + struct.pack(">hhh", 3, 0, 5) + struct.pack(">hhh", 18, 0, 2)
    writer.write(struct.pack(">i", len(knows)) + knows)
    await reader.read()
    writer.close()


async def _start_a_producer(bootstrap: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    try:
        await within(0.3, producer.start())
    finally:
        await bury(producer)


async def _start_a_consumer(bootstrap: str) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        await within(0.3, consumer.start())
    finally:
        await put_away(consumer)


@pytest.mark.parametrize("start", [_start_a_producer, _start_a_consumer])
async def test_a_start_that_a_frozen_broker_never_answers_leaves_nothing(
    start: Callable[[str], Coroutine[Any, Any, None]],
) -> None:
    server = await asyncio.start_server(_frozen, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    with pytest.raises(TimeoutError):
        await start(f"{host}:{port}")
    given_up = asyncio.create_task(start(f"{host}:{port}"))
    await asyncio.sleep(0.1)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    del given_up
    server.close()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(each.message) for each in told if "Unclosed" in str(each.message)] == []


async def test_a_producer_given_up_with_batches_leaves_no_unheard_failure() -> None:
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", enable_idempotence=True)
    hidden: Any = producer
    flights: list[asyncio.Future[Any]] = []
    held = hidden._message_accumulator
    for partition in range(3):
        batch = producer.create_batch()
        batch.append(timestamp=None, key=None, value=b"x")
        flights.append(await held.add_batch(batch, TopicPartition("lead.engaged", partition), 1))
    await bury(producer)
    assert all(flight.exception() for flight in flights)
    flights.clear()
    del producer, hidden, held
    gc.collect()
    await asyncio.sleep(0)
    assert not heard
