"""Whatever the order in which the streams are read, and whenever the timers look: the same clocks."""

import random
from collections import Counter
from datetime import timedelta
from typing import Final

from shared.contracts import ClockBreached, ClockRevoked, ClockStarted, Event
from shared.contracts.clocks import ClockEvent
from tests.integration.sla_watcher.tales import Seen, Tale, a_watch, at, seen
from tests.support.postgres import MakeDatabase

SEEDS: Final = 16
END: Final = at("fri+2 18:00")


def a_long_tale(name: str) -> list[Event]:
    """Everything that moves a clock, in the order in which it happened."""
    tale = Tale(name)
    return [
        tale.captured("mon 09:00"),
        tale.scored("mon 09:01"),
        tale.qualified("mon 09:30"),
        tale.assigned("mon 09:40"),
        tale.contacted("mon 11:30", recorded="mon 13:00"),
        tale.assigned("mon 15:00", "h2", owner="bob", previous="h1"),
        tale.contacted("tue 10:30", "h2", next_step="mon+1 10:00"),
        tale.rejected("wed 09:00", "h2"),
        tale.qualified("thu 10:00", 2),
        tale.assigned("thu 10:30", "h3", episode=2, calendar=None),
        tale.recycled("sat 10:30", "h3"),
        tale.assigned("mon+1 09:00", "h4", owner="eve", episode=2, score=60),
        tale.contacted("mon+1 16:00", "h4"),
        tale.opened("thu+1 10:00", "h4"),
    ]


def under_any_name(clocks: list[Seen]) -> list[tuple[object, ...]]:
    """Without the lead's own ids. A promise kept is kept, whether or not it was called broken for a while."""
    kept = {"revoked": "met"}
    return [(each.promise, kept.get(each.state, each.state), each.due_at, each.reason) for each in clocks]


async def test_any_interleaving_of_the_streams_ends_in_the_same_clocks(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        for seed in range(SEEDS):
            shuffle = random.Random(seed) if seed else None
            await bench.deliver(a_long_tale(f"lead {seed}"), shuffle=shuffle)
        await bench.fire_timers(END)
        found = [[replaced(each) for each in await seen(bench, Tale(f"lead {seed}"))] for seed in range(SEEDS)]
        assert all(clocks == found[0] for clocks in found)
        assert Counter((promise, state) for promise, state, _, _ in found[0]) == {
            ("owner_found", "met"): 1,
            ("owner_found", "breached"): 1,  # the second episode, by a quarter of an hour
            ("first_contact", "met"): 2,
            ("first_contact", "breached"): 2,  # bob's, who called the next day, and the third, whom nobody called
            ("untouched", "met"): 3,
            ("untouched", "breached"): 1,  # what the recycling followed from
            ("silent", "cancelled"): 3,
        }


def replaced(clock: Seen) -> tuple[str, str, object, str | None]:
    return clock.promise, clock.state, clock.due_at, clock.reason


async def test_one_by_one_in_any_order_with_timers_in_between(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        tales = [a_long_tale(f"lead {seed}") for seed in range(SEEDS)]
        for seed, tale in enumerate(tales):
            random.Random(seed).shuffle(tale)
        for step in range(len(tales[0])):
            await bench.deliver([tale[step] for tale in tales])
            await bench.fire_timers(max(at("mon 09:00") + step * timedelta(hours=9), bench.clock.now))
        await bench.fire_timers(END)
        found = [under_any_name(await seen(bench, Tale(f"lead {seed}"))) for seed in range(SEEDS)]
        truth = await in_order(make_database)
        for clocks in found:
            # what a fact heard of later made void is cancelled, and no part of the truth
            assert Counter(clocks) >= Counter(truth)
            assert {(state, reason) for _, state, _, reason in (Counter(clocks) - Counter(truth))} <= {
                ("cancelled", "superseded")
            }
        said = Counter((type(each), each.clock_id) for each in await bench.emitted() if isinstance(each, ClockEvent))
        assert {
            kind for kind, count in said.items() if count > 1 and kind[0] in (ClockStarted, ClockBreached, ClockRevoked)
        } == set()


async def in_order(make_database: MakeDatabase) -> list[tuple[object, ...]]:
    async with a_watch(make_database) as bench:
        await bench.deliver(a_long_tale("in order"))
        await bench.fire_timers(END)
        return under_any_name(await seen(bench, Tale("in order")))
