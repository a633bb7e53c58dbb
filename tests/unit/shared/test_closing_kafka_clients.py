"""Putting a Kafka client away concerns nobody else: not even where the client's own stop ends as if cancelled."""

import asyncio
import gc
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from shared.transport import kafka_codec
from shared.transport.kafka_codec import bury, quietly


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
