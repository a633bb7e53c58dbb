"""Clocks on a real PostgreSQL: facts in, time passes, what is said."""

from uuid import UUID

from sqlalchemy import text

from shared.contracts import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockRevoked,
    ClockStarted,
    ClockWarned,
    Event,
)
from shared.contracts.clocks import ClockEvent
from tests.integration.sla_watcher.tales import A_SECOND, Tale, a_watch, at, let_time_pass, seen, states
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase


async def heard(bench: Bench, promise: str, *types: type[Event]) -> list[Event]:
    return [each for each in await bench.emitted(*types) if isinstance(each, ClockEvent) and each.promise == promise]


async def test_a_lead_nobody_calls_within_two_hours_breaches_once(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        records = await bench.deliver([linh.captured("mon 09:30"), linh.assigned("mon 09:40")])
        await let_time_pass(bench, at("mon 11:40"))
        assert await bench.fire_timers(at("mon 11:41")) == 0
        await bench.deliver_records(records)
        await bench.deliver([linh.assigned("mon 09:40")])
        await bench.fire_timers(at("mon 12:00"))
        (breach,) = await heard(bench, "first_contact", ClockBreached)
        assert isinstance(breach, ClockBreached)
        assert (breach.due_at, breach.started_at, breach.occurred_at, breach.recorded_at) == (
            at("mon 11:40"),
            at("mon 09:40"),
            at("mon 11:40"),
            at("mon 11:40"),
        )
        assert (breach.owner, breach.team, breach.manager, breach.then) == ("ann", "north", "mia", None)
        assert breach.handoff_id == linh.id("h1")
        warned = await heard(bench, "first_contact", ClockWarned)
        assert [(each.share_percent, each.occurred_at) for each in warned if isinstance(each, ClockWarned)] == [
            (50, at("mon 10:40")),
            (90, at("mon 11:28")),
        ]
        assert len(await heard(bench, "first_contact", ClockStarted)) == 1


async def test_a_breach_is_never_early(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("sat 16:00")])
        assert await bench.fire_timers(at("mon+1 11:00") - A_SECOND / 1_000_000) > 0
        assert await heard(bench, "first_contact", ClockBreached) == []
        assert await bench.next_due() == at("mon+1 11:00")
        assert await bench.fire_timers(at("mon+1 11:00")) == 1
        assert len(await heard(bench, "first_contact", ClockBreached)) == 1


async def test_a_contact_in_time_meets_the_clock(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        records = await bench.deliver([linh.assigned("mon 14:31")])
        await bench.deliver([linh.contacted("mon 14:52")])
        await let_time_pass(bench, at("wed 14:52"))
        (met,) = await heard(bench, "first_contact", ClockMet)
        assert isinstance(met, ClockMet)
        assert (met.met_at, met.elapsed_s, met.occurred_at) == (at("mon 14:52"), 21 * 60, at("mon 14:52"))
        assert met.causation is not None
        assert met.causation not in {record.id for record in records}
        assert await bench.emitted(ClockBreached) == []
        assert await states(bench, linh, "untouched") == ["met"]
        assert await states(bench, linh, "silent") == ["running"]


async def test_late_proof_of_a_contact_in_time_revokes_the_breach_once(make_database: MakeDatabase) -> None:
    priya = Tale("priya")
    async with a_watch(make_database, "sat 16:05") as bench:
        await bench.deliver([priya.assigned("sat 16:05")])
        await let_time_pass(bench, at("mon+1 11:00"))
        assert await states(bench, priya, "first_contact") == ["breached"]
        bench.clock.now = at("mon+1 12:05")
        proof = priya.contacted("mon+1 10:50", recorded="mon+1 12:05", next_step="wed+1 10:00")
        await bench.deliver([proof])
        await bench.deliver([proof])
        (revoked,) = await bench.emitted(ClockRevoked)
        assert isinstance(revoked, ClockRevoked)
        assert (revoked.promise, revoked.met_at) == ("first_contact", at("mon+1 10:50"))
        assert await states(bench, priya, "first_contact") == ["revoked"]
        assert len(await heard(bench, "first_contact", ClockBreached)) == 1


async def test_a_contact_heard_of_before_its_assignment_counts(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database, "mon 15:00") as bench:
        await bench.deliver([linh.contacted("mon 14:52")])
        assert await bench.emitted() == []
        await bench.deliver([linh.assigned("mon 14:31")])
        assert [type(each) for each in await heard(bench, "first_contact")] == [ClockStarted, ClockMet]
        await let_time_pass(bench, at("fri 09:00"))
        assert await bench.emitted(ClockBreached) == []


async def test_a_quiet_promise_is_heard_of_where_it_is_broken_and_not_before(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.qualified("mon 09:30"), linh.assigned("mon 09:40")])
        assert {each.promise for each in await bench.emitted() if isinstance(each, ClockEvent)} == {"first_contact"}
        states = {each["promise"]: each["state"] for each in (await bench.client.get("/v1/clocks")).json()["items"]}
        assert states == {"first_contact": "running", "untouched": "running", "owner_found": "met"}
        assert await holdings(bench, "clocks") == await holdings(bench, "heard")
        await let_time_pass(bench, at("wed 10:00"))
        assert [type(each) for each in await heard(bench, "untouched")] == [ClockBreached]
        assert await holdings(bench, "clocks") == await holdings(bench, "heard")


