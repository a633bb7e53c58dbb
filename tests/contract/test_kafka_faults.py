"""What Kafka can do to the delivery: be away, lose everything or its tail, hold strangers' messages; and lag tools."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from baton.local_kafka import Broker
from shared.runtime.streams import Position
from shared.transport.kafka import KafkaTransport
from shared.transport.kafka_relay import Relay
from shared.transport.kafka_topics import Cluster, Topics, WrongTopic
from tests.contract.stage import PARTITIONS, TOPICS, Instance, Stage
from tests.support.wait import until

pytestmark = pytest.mark.kafka


def kafka_of(instance: Instance) -> KafkaTransport:
    assert isinstance(instance.transport, KafkaTransport)
    return instance.transport


def relay_of(intake: Instance) -> Relay:
    return kafka_of(intake).relays["intake"]


def cluster_of(stage: Stage) -> Cluster:
    assert stage.cluster is not None
    return stage.cluster


async def confirmed(stage: Stage, count: int) -> None:
    async def all_are_kept() -> bool:
        (row,) = await stage.ask("intake", "select coalesce(sum(confirmed), 0) as kept from relay_out")
        return row.kept == count

    await until(all_are_kept)


@asynccontextmanager
async def an_admin(bootstrap: str) -> AsyncGenerator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def a_producer(bootstrap: str) -> AsyncGenerator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_a_broker_that_is_away_is_waited_for(fragile_stage: Stage, fragile_kafka: Broker) -> None:
    intake, scorer = await fragile_stage.both()
    await fragile_stage.emit(intake, 300)
    await fragile_stage.consumed(300)
    await fragile_kafka.kill()
    await fragile_stage.emit(intake, 300)
    await fragile_kafka.start()
    await fragile_stage.emit(intake, 300)
    await fragile_stage.consumed(900)
    assert not intake.running.done()
    assert not scorer.running.done()


async def test_a_wiped_broker_is_filled_again_within_thirty_seconds(
    fragile_stage: Stage, fragile_kafka: Broker
) -> None:
    intake, scorer = await fragile_stage.both()
    await fragile_stage.emit(intake, 300)
    await fragile_stage.consumed(300)
    await scorer.kill()
    await fragile_stage.emit(intake, 300)
    await confirmed(fragile_stage, 600)
    await fragile_kafka.wipe()
    began_s = time.monotonic()
    again = await fragile_stage.start("scorer")
    await fragile_stage.consumed(600)
    assert time.monotonic() - began_s < 30
    assert relay_of(intake).rewinds <= 2 * PARTITIONS * len(TOPICS)
    assert again.counted("baton_rewind_requests") <= 3 * PARTITIONS * len(TOPICS)
    await fragile_stage.emit(intake, 100)
    await fragile_stage.consumed(700)


async def test_a_lost_tail_is_sent_again_without_a_storm(kafka_stage: Stage) -> None:
    intake, scorer = await kafka_stage.both()
    await kafka_stage.emit(intake, 300)
    await kafka_stage.consumed(300)
    await scorer.kill()
    await kafka_stage.emit(intake, 300)
    await confirmed(kafka_stage, 600)
    await lose_the_tail(cluster_of(kafka_stage), 10)
    again = await kafka_stage.start("scorer")
    await kafka_stage.consumed(600)
    assert 1 <= relay_of(intake).rewinds <= PARTITIONS * len(TOPICS)
    assert again.counted("baton_rewind_requests") <= 2 * PARTITIONS * len(TOPICS)


async def lose_the_tail(cluster: Cluster, count: int) -> None:
    """Every partition's last records are gone, as after an unclean election."""
    places = [TopicPartition(cluster.wire(topic), lane) for topic in TOPICS for lane in range(PARTITIONS)]
    kept: dict[TopicPartition, list[Any]] = {place: [] for place in places}
    reader = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap, auto_offset_reset="none", enable_auto_commit=False)
    try:
        await reader.start()
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        ends = await reader.end_offsets(places)
        while any(len(kept[place]) < ends[place] for place in places):
            for place, messages in (await reader.getmany(timeout_ms=500)).items():
                kept[place] += messages
    finally:
        await reader.stop()
    async with an_admin(cluster.bootstrap) as admin:
        await admin.delete_topics([cluster.wire(topic) for topic in TOPICS])

        async def gone() -> bool:
            return not {cluster.wire(topic) for topic in TOPICS} & set(await admin.list_topics())

        await until(gone)
    await Topics(cluster, TOPICS).ensure()
    async with a_producer(cluster.bootstrap) as producer:
        for place, messages in kept.items():
            for message in messages[:-count]:
                await producer.send(
                    place.topic, message.value, message.key, place.partition, headers=list(message.headers)
                )
        await producer.flush()


async def test_a_relay_that_forgot_what_was_confirmed_sends_it_again_to_no_effect(kafka_stage: Stage) -> None:
    intake, scorer = await kafka_stage.both()
    await kafka_stage.emit(intake, 400)
    await kafka_stage.consumed(400)
    await intake.kill()
    await kafka_stage.ask("intake", "delete from relay_out")
    again = await kafka_stage.start("intake")
    await kafka_stage.emit(again, 100)
    await kafka_stage.consumed(500)

    async def repeated() -> bool:
        return scorer.counted("baton_repeats") >= 400

    await until(repeated)
    await kafka_stage.each_had_its_effect_once()


