"""What if: the same policy gives no difference, another one says whose leads they would have been."""

import random
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.contracts import LeadAssigned
from tests.integration.router.leads import (
    AS_MANAGER,
    a_team,
    an_id,
    as_rep,
    assignments,
    breached,
    erased,
    of_kind,
    one_team,
    owners,
    story,
)
from tests.support.harness import MONDAY_NINE, Bench

REPS: list[dict[str, Any]] = [
    {"id": "minh", "weight": 2, "capacity": {"open": 4, "day": 9}},
    {"id": "lan", "regions": ["north"], "capacity": {"open": 3}},
    {"id": "hoa", "capacity": {"open": 3, "day": 7}},
]


def routing() -> dict[str, Any]:
    teams = {
        "sales": a_team(*REPS),
        "south": a_team({"id": "tam", "capacity": {"day": 4}}, "bao", strategy="least_open"),
    }
    rules = [{"when": 'lead.region == "south"', "team": "south"}, {"when": 'lead.region != "mars"', "team": "sales"}]
    return {"teams": teams, "rules": rules, "accounts": {"phuan.example": "hoa"}}


async def a_busy_week(bench: Bench, seed: int) -> None:
    """Leads of all kinds, verdicts, breaches, absences, claims, transfers by hand, an erasure."""
    rng = random.Random(seed)
    regions = ["north", "south", "mars", None]
    for n in range(60):
        more = {"company_domain": "phuan.example"} if rng.random() < 0.2 else {}
        await bench.deliver(
            story((seed, n), bench.clock.now, points=rng.randint(80, 99), region=rng.choice(regions), **more)
        )
        held = [each for each in of_kind(await assignments(bench), LeadAssigned) if each.lead_id in await owners(bench)]
        act = rng.choice(["reject", "breach", "transfer", "switch", "wait", "erase", "claim"])
        if held and act in ("reject", "breach", "transfer", "erase"):
            await _act(bench, act, rng.choice(held), rng)
        elif act == "switch":
            said = {"available": rng.random() < 0.6}
            await bench.client.put(f"/v1/reps/{rng.choice(['minh', 'bao'])}/availability", json=said)
        elif act == "claim":
            pool = (await bench.client.get("/v1/pools/public")).json()["items"]
            if pool:
                lead = {"lead_id": rng.choice(pool)["lead_id"]}
                await bench.client.post("/v1/pools/public/claim", json=lead, headers=as_rep("hoa"))
        bench.clock.forward(minutes=rng.choice([0, 1, 90]))
        await bench.fire_timers()


async def _act(bench: Bench, act: str, of: Any, rng: random.Random) -> None:
    current = (await owners(bench))[of.lead_id]
    rows = await bench.rows("select handoff_id from handoff where lead_id = :id and state <> 'closed'", id=of.lead_id)
    handoff = rows[0]["handoff_id"]
    match act:
        case "reject":
            said = {"reason": rng.choice(["timing", "no_potential_now"])}
            await bench.client.post(f"/v1/handoffs/{handoff}/reject", json=said, headers=as_rep(current))
        case "breach":
            await bench.deliver([breached(of, bench.clock.now)])
        case "transfer":
            to = rng.choice([{"to": "bao"}, {"team": "south"}, {"team": "sales"}])
            said = {**to, "reason": "workload"}
            await bench.client.post(f"/v1/handoffs/{handoff}/transfer", json=said, headers=AS_MANAGER)
        case _:
            await bench.deliver([erased_one(of, bench)])


def erased_one(of: LeadAssigned, bench: Bench) -> Any:

    return replace(erased("x", bench.clock.now), lead_id=of.lead_id)


async def what_if(bench: Bench, policy: dict[str, Any] | None, begin: Any, to: Any) -> dict[str, Any]:
    said = {"routing": policy, "from": begin.isoformat(), "to": to.isoformat()}
    answer = await bench.client.post("/v1/what-ifs", json=said)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (await bench.client.get(f"/v1/what-ifs/{shown['what_if_id']}")).json() == shown
    return shown


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_policy_gives_no_difference(bench: Bench, seed: int) -> None:
    await bench.publish("routing", routing())
    await a_busy_week(bench, seed)
    bench.clock.forward(seconds=1)
    begin, end = MONDAY_NINE, bench.clock.now
    for window in (
        (begin, end),
        (begin + (end - begin) / 2, end),
        (begin + (end - begin) / 3, end - (end - begin) / 4),
    ):
        for policy in (routing(), None):
            shown = await what_if(bench, policy, *window)
            assert shown["changed"] == []
            assert shown["differences"] == 0
            assert shown["decisions"] > 5
            assert all(rep["kept"] == rep["would"] for rep in shown["owners"])
            assert shown["waiting"]["kept"] == shown["waiting"]["would"]