async def test_the_audit_misses_a_quiet_clock_and_the_facts_behind_it(make_database: MakeDatabase) -> None:
    linh, hoa = Tale(), Tale("hoa")
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.qualified("mon 09:30"), hoa.qualified("mon 09:30"), linh.assigned("mon 09:40")])
        await bench.deliver([hoa.assigned("mon 09:41"), linh.contacted("mon 09:50"), linh.contacted("mon 09:55")])
        assert (same := await holdings(bench, "promises")) == await holdings(bench, "promises kept")
        assert len(same) == 2
        await lose(bench, "clock where quiet and lead_id", linh)
        assert {lead for _, lead in same ^ await holdings(bench, "promises kept")} == {linh.lead_id}
        await lose(bench, "lead_fact where lead_id", hoa)
        assert hoa.lead_id not in {lead for _, lead in await holdings(bench, "promises")}


async def holdings(bench: Bench, what: str) -> set[tuple[str, UUID]]:
    """What the audit compares; `heard` is what whoever hears the events knows of clocks."""
    if what == "heard":
        events = [each for each in await bench.emitted() if isinstance(each, ClockEvent)]
        return {(str(each.clock_id), each.lead_id) for each in events}
    return {(str(row["id"]), row["lead_id"]) for row in await bench.rows(bench.service.holdings[what])}


async def lose(bench: Bench, rows: str, tale: Tale) -> None:
    async with bench.transactions.free() as work:
        await work.session.execute(text(f"delete from {rows} = :lead"), {"lead": tale.lead_id})


async def test_a_reassignment_cancels_the_clock_and_starts_another(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:40")])
        await bench.deliver([linh.assigned("mon 10:40", "h2", owner="bob", previous="h1")])
        cancelled = [each for each in await bench.emitted(ClockCancelled) if isinstance(each, ClockCancelled)]
        assert [(each.promise, each.handoff_id, each.reason) for each in cancelled] == [
            ("first_contact", linh.id("h1"), "reassigned")
        ]
        over = (await bench.client.get("/v1/clocks", params={"state": "cancelled"})).json()["items"]
        assert {(each["promise"], each["reason"]) for each in over} == {
            ("first_contact", "reassigned"), ("untouched", "reassigned"),
        }  # fmt: skip
        await let_time_pass(bench, at("mon 13:00"))
        (breach,) = await bench.emitted(ClockBreached)
        assert isinstance(breach, ClockBreached)
        assert (breach.owner, breach.handoff_id, breach.due_at) == ("bob", linh.id("h2"), at("mon 12:40"))


async def test_every_ending_of_a_handoff_cancels_its_clocks(make_database: MakeDatabase) -> None:
    told = {
        "rejected": Tale("a").rejected("mon 10:00"),
        "recycled": Tale("b").recycled("mon 10:00"),
        "converted": Tale("c").opened("mon 10:00"),
        "invalid": Tale("d").invalid("mon 10:00"),
        "erased": Tale("e").erased("mon 10:00"),
        "returned": Tale("f").returned("mon 10:00"),
        "pre_screened": Tale("g").prescreened("mon 10:00"),
    }
    async with a_watch(make_database) as bench:
        await bench.deliver([Tale(name).assigned("mon 09:40") for name in "abcdefg"])
        await bench.deliver(list(told.values()))
        for reason, name in zip(told, "abcdefg", strict=True):
            found = {(clock.state, clock.reason) for clock in await seen(bench, Tale(name))}
            assert found == {("cancelled", reason)}
        assert await bench.next_due() is None


async def test_a_silent_lead_is_reminded_of_and_a_day_later_given_up(make_database: MakeDatabase) -> None:
    yue = Tale("yue")
    async with a_watch(make_database) as bench:
        await bench.deliver([yue.assigned("mon 15:00"), yue.contacted("mon 15:20")])
        await let_time_pass(bench, at("thu+1 15:20"))
        warned = [each for each in await heard(bench, "silent", ClockWarned) if isinstance(each, ClockWarned)]
        breached = [each for each in await heard(bench, "silent", ClockBreached) if isinstance(each, ClockBreached)]
        assert [(each.share_percent, each.recorded_at) for each in warned] == [(100, at("mon+1 15:20"))]
        assert [(each.then, each.recorded_at) for each in breached] == [("remind_then_nurture", at("tue+1 15:20"))]


async def test_untouched_for_two_days_asks_for_a_recycle(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("tue 10:24", score=60)])
        await let_time_pass(bench, at("fri 09:00"))
        said = [each for each in await bench.emitted(ClockBreached) if isinstance(each, ClockBreached)]
        assert [(each.promise, each.then, each.due_at) for each in said] == [
            ("first_contact", None, at("wed 10:24")),
            ("untouched", "recycle", at("thu 10:24")),
        ]