async def test_two_relays_at_once_are_safe(kafka_stage: Stage) -> None:
    intake, scorer = await kafka_stage.both()
    other = await kafka_stage.start("intake", idle=["leases"])
    relay_of(other).leases = intake.node.leases
    for _ in range(10):
        await kafka_stage.emit(intake, 50)
        await kafka_stage.emit(other, 50)
    await kafka_stage.consumed(1000)

    async def both_sent() -> bool:
        return scorer.counted("baton_repeats") >= 500

    await until(both_sent)
    await kafka_stage.each_had_its_effect_once()


async def test_a_change_of_transport_and_back_loses_and_doubles_nothing(kafka_stage: Stage) -> None:
    total = 0
    for kind in ("embedded", "kafka", "embedded", "kafka"):
        intake, scorer = await kafka_stage.start("intake", kind=kind), await kafka_stage.start("scorer", kind=kind)
        await kafka_stage.emit(intake, 200)
        await kafka_stage.consumed(total := total + 200)
        await kafka_stage.emit(intake, 100)
        total += 100
        await scorer.kill()
        await intake.stop()


async def test_a_hint_that_points_elsewhere_is_not_believed(kafka_stage: Stage) -> None:
    intake, scorer = await kafka_stage.both()
    await kafka_stage.emit(intake, 400)
    await kafka_stage.consumed(400)
    await scorer.stop()
    await kafka_stage.ask(
        "scorer", "update position_in set log_offset = case when partition < 2 then 3 else 100000 end"
    )
    await kafka_stage.emit(intake, 100)
    again = await kafka_stage.start("scorer")
    await kafka_stage.consumed(500)
    assert again.counted("baton_rewind_requests") == 0


async def test_strangers_messages_are_skipped_and_counted(kafka_stage: Stage) -> None:
    intake, scorer = await kafka_stage.both()
    topic = cluster_of(kafka_stage).wire(TOPICS[0])
    await kafka_stage.emit(intake, 100)
    await kafka_stage.consumed(100)
    async with a_producer(cluster_of(kafka_stage).bootstrap) as producer:
        for value, key, headers in (
            (b"hello", None, []),
            (b"{}", b"not-a-lead", [("seq", b"1:1"), ("ce_id", b"no")]),
            (b"{}", b"\xff", [("seq", b"one")]),
            (None, b"gone", []),
        ):
            await producer.send_and_wait(topic, value, key, partition=0, headers=headers)
    await kafka_stage.emit(intake, 100)
    await kafka_stage.consumed(200)
    assert scorer.feed is not None
    feed: Any = scorer.feed.feed
    assert feed.foreign == 4


async def test_a_topic_with_another_number_of_partitions_refuses_to_start(kafka_stage: Stage) -> None:
    cluster = cluster_of(kafka_stage)
    await Topics(cluster, TOPICS).ensure()
    with pytest.raises(WrongTopic, match=f"has {PARTITIONS} partitions, Baton needs {PARTITIONS + 1}"):
        await KafkaTransport(replace(cluster, partitions=PARTITIONS + 1), "x", {}, names=TOPICS).start()


async def test_offsets_are_committed_for_lag_tools(kafka_stage: Stage) -> None:
    intake = await kafka_stage.start("intake")
    scorer = await kafka_stage.start("scorer")
    kafka_of(scorer).offsets.pause_s = 0.1
    await kafka_stage.emit(intake, 100)
    await kafka_stage.consumed(100)
    cluster = cluster_of(kafka_stage)
    async with an_admin(cluster.bootstrap) as admin:

        async def all_are_told() -> bool:
            try:
                told = await admin.list_consumer_group_offsets(f"{cluster.prefix}baton.scorer")
            except KafkaError:
                return False  # the first group of a new broker: it is still making its own topic
            return sum(each.offset for each in told.values()) == 100

        await until(all_are_told)


async def test_consumers_reports_and_producers_marks_are_heard(kafka_stage: Stage) -> None:
    intake, scorer = await kafka_stage.both()
    await kafka_stage.emit(intake, 100)
    await kafka_stage.consumed(100)

    async def heard() -> bool:
        marks = sum(mark.confirmed for mark in kafka_of(scorer).positions.marks.values())
        held = [report for report in intake.transport.reports() if report.service == "scorer"]
        return marks == 100 and bool(held) and sum(p.seq for p in held[-1].consumed.values()) == 100

    await until(heard)


async def test_a_rewind_is_served_once_in_two_seconds(kafka_stage: Stage) -> None:
    intake, scorer = await kafka_stage.both()
    await kafka_stage.emit(intake, 100)
    await kafka_stage.consumed(100)
    stream = next(iter(scorer.consumer.state.positions))
    epoch = scorer.consumer.state.positions[stream].epoch
    for _ in range(20):
        await scorer.consumer.feed.ask(stream, Position(epoch, 0))
        await asyncio.sleep(0.02)

    async def answered() -> bool:
        return scorer.consumer.feed.answer(stream) is not None

    await until(answered)
    assert relay_of(intake).rewinds == 1
    await kafka_stage.each_had_its_effect_once()
