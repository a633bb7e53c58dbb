"""The clocks of the fourteen days: three teams, each on its own office hours, every instant to the minute."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from shared.contracts import ClockBreached, ClockMet, ClockRevoked, ClockWarned, Event
from shared.contracts.clocks import ClockEvent
from sla_watcher.main import service
from tests.integration.sla_watcher.tales import Tale, let_time_pass, seen
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase

HANOI: Final = ZoneInfo("Asia/Ho_Chi_Minh")
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
SINGAPORE: Final = ZoneInfo("Asia/Singapore")
MONDAY: Final = date(2026, 11, 30)
OFFICES: Final = {"office": HANOI, "hanoi": HANOI, "shanghai": SHANGHAI, "singapore": SINGAPORE}


def on(day: int, clock: str, zone: ZoneInfo) -> datetime:
    """The story's day, from 1, at a local time."""
    return datetime.combine(MONDAY + timedelta(days=day - 1), time.fromisoformat(clock), zone)


@asynccontextmanager
async def the_story(make_database: MakeDatabase) -> AsyncGenerator[Bench]:
    calendars: dict[str, Any] = {
        name: {"zone": zone.key, "open": {"mon-fri": ["09:00-18:00"]}} for name, zone in OFFICES.items()
    }
    async with a_service(service(), make_database) as bench:
        bench.clock.now = on(1, "08:00", HANOI)
        await bench.publish("calendars", {"calendars": {"always": {}, **calendars}})
        yield bench


async def said(bench: Bench, tale: Tale, promise: str, *types: type[Event]) -> list[Any]:
    return [
        each
        for each in await bench.emitted(*types)
        if isinstance(each, ClockEvent) and each.promise == promise and each.lead_id == tale.lead_id
    ]


async def due(bench: Bench, tale: Tale, promise: str) -> datetime:
    (clock,) = [each for each in await seen(bench, tale) if each.promise == promise]
    return clock.due_at


async def test_line_8_and_9_linh_is_due_at_16_31_and_met_after_21_minutes(make_database: MakeDatabase) -> None:
    linh = Tale("linh")
    async with the_story(make_database) as bench:
        await bench.deliver([linh.assigned(on(1, "14:31", HANOI), calendar="hanoi", owner="minh")])
        assert await due(bench, linh, "first_contact") == on(1, "16:31", HANOI)
        await let_time_pass(bench, on(1, "14:52", HANOI))
        await bench.deliver([linh.contacted(on(1, "14:52", HANOI), owner="minh")])
        (met,) = await said(bench, linh, "first_contact", ClockMet)
        assert met.elapsed_s == 21 * 60


async def test_line_10_11_and_19_zhao_min_breaches_by_itself_and_is_to_be_recycled(make_database: MakeDatabase) -> None:
    zhao = Tale("zhaomin")
    async with the_story(make_database) as bench:
        await bench.deliver(
            [zhao.assigned(on(2, "10:24", SHANGHAI), calendar="shanghai", owner="chenhao", team="shanghai")]
        )
        await let_time_pass(bench, on(4, "10:24", SHANGHAI))
        (breach,) = await said(bench, zhao, "first_contact", ClockBreached)
        assert (breach.due_at, breach.recorded_at) == (on(2, "12:24", SHANGHAI),) * 2
        assert (breach.owner, breach.team, breach.manager) == ("chenhao", "shanghai", "mia")
        warned = await said(bench, zhao, "first_contact", ClockWarned)
        assert [(each.share_percent, each.occurred_at, each.owner, each.manager) for each in warned] == [
            (50, on(2, "11:24", SHANGHAI), "chenhao", "mia"),
            (90, on(2, "12:12", SHANGHAI), "chenhao", "mia"),
        ]
        (untouched,) = await said(bench, zhao, "untouched", ClockBreached)
        assert (untouched.due_at, untouched.then) == (on(4, "10:24", SHANGHAI), "recycle")


