"""Records as Kafka messages (CloudEvents, binary mode, few headers) and back; clients started within a bound, and put away for good."""

import asyncio
import traceback
from collections.abc import Coroutine
from functools import cache
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - it is a UUID too

from shared.runtime.streams import Record, Stream, partition_of

log = structlog.get_logger("kafka")

PASSING = (KafkaError, OSError, TimeoutError, AssertionError)  # the client asserts what a broker once told it
_STOP_S = 3.0


def headers_of(record: Record, service: str) -> list[tuple[str, bytes]]:
    """The headers of a record."""
    return [
        *_same_headers(service, record.stream.topic),
        ("ce_id", str(record.id).encode()),
        ("seq", b"%d:%d" % (record.epoch, record.seq)),
    ]


@cache
def _same_headers(service: str, topic: str) -> tuple[tuple[str, bytes], ...]:
    return (("ce_specversion", b"1.0"), ("ce_source", f"/baton/{service}".encode()), ("ce_type", topic.encode()))


def record_of(stream: Stream, message: Any, partitions: int) -> Record | None:
    """A message as a record; None for one that no relay of ours has written."""
    try:
        headers = dict(message.headers)
        epoch, seq = headers["seq"].split(b":")
        lead_id = DriverUUID(message.key.decode())
        event_id = DriverUUID(headers["ce_id"].decode())
        record = Record(stream, int(epoch), int(seq), event_id, lead_id, message.value, message.offset)
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
    placed = partition_of(lead_id, partitions) == stream.partition
    return record if placed and record.seq > 0 and record.epoch > 0 and message.value is not None else None


async def within(bound_s: float, talking: Coroutine[Any, Any, Any]) -> None:
    """Start a client, or more, within a bound; whoever asks puts the client away where that fails.

    A start that is broken off while a frozen broker owes its first answer leaves a connection in nobody's hands:
    aiokafka's bootstrap closes it at failures of its own and not at a cancellation. It is closed here.
    """
    try:
        async with asyncio.timeout(bound_s):
            await talking
    except BaseException as error:
        _close_what_is_left(error)
        if error.__cause__ is not None:  # of a TimeoutError, the cancellation
            _close_what_is_left(error.__cause__)
        raise


def _close_what_is_left(error: BaseException) -> None:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        connection = frame.f_locals.get("bootstrap_conn")  # nobody else has it
        if connection is not None:
            connection.close()


async def bury(producer: AIOKafkaProducer) -> None:
    """Stop a producer for good: one whose broker is gone would wait for ever, or send what it holds years later."""
    hidden: Any = producer
    await quietly(hidden._sender.close())  # noqa: SLF001 - no retries from here on
    held = hidden._message_accumulator  # noqa: SLF001 - stop() waits for all it holds
    held.fail_all(KafkaConnectionError("given up"))
    for batch in [batch for batches in held._batches.values() for batch in batches]:  # noqa: SLF001 - nobody waits there
        _forget(batch._drain_waiter)  # noqa: SLF001 - else Python says that an exception was never retrieved
    await quietly(producer.stop())
    await quietly(producer.client.close())


async def quietly(closing: Coroutine[Any, Any, Any]) -> None:
    """Close something of the client's within a bound; whatever it fails with concerns nobody any more.

    In a task of its own: aiokafka's stop ends as cancelled where a fetch was in its pause after an error, and here
    that would pass for our own end.
    """
    task = asyncio.create_task(closing)
    task.add_done_callback(_forget)
    try:
        await asyncio.wait({task}, timeout=_STOP_S)
    finally:
        task.cancel()


def _forget(task: "asyncio.Future[Any]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:  # a client whose broker is gone raises anything (KeyError, AttributeError)
        log.debug("closed roughly", error=repr(error))


async def put_away(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer for good, its connections too where its own stop breaks off before them."""
    hidden: Any = consumer
    await quietly(consumer.stop())
    await quietly(hidden._client.close())  # noqa: SLF001 - stop() may have ended before
