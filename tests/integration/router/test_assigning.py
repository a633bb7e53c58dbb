"""Who gets a qualified lead: at once, fairly, within capacity and hours; or it waits and is looked at again."""

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.main import service
from router.policies import PRESET, parse
from shared.contracts import LeadAssigned, LeadRecycled, LeadWaiting
from shared.runtime.policies import PolicyInvalid
from tests.integration.router.leads import (
    a_team,
    an_id,
    as_rep,
    assignments,
    breached,
    captured,
    engaged,
    erased,
    of_kind,
    one_team,
    owners,
    places,
    qualified,
    scored,
    story,
    updated,
)
from tests.support.harness import MONDAY_NINE, Bench, a_service, interleaved
from tests.support.postgres import MakeDatabase

OFFICE = {
    "calendars": {
        "always": {},
        "office": {"zone": "UTC", "open": {"mon-fri": ["09:00-18:00"]}},
    }
}


def test_the_shipped_policy_is_the_preset() -> None:
    shipped = Path(__file__).parents[3] / "policy" / "routing.yaml"
    assert yaml.safe_load(shipped.read_text()) == PRESET


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[3] / "policy" / "routing").glob("*.yaml")))
def test_every_example_policy_can_be_published(path: Path) -> None:
    parse(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "broken",
    [
        {"fallback": "nobody"},
        {"teams": {"a": {"zone": "Mars"}}},
        one_team("ann", rules=[{"when": "lead.", "team": "x"}]),
    ],
)
def test_a_broken_policy_is_refused_with_its_problems(broken: dict[str, Any]) -> None:
    with pytest.raises(PolicyInvalid) as refusal:
        parse(broken)
    assert refusal.value.problems


async def test_a_qualified_lead_is_assigned_at_once_with_its_decision_record(bench: Bench) -> None:
    await bench.deliver([*story("linh", industry="manufacturing"), engaged("linh", "price_page_viewed")])
    (assigned,) = await assignments(bench)
    assert assigned.lead_id == an_id("linh")
    assert assigned.score_milli == 85_000
    assert assigned.attributes.industry == "manufacturing"
    assert (assigned.reason, assigned.calendar, assigned.episode) == ("qualified", "always", 1)
    assert assigned.decision is not None
    assert {each.rep for each in assigned.decision.considered} == {"minh", "lan", "hoa"}
    shown = (await bench.client.get(f"/v1/handoffs/{assigned.handoff_id}")).json()
    assert shown["decision"]["policy_version"] == 1
    assert shown["decision"]["rule"] == "fallback"
    assert shown["owner"] == assigned.owner


async def test_the_shipped_policy_routes_out_of_the_box(make_database: MakeDatabase) -> None:
    async with a_service(service(), make_database) as bench:
        await bench.deliver([*story("linh"), *story("wang", country="CN")])
        assert {event.team for event in await assignments(bench)} == {"hanoi", "shanghai"}


async def test_a_lead_that_is_not_qualified_stays_in_its_pool(bench: Bench) -> None:
    await bench.deliver([captured("a"), scored("a", 10, tier="raw", action="store")])
    await bench.deliver([captured("b"), scored("b", 65, tier="mql", action="nurture"), updated("b", city="Huế")])
    assert await places(bench) == {an_id("a"): "raw", an_id("b"): "nurture"}
    assert await bench.emitted() == []


async def test_a_qualification_that_comes_before_its_capture_waits_for_it(bench: Bench) -> None:
    await bench.deliver([qualified("early")])
    assert await assignments(bench) == []
    await bench.deliver([captured("early")])
    assert len(await assignments(bench)) == 1


async def test_capacity_one_means_one_and_the_next_is_routed_when_it_is_free(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 1}}))
    await bench.deliver([event for name in "abc" for event in story(name)])
    (first,) = await assignments(bench)
    assert first.lead_id == an_id("a")
    waiting = of_kind(await bench.emitted(), LeadWaiting)
    assert [event.lead_id for event in waiting] == [an_id("b"), an_id("c")]
    assert await bench.next_due() is None
    answer = await bench.client.post(
        f"/v1/handoffs/{first.handoff_id}/reject", json={"reason": "timing", "rating": 2}, headers=as_rep("minh")
    )
    assert answer.status_code == 200, answer.text
    assert await bench.next_due() == bench.clock.now
    assert await bench.fire_timers() == 1  # one place was freed: one is called
    assert await owners(bench) == {an_id("b"): "minh"}
    assert (await bench.client.get("/v1/waiting")).json()["items"][0]["reason"] == "all_at_capacity"