async def test_line_13_and_14_wang_lei_is_due_on_wednesday_at_9_30(make_database: MakeDatabase) -> None:
    wang = Tale("wanglei")
    async with the_story(make_database) as bench:
        await bench.deliver([wang.assigned(on(2, "16:30", SHANGHAI), calendar="shanghai")])
        await let_time_pass(bench, on(3, "14:50", SHANGHAI))
        await bench.deliver([wang.contacted(on(3, "14:50", SHANGHAI)), wang.rejected(on(3, "14:50", SHANGHAI))])
        (breach,) = await said(bench, wang, "first_contact", ClockBreached)
        assert breach.due_at == on(3, "09:30", SHANGHAI)
        clocks = {each.promise: each.state for each in await seen(bench, wang)}
        # 22 h 20 is inside the 48 hours
        assert (clocks["first_contact"], clocks["untouched"]) == ("breached", "met")


async def test_line_17_and_23_somchai_waits_and_his_dated_next_step_holds(make_database: MakeDatabase) -> None:
    somchai = Tale("somchai")
    async with the_story(make_database) as bench:
        await bench.deliver([somchai.qualified(on(3, "14:00", SINGAPORE))])
        await let_time_pass(bench, on(3, "15:00", SINGAPORE))
        (sought,) = await said(bench, somchai, "owner_found", ClockBreached)
        assert sought.due_at == on(3, "14:15", SINGAPORE)
        assert sought.owner is None
        await bench.deliver([somchai.assigned(on(3, "15:00", SINGAPORE), calendar="singapore", owner="grace")])
        assert await due(bench, somchai, "first_contact") == on(3, "17:00", SINGAPORE)
        await let_time_pass(bench, on(3, "15:20", SINGAPORE))
        contact = somchai.contacted(on(3, "15:20", SINGAPORE), owner="grace")
        await bench.deliver([replace(contact, next_step_at=on(31, "10:00", SINGAPORE))])
        await let_time_pass(bench, on(14, "18:00", SINGAPORE))
        assert await said(bench, somchai, "first_contact", ClockBreached) == []
        assert await said(bench, somchai, "silent", ClockWarned, ClockBreached) == []
        assert await due(bench, somchai, "silent") > on(31, "10:00", SINGAPORE)


async def test_line_21_and_22_priya_is_due_on_monday_at_11_and_late_proof_revokes_once(
    make_database: MakeDatabase,
) -> None:
    priya = Tale("priya")
    async with the_story(make_database) as bench:
        await bench.deliver([priya.assigned(on(6, "16:05", SINGAPORE), calendar="singapore", owner="grace")])
        assert await due(bench, priya, "first_contact") == on(8, "11:00", SINGAPORE)
        await let_time_pass(bench, on(8, "12:05", SINGAPORE))
        (breach,) = await said(bench, priya, "first_contact", ClockBreached)
        assert breach.recorded_at == on(8, "11:00", SINGAPORE)
        made = priya.contacted(on(8, "10:50", SINGAPORE), owner="grace")
        synced = replace(made, recorded_at=on(8, "12:05", SINGAPORE))
        await bench.deliver([synced])
        await bench.deliver([synced])
        (revoked,) = await said(bench, priya, "first_contact", ClockRevoked)
        assert revoked.met_at == on(8, "10:50", SINGAPORE)
        assert {each.promise: each.state for each in await seen(bench, priya)}["first_contact"] == "revoked"
        await let_time_pass(bench, on(8, "18:00", SINGAPORE))
        assert len(await said(bench, priya, "first_contact", ClockBreached)) == 1


async def test_line_12_and_23_sun_yue_is_silent_for_7_days_and_goes_to_nurture_a_day_later(
    make_database: MakeDatabase,
) -> None:
    sun = Tale("sunyue")
    async with the_story(make_database) as bench:
        await bench.deliver([sun.assigned(on(2, "15:00", SHANGHAI), calendar="shanghai", owner="lina")])
        assert await due(bench, sun, "first_contact") == on(2, "17:00", SHANGHAI)
        await let_time_pass(bench, on(2, "15:20", SHANGHAI))
        await bench.deliver([sun.contacted(on(2, "15:20", SHANGHAI), owner="lina")])
        await let_time_pass(bench, on(14, "18:00", SHANGHAI))
        (reminder,) = await said(bench, sun, "silent", ClockWarned)
        assert (reminder.occurred_at, reminder.share_percent, reminder.owner) == (on(9, "15:20", SHANGHAI), 100, "lina")
        (silence,) = await said(bench, sun, "silent", ClockBreached)
        assert (silence.due_at, silence.recorded_at) == (on(10, "15:20", SHANGHAI),) * 2
        assert silence.then == "remind_then_nurture"