async def test_another_policy_says_whose_leads_they_would_have_been(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 3}}))
    await bench.deliver([event for n in range(10) for event in story(n, points=80 + n)])
    bench.clock.forward(hours=2)
    await bench.deliver(story("late"))
    bench.clock.forward(hours=2)
    asked = one_team({"id": "minh", "capacity": {"open": 3}}, "grace")
    shown = await what_if(bench, asked, MONDAY_NINE - timedelta(hours=1), bench.clock.now)
    reps = {rep["rep"]: rep for rep in shown["owners"]}
    assert (reps["minh"]["kept"], reps["minh"]["would"], reps["grace"]["would"]) == (3, 3, 8)
    assert reps["grace"]["would_peak_open"] == 8
    assert shown["waiting"]["kept"]["leads"] == 8
    assert shown["waiting"]["would"] == {"leads": 0, "seconds": 0}
    assert shown["differences"] >= 8
    assert an_id("late") != an_id(0)


async def test_a_lead_waits_until_it_goes_by_other_means_than_an_owner(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 0}}))
    await bench.deliver([*story("moved"), *story("erased"), *story("still")])
    bench.clock.forward(hours=1)
    said = {"pool": "nurture", "reason": "not_ready"}
    moved = await bench.client.post(f"/v1/leads/{an_id('moved')}/pool", json=said, headers=AS_MANAGER)
    assert moved.status_code == 200
    await bench.deliver([erased("erased", bench.clock.now)])
    bench.clock.forward(hours=2)
    for policy in (None, one_team({"id": "minh", "capacity": {"open": 0}})):
        shown = await what_if(bench, policy, MONDAY_NINE, bench.clock.now)
        # of the erased lead nothing is known any more
        assert shown["waiting"]["kept"] == {"leads": 1, "seconds": 3600 + 3 * 3600}
        assert shown["waiting"]["would"] == shown["waiting"]["kept"]
        assert shown["differences"] == 0


async def test_waiting_before_the_window_is_not_counted(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 0}}))
    await bench.deliver([*story("moved"), *story("still")])
    bench.clock.forward(hours=1)
    said = {"pool": "nurture", "reason": "not_ready"}
    await bench.client.post(f"/v1/leads/{an_id('moved')}/pool", json=said, headers=AS_MANAGER)
    bench.clock.forward(hours=2)
    shown = await what_if(bench, None, MONDAY_NINE + timedelta(hours=2), bench.clock.now)
    assert shown["waiting"]["kept"] == shown["waiting"]["would"] == {"leads": 1, "seconds": 3600}


async def test_a_lead_to_be_claimed_waits_until_somebody_moves_it(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", teams={"sales": a_team("minh", strategy="pull")}))
    await bench.deliver(story("a"))
    bench.clock.forward(hours=1)
    said = {"pool": "nurture", "reason": "not_ready"}
    moved = await bench.client.post(f"/v1/leads/{an_id('a')}/pool", json=said, headers=AS_MANAGER)
    assert moved.status_code == 200
    bench.clock.forward(hours=2)
    shown = await what_if(bench, None, MONDAY_NINE, bench.clock.now)
    assert shown["waiting"]["kept"] == shown["waiting"]["would"] == {"leads": 0, "seconds": 3600}


async def test_a_smaller_capacity_makes_leads_wait_until_it_comes_back(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh"))
    await bench.deliver([*story("a"), *story("b", points=90)])
    bench.clock.forward(hours=1)
    of_b = next(each for each in await assignments(bench) if each.lead_id == an_id("b"))
    said = {"reason": "timing"}
    await bench.client.post(f"/v1/handoffs/{of_b.handoff_id}/reject", json=said, headers=as_rep("minh"))
    bench.clock.forward(hours=1)
    asked = one_team({"id": "minh", "capacity": {"open": 1}})
    shown = await what_if(bench, asked, MONDAY_NINE - timedelta(hours=1), bench.clock.now)
    (minh,) = shown["owners"]
    assert (minh["kept_peak_open"], minh["would_peak_open"]) == (2, 1)
    assert shown["waiting"]["kept"]["seconds"] == 0
    assert shown["waiting"]["would"]["seconds"] > 0


@pytest.mark.parametrize(
    "said",
    [
        {"from": "2026-11-17T09:00:00Z", "to": "2026-11-16T09:00:00Z"},
        {"from": "2026-11-16T08:00:00Z", "to": "2027-11-16T09:00:00Z"},
        {"from": "2026-11-15T09:00:00Z", "to": "2026-11-16T08:00:00Z", "routing": {"fallback": "nobody"}},
        {
            "from": "2026-11-15T09:00:00Z",
            "to": "2026-11-16T08:00:00Z",
            "routing": one_team("minh", teams={"sales": a_team("minh", calendar="lunar")}),
        },
    ],
)
async def test_a_what_if_that_makes_no_sense_is_refused(bench: Bench, said: dict[str, Any]) -> None:
    assert (await bench.client.post("/v1/what-ifs", json=said)).status_code == 422
