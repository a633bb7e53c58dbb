"""What both transports promise when a producer's or a consumer's database was restored, and of what may be dropped."""

import asyncio
from dataclasses import replace

import pytest

from shared.runtime.consumer import Stopped
from shared.runtime.node import new_epoch
from shared.store import outbox
from shared.store.register import begin_epoch
from tests.contract.stage import Instance, Stage
from tests.support.wait import until


async def stops_with(instance: Instance, words: str, *, at_most_s: float = 20.0) -> None:
    """It ends by itself, and says why."""
    with pytest.raises(Stopped, match=words):
        await asyncio.wait_for(asyncio.shield(instance.running), at_most_s)


async def dropped(stage: Stage, intake: Instance) -> int:
    """Have the outbox turn through all its generations; the records left."""
    for _ in range(outbox.GENERATIONS):
        async with intake.node.desk.transactions.engine.connect() as session:
            await outbox.drop_consumed(session)
            await session.commit()
    (row,) = await stage.ask("intake", "select count(*) as left from outbox")
    return row.left


async def reported(stage: Stage, count: int) -> None:
    """Wait until the producer's register holds what the consumer holds."""

    async def in_the_register() -> bool:
        (row,) = await stage.ask("intake", "select sum(seq) as held from consumer where service = 'scorer'")
        return row.held == count

    await until(in_the_register)


async def test_an_announced_epoch_continues_at_one(stage: Stage) -> None:
    intake, _ = await stage.both()
    await stage.emit(intake, 300)
    await stage.consumed(300)
    async with intake.node.desk.transactions.engine.begin() as session:
        await begin_epoch(session, new_epoch())
    await stage.emit(intake, 300)
    await stage.consumed(600)
    await intake.kill()
    again = await stage.start("intake")
    await stage.emit(again, 100)
    await stage.consumed(700)


async def test_an_epoch_announced_while_the_consumer_was_away_is_followed(stage: Stage) -> None:
    intake, scorer = await stage.both()
    await stage.emit(intake, 200)
    await stage.consumed(200)
    await scorer.kill()
    await stage.emit(intake, 100)
    async with intake.node.desk.transactions.engine.begin() as session:
        await begin_epoch(session, new_epoch())
    await stage.emit(intake, 100)
    await stage.start("scorer")
    await stage.consumed(400)


async def test_an_epoch_that_nobody_announced_stops_the_consumer(stage: Stage) -> None:
    intake, scorer = await stage.both()
    scorer.consumer.epoch_patience_s = 1.0
    await stage.emit(intake, 200)
    await stage.consumed(200)
    await intake.kill()
    await stage.ask("intake", "update stream_out set epoch = 77, last_seq = 0")
    again = await stage.start("intake")
    await stage.emit(again, 200)
    await stops_with(scorer, "continues in epoch 77, which its producer never announced")
    (row,) = await stage.ask("scorer", "select count(*) as effects from effect")
    assert row.effects == 200


async def test_a_producer_restored_to_before_what_a_consumer_holds_stops_the_consumer(stage: Stage) -> None:
    intake, scorer = await stage.both()
    await stage.emit(intake, 200)
    await stage.consumed(200)
    await scorer.stop()
    await intake.kill()
    await stage.ask("intake", "update stream_out set last_seq = last_seq - 5")
    await stage.ask("intake", "delete from outbox o using stream_out s where o.topic = s.topic"
                    " and o.partition = s.partition and o.seq > s.last_seq")  # fmt: skip
    await stage.ask("intake", "delete from relay_out")
    await stage.start("intake")
    again = await stage.start("scorer")
    await stops_with(again, "its producer gave only")


async def test_the_outbox_is_dropped_only_below_every_registered_consumers_report(stage: Stage) -> None:
    intake = await stage.start("intake")
    await stage.emit(intake, 200)
    assert await dropped(stage, intake) == 200
    await stage.start("scorer")
    await stage.consumed(200)
    await reported(stage, 200)
    assert await dropped(stage, intake) == 0
    await stage.emit(intake, 100)
    await stage.consumed(300)
    await reported(stage, 300)


async def test_a_consumer_that_needs_what_was_dropped_stops(stage: Stage) -> None:
    intake, scorer = await stage.both()
    await stage.emit(intake, 200)
    await stage.consumed(200)
    await reported(stage, 200)
    await scorer.stop()
    assert await dropped(stage, intake) == 0
    await stage.emit(intake, 100)
    await intake.kill()
    if stage.cluster is not None:  # and the log is lost too
        stage.cluster = replace(stage.cluster, prefix=f"{stage.cluster.prefix}again.")
    await stage.ask("scorer", "update position_in set seq = 5, log_offset = null")
    await stage.start("intake")
    again = await stage.start("scorer")
    await stops_with(again, "the outbox starts behind")