async def test_erasing_a_lead_frees_its_owner(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 1}}))
    await bench.deliver([*story("a"), *story("b")])
    await bench.deliver([erased("a")])
    await bench.fire_timers()
    assert await owners(bench) == {an_id("b"): "minh"}
    assert (await places(bench))[an_id("a")] == "erased"


async def test_the_best_of_the_waiting_goes_first(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 1}}))
    await bench.deliver([*story("first"), *story("low", points=80), *story("high", points=95)])
    await bench.deliver([erased("first")])
    await bench.fire_timers()
    assert await owners(bench) == {an_id("high"): "minh"}


async def test_a_call_in_vain_is_passed_on_to_the_next(bench: Bench) -> None:
    reps = [
        {"id": "minh", "regions": ["north"], "capacity": {"open": 1}},
        {"id": "lan", "regions": ["south"], "capacity": {"open": 1}},
    ]
    await bench.publish("routing", one_team(*reps))
    await bench.deliver([*story("n1", region="north"), *story("s1", region="south")])
    await bench.deliver([event for n in range(6) for event in story(f"n{n + 2}", points=95, region="north")])
    await bench.deliver(story("s2", region="south"))
    await bench.deliver([erased("s1")])  # Lan is free, and six from the north stand before the one from the south
    for _ in range(8):
        await bench.fire_timers()
    assert (await owners(bench)).get(an_id("s2")) == "lan"
    assert await bench.next_due() is None


async def test_in_closed_hours_a_lead_waits_for_the_opening(bench: Bench) -> None:
    await bench.publish("calendars", OFFICE)
    await bench.publish("routing", {"teams": {"sales": a_team("minh", calendar="office")}, "fallback": "sales"})
    bench.clock.now = MONDAY_NINE + timedelta(hours=10)
    await bench.deliver(story("late", bench.clock.now))
    (waiting,) = of_kind(await bench.emitted(), LeadWaiting)
    assert isinstance(waiting, LeadWaiting)
    opening = MONDAY_NINE + timedelta(days=1)
    assert (waiting.reason, waiting.wake_at) == ("closed_hours", opening)
    assert await bench.next_due() == opening
    assert await bench.fire_timers(opening - timedelta(seconds=1)) == 0
    assert await bench.fire_timers(opening) == 1
    assert await owners(bench) == {an_id("late"): "minh"}
    assert await bench.next_due() is None


async def test_a_calendar_that_is_not_there_keeps_no_lead(bench: Bench) -> None:
    await bench.publish("routing", {"teams": {"sales": a_team("minh", calendar="gone")}, "fallback": "sales"})
    await bench.deliver(story("a"))
    assert len(await assignments(bench)) == 1


async def test_a_published_policy_wakes_the_waiting_without_a_team(bench: Bench) -> None:
    north = {"teams": {"north": a_team("minh")}, "rules": [{"when": 'lead.country == "VN"', "team": "north"}]}
    await bench.publish("routing", north)
    await bench.deliver([event for n in range(20) for event in story(n, country="TH")])
    assert await assignments(bench) == []
    assert {row["reason"] for row in await bench.rows("select reason from waiting")} == {"no_team"}
    assert await bench.next_due() is None
    bench.clock.forward(minutes=5)
    await bench.publish("routing", {**north, "fallback": "north"})
    assert await bench.next_due() == bench.clock.now
    assert await bench.fire_timers() == 20
    assert len(await owners(bench)) == 20
    assert await bench.next_due() is None
    assert await bench.rows("select 1 from waiting") == []


async def test_a_lead_that_is_known_better_is_looked_at_again(bench: Bench) -> None:
    await bench.publish(
        "routing", {"teams": {"north": a_team("minh")}, "rules": [{"when": 'lead.country == "VN"', "team": "north"}]}
    )
    await bench.deliver(story("a"))
    await bench.deliver([updated("a", MONDAY_NINE + timedelta(seconds=1), country="VN")])
    assert await owners(bench) == {an_id("a"): "minh"}
    assert await bench.rows("select 1 from waiting") == []


async def test_a_team_that_pulls_finds_its_leads_in_the_public_pool(bench: Bench) -> None:
    await bench.publish("routing", {"teams": {"sdr": a_team("zhou", strategy="pull")}, "fallback": "sdr"})
    await bench.deliver(story("a"))
    assert await places(bench) == {an_id("a"): "public"}
    (waiting,) = await bench.emitted(LeadWaiting)
    assert isinstance(waiting, LeadWaiting)
    assert waiting.reason == "pull"
    assert await bench.rows("select 1 from waiting") == []


async def test_an_sdr_team_comes_before_the_reps_where_the_rule_says_so(bench: Bench) -> None:
    teams = {"desk": a_team("zhou"), "sales": a_team("minh")}
    await bench.publish("routing", {"teams": teams, "rules": [{"when": "true", "team": "sales", "sdr": "desk"}]})
    await bench.deliver(story("a"))
    assert await owners(bench) == {an_id("a"): "zhou"}