async def test_an_owner_is_owed_within_a_quarter_of_an_hour(make_database: MakeDatabase) -> None:
    som, linh = Tale("somchai"), Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([som.qualified("wed 14:00"), linh.qualified("wed 14:00"), linh.assigned("wed 14:15")])
        await let_time_pass(bench, at("wed 15:00"))
        assert await states(bench, som, "owner_found") == ["breached"]
        assert await states(bench, linh, "owner_found") == ["met"]
        (breach,) = await heard(bench, "owner_found", ClockBreached)
        assert isinstance(breach, ClockBreached)
        assert (breach.handoff_id, breach.owner, breach.due_at) == (None, None, at("wed 14:15"))


async def test_a_team_without_a_calendar_runs_on_the_policys(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver(
            [linh.assigned("fri 17:00", calendar=None), linh.assigned("fri 17:00", "h2", calendar="always")]
        )
        due = {clock.handoff_id: clock.due_at for clock in await seen(bench, linh) if clock.promise == "first_contact"}
        assert due == {str(linh.id("h1")): at("mon+1 10:00"), str(linh.id("h2")): at("fri 19:00")}


async def test_no_clock_runs_for_a_test_lead(make_database: MakeDatabase) -> None:
    dummy = Tale("dummy")
    async with a_watch(make_database) as bench:
        await bench.deliver([dummy.assigned("mon 10:00")])
        await bench.deliver([dummy.captured("mon 09:59", is_test=True)])
        await bench.deliver([dummy.assigned("mon 10:30", "h2"), dummy.qualified("mon 10:30")])
        assert {clock.state for clock in await seen(bench, dummy)} == {"cancelled"}
        assert await bench.next_due() is None


async def test_an_import_starts_no_clock_but_what_the_lead_does_later_does(make_database: MakeDatabase) -> None:
    zhou, idle = Tale("zhou"), Tale("idle")
    async with a_watch(make_database) as bench:
        await bench.deliver(
            [idle.captured("tue 12:00", recorded="thu 09:00", legacy=True), idle.qualified("thu 09:00")]
        )
        # whom nobody could take at once is still what the import brought
        await bench.deliver([idle.assigned("thu 15:00")])
        assert await bench.emitted() == []
        await bench.deliver([zhou.captured("tue 12:00", recorded="thu 09:00", legacy=True)])
        await bench.deliver([zhou.assigned("thu 10:06"), zhou.qualified("thu 10:06")])
        assert await states(bench, zhou, "first_contact") == ["running"]
        assert (await seen(bench, zhou))[1].due_at == at("thu 12:06")


async def test_nothing_is_kept_of_leads_that_nothing_is_promised_to(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.captured("mon 09:00"), linh.scored("mon 09:00")])
        assert await bench.rows("select 1 from lead_fact") == []


async def test_an_erased_lead_stays_erased_whatever_comes_later(make_database: MakeDatabase) -> None:
    hoa = Tale("hoa")
    async with a_watch(make_database) as bench:
        await bench.deliver([hoa.erased("mon 10:00")])
        await bench.deliver([hoa.assigned("mon 09:00"), hoa.contacted("mon 09:30")])
        assert await bench.emitted() == []
        assert await seen(bench, hoa) == []
