"""What both transports promise: every event once, in its stream's order, through restarts, repeats and two owners."""

import asyncio
import os
import sys
import time

from tests.contract.stage import Stage
from tests.support.wait import until


async def test_everything_committed_is_consumed_once_and_in_order(stage: Stage) -> None:
    intake, scorer = await stage.both()
    for count in (1, 1, 500, 3, 1000):
        await stage.emit(intake, count)
    await stage.consumed(1505)
    assert scorer.counted("baton_rewind_requests") == 0


async def test_a_consumer_that_is_killed_and_started_again_misses_and_doubles_nothing(stage: Stage) -> None:
    intake, scorer = await stage.both()
    await stage.emit(intake, 300)
    await stage.consumed(300)
    await stage.emit(intake, 300)
    await scorer.kill()
    await stage.emit(intake, 300)
    await stage.start("scorer")
    await stage.consumed(900)


async def test_a_producer_that_is_killed_and_started_again_misses_and_doubles_nothing(stage: Stage) -> None:
    intake, _ = await stage.both()
    await stage.emit(intake, 300)
    await intake.kill()
    again = await stage.start("intake")
    await stage.emit(again, 300)
    await stage.consumed(600)


async def test_a_feed_that_repeats_itself_changes_nothing(stage: Stage) -> None:
    intake, scorer = await stage.both()
    assert scorer.feed is not None
    scorer.feed.repeats = True
    for _ in range(5):
        await stage.emit(intake, 100)
    await stage.consumed(500)
    assert scorer.counted("baton_repeats") >= 100


async def test_two_instances_share_the_lanes_and_take_over_from_one_that_dies(stage: Stage) -> None:
    intake, one = await stage.both()
    two = await stage.start("scorer")

    async def shared() -> bool:
        return len(one.node.leases.held) == len(two.node.leases.held) == 2

    await until(shared)
    await stage.emit(intake, 400)
    await stage.consumed(400)
    await one.kill()
    await stage.emit(intake, 400)
    await stage.consumed(800)


async def test_an_owner_that_freezes_with_a_batch_in_hand_is_fenced_off_when_it_wakes(stage: Stage) -> None:
    intake = await stage.start("intake")
    frozen = await stage.start("scorer", idle=["leases"])
    assert frozen.feed is not None
    frozen.feed.go_on.clear()
    await stage.emit(intake, 200)
    await asyncio.wait_for(frozen.feed.taken.wait(), 10)
    await stage.start("scorer")
    await stage.consumed(200)
    frozen.feed.go_on.set()

    async def fenced() -> bool:
        return frozen.counted("baton_fence_rejections") > 0

    await until(fenced)
    await stage.emit(intake, 200)
    await stage.consumed(400)


async def test_a_consumer_that_slept_through_fifty_thousand_events_catches_up(stage: Stage) -> None:
    stage.lease_s = 10.0
    intake = await stage.start("intake")
    slept_through = int(os.environ.get("BATON_SLEPT_THROUGH", "50000"))  # a million in the campaign
    await stage.emit(intake, slept_through, batch=5000)
    began_s = time.monotonic()
    await stage.start("scorer")
    await stage.consumed(slept_through, at_most_s=slept_through / 1250)
    sys.stdout.write(f"{slept_through} events in {time.monotonic() - began_s:.1f} s\n")