async def test_untouched_leads_are_recycled_to_the_public_pool(bench: Bench) -> None:
    await bench.deliver(story("a"))
    (assigned,) = await assignments(bench)
    bench.clock.forward(hours=48)
    await bench.deliver([breached(assigned, bench.clock.now)])
    (recycled,) = await bench.emitted(LeadRecycled)
    assert isinstance(recycled, LeadRecycled)
    assert (recycled.cause, recycled.pool, recycled.without_owner) == ("untouched", "public", True)
    assert await places(bench) == {an_id("a"): "public"}
    assert await owners(bench) == {}


async def test_a_breach_that_asks_for_nothing_recycles_nothing(bench: Bench) -> None:
    await bench.deliver(story("a"))
    (assigned,) = await assignments(bench)
    bench.clock.forward(hours=2)
    await bench.deliver([breached(assigned, bench.clock.now, promise="first_contact", then="none")])
    assert await bench.emitted(LeadRecycled) == []


async def test_recycling_to_the_next_rep_gives_it_to_somebody_else_within_the_hops(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", "lan", recycle={"untouched": "next_rep", "hops": 2}))
    await bench.deliver(story("a"))
    for _ in range(2):
        bench.clock.forward(hours=48)
        await bench.deliver([breached((await assignments(bench))[-1], bench.clock.now)])
    had_it = [event.owner for event in await assignments(bench)]
    assert sorted(had_it) == ["lan", "minh"]
    assert await places(bench) == {an_id("a"): "public"}


async def test_five_hundred_leads_in_batches_are_shared_fairly(bench: Bench) -> None:
    reps = [{"id": "minh", "weight": 1}, {"id": "lan", "weight": 2}, {"id": "hoa", "weight": 2}]
    await bench.publish("routing", one_team(*reps))
    rng = random.Random(5)
    names = list(range(500))
    while names:
        take = rng.randint(1, 90)
        batch, names = names[:take], names[take:]
        await bench.deliver([event for name in batch for event in story(name)], shuffle=rng)
    counts = Counter(event.owner for event in await assignments(bench))
    assert abs(counts["minh"] - 100) < 1
    assert abs(counts["lan"] - 200) < 1
    assert abs(counts["hoa"] - 200) < 1
    assert len(await owners(bench)) == 500


@pytest.mark.parametrize("seed", range(4))
async def test_every_interleaving_ends_in_the_same_handoffs_and_places(bench: Bench, seed: int) -> None:
    """One rep, so that the assignments are the same; the streams come mixed and in batches of any size."""
    await bench.publish("routing", one_team("minh"))
    told = [event for n in range(12) for event in _life(n)]
    rng = random.Random(seed)
    records = interleaved([bench.record(event) for event in told], rng)
    while records:
        take = rng.randint(1, 15)
        await bench.deliver_records(records[:take])
        records = records[take:]
    erased_leads = {an_id(n) for n in range(12) if n % 6 == 5}
    wanted = {an_id(n) for n in range(12) if n % 3 != 0} - erased_leads
    assert set(await owners(bench)) == wanted
    found = await places(bench)
    assert {lead for lead, place in found.items() if place == "erased"} == erased_leads
    assert {lead for lead, place in found.items() if place == "raw"} == {an_id(n) for n in range(12) if n % 3 == 0}
    dossiers = await bench.rows("select owner, state, episode, cause from handoff where state <> 'closed'")
    assert all(row == {"owner": "minh", "state": "offered", "episode": 1, "cause": "qualified"} for row in dossiers)
    (desk,) = await bench.rows("select convert_from(desk, 'UTF8')::jsonb desk from team")
    assert desk["desk"]["loads"]["minh"]["open"] == len(wanted)
    assigned = await assignments(bench)
    assert max(Counter(event.lead_id for event in assigned).values()) == 1
    await _breach_most(bench, rng, [event for event in assigned if event.lead_id in wanted])


async def _breach_most(bench: Bench, rng: random.Random, assigned: list[LeadAssigned]) -> None:
    """Breaches, erasures and further news of the same leads, mixed again."""
    bench.clock.forward(hours=48)
    now = bench.clock.now
    names = {an_id(n): n for n in range(12)}
    told: list[Any] = []
    for n, event in enumerate(sorted(assigned, key=lambda each: names[each.lead_id])):
        name = names[event.lead_id]
        told += [engaged(name, "home_page_viewed", now), scored(name, 90, now)]
        told += [breached(event, now)] if n % 2 else []
        told += [erased(name, now)] if n % 3 == 0 else []
    records = interleaved([bench.record(event) for event in told], rng)
    for start in range(0, len(records), 7):
        await bench.deliver_records(records[start : start + 7])
    ends = {event.lead_id: n for n, event in enumerate(sorted(assigned, key=lambda each: names[each.lead_id]))}
    found = await places(bench)
    for lead, n in ends.items():
        assert found[lead] == ("erased" if n % 3 == 0 else "public" if n % 2 else "handoff")
    assert set(await owners(bench)) == {lead for lead, n in ends.items() if n % 3 and not n % 2}


def _life(n: int) -> list[Any]:
    at = MONDAY_NINE + timedelta(minutes=n)
    later = at + timedelta(seconds=30)
    events: list[Any] = [captured(n, at, industry="retail"), scored(n, 20, at, tier="raw", action="store")]
    events += [updated(n, later, industry="energy"), engaged(n, "price_page_viewed", later)]
    if n % 3 != 0:
        events += [scored(n, 85, later), qualified(n, later)]
    return [*events, erased(n, later)] if n % 6 == 5 else events


async def test_a_repeated_qualification_makes_no_second_handoff(bench: Bench) -> None:
    await bench.deliver(story("a"))
    await bench.deliver([qualified("a"), qualified("a", MONDAY_NINE + timedelta(hours=1), episode=2)])
    assert len(await assignments(bench)) == 1
    kinds = [row["kind"] for row in await bench.rows("select kind from task order by task_id")]
    assert kinds == ["handoff", "qualified_again"]


async def test_high_value_behaviour_on_an_owned_lead_is_a_task_for_its_owner(bench: Bench) -> None:
    await bench.deliver([*story("a"), engaged("a", "quote_sheet_downloaded", MONDAY_NINE + timedelta(minutes=1))])
    (assigned,) = await assignments(bench)
    items = (await bench.client.get("/v1/tasks", headers=as_rep(assigned.owner))).json()["items"]
    assert [(item["kind"], item["detail"]) for item in items] == [
        ("handoff", []),
        ("high_value_engagement", ["quote_sheet_downloaded"]),
    ]


async def test_an_assignment_names_the_event_that_caused_it(bench: Bench) -> None:
    records = await bench.deliver(story("a"))
    (assigned,) = await bench.emitted(LeadAssigned)
    assert assigned.causation == records[-1].id


async def test_a_called_lead_that_goes_elsewhere_leaves_its_call_to_the_next(bench: Bench) -> None:
    teams = {"north": a_team({"id": "minh", "capacity": {"open": 1}}), "south": a_team("lan")}
    rules = [{"when": 'lead.region == "south"', "team": "south"}]
    await bench.publish("routing", {"teams": teams, "rules": rules, "fallback": "north"})
    await bench.deliver([*story("a"), *story("b"), *story("c")])
    await bench.deliver([erased("a")])  # b is called
    await bench.deliver([updated("b", MONDAY_NINE + timedelta(seconds=1), region="south")])
    await bench.fire_timers()
    assert await owners(bench) == {an_id("b"): "lan", an_id("c"): "minh"}


async def test_called_leads_that_go_elsewhere_together_leave_their_calls_to_as_many_others(bench: Bench) -> None:
    teams = {"north": a_team({"id": "minh", "capacity": {"open": 2}}), "south": a_team("lan")}
    rules = [{"when": 'lead.region == "south"', "team": "south"}]
    await bench.publish("routing", {"teams": teams, "rules": rules, "fallback": "north"})
    await bench.deliver([event for name in "abcdef" for event in story(name)])
    await bench.deliver([erased("a"), erased("b")])  # c and d are called
    later = MONDAY_NINE + timedelta(seconds=1)
    await bench.deliver([updated("c", later, region="south"), updated("d", later, region="south")])
    assert await bench.fire_timers() == 2
    assert await owners(bench) == {an_id("c"): "lan", an_id("d"): "lan", an_id("e"): "minh", an_id("f"): "minh"}


async def test_an_offer_and_its_task_are_kept_alike_whatever_else_happened_to_the_lead(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh"))
    later = MONDAY_NINE + timedelta(minutes=1)
    await bench.deliver([*story("plain"), *story("busy"), engaged("busy", "quote_sheet_downloaded", later)])
    columns = "owner, team, state, episode, cause, step, offered_at, accepted_at, verdict, ending, closed_at, pool"
    plain, busy = await bench.rows(f"select {columns}, told is null as untold from handoff")
    assert plain == busy
    assert (plain["state"], plain["untold"]) == ("offered", False)
    tasks = await bench.rows("select owner, team, detail, raised_at, due_at from task where kind = 'handoff'")
    assert tasks[0] == tasks[1]
    assert (tasks[0]["owner"], tasks[0]["detail"]) == ("minh", [])
