"""Leads that pass from hand to hand through the API: returned, passed on, transferred, assigned, put into a pool."""

import asyncio
from typing import Any

import pytest

from shared.contracts import (
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadPooled,
    LeadPrescreened,
    LeadRecycled,
    LeadReturned,
    LeadWaiting,
    OpportunityStaged,
    OpportunityTransferred,
)
from tests.integration.router.leads import (
    AS_MANAGER,
    a_team,
    an_id,
    as_manager,
    as_rep,
    assignments,
    captured,
    one_team,
    owners,
    places,
    qualified,
    scored,
    soon,
    story,
)
from tests.support.harness import MONDAY_NINE, Bench

REACHED = {"channel": "phone", "result": "reached"}
AS_SDR = {"Authorization": "Bearer sdr:zhou"}
AS_MARKETER = {"Authorization": "Bearer marketer"}
SCREENED: dict[str, Any] = {
    "teams": {"desk": a_team("zhou"), "sales": a_team("minh", "lan")},
    "rules": [{"when": "true", "team": "sales", "sdr": "desk"}],
}


async def send(
    bench: Bench, path: str, body: Any, status: int, headers: dict[str, str] = AS_MANAGER, method: str = "POST"
) -> Any:
    answer = await bench.client.request(method, path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
async def handoff(bench: Bench) -> LeadAssigned:
    """Minh has Linh's lead; Lan and Hoa are there."""
    await bench.publish("routing", one_team("minh"))
    await bench.deliver(story("linh"))
    (assigned,) = await assignments(bench)
    await bench.publish("routing", one_team("minh", "lan", "hoa"))
    bench.clock.forward(minutes=10)
    return assigned


async def test_a_rep_gives_a_lead_back_and_the_next_one_gets_it(bench: Bench, handoff: LeadAssigned) -> None:
    path = f"/v1/handoffs/{handoff.handoff_id}/return"
    unknown = await send(bench, path, {"reason": "bad_mood"}, 422, as_rep("minh"))
    assert "wrong_region" in unknown["missing"]
    await send(bench, path, {"reason": "no_time"}, 403, as_rep("lan"))
    said = {"reason": "wrong_region", "comment": "she sits in Da Nang"}
    back = await send(bench, path, said, 200, as_rep("minh", "k1"))
    assert await send(bench, path, said, 200, as_rep("minh", "k1")) == back
    assert (back["ending"], back["reason"], back["now"]) == ("returned", "wrong_region", "handoff")
    assert back["next_owner"] in ("lan", "hoa")
    (returned,) = await bench.emitted(LeadReturned)
    assert isinstance(returned, LeadReturned)
    assert (returned.owner, returned.reason, returned.by, returned.episode) == ("minh", "wrong_region", "minh", 1)
    assert (returned.without_owner, returned.pool, returned.hops) == (False, None, 1)
    assert (await assignments(bench))[-1].previous_handoff_id == handoff.handoff_id
    again = await send(bench, path, {"reason": "no_time"}, 409, as_rep("minh"))
    assert again["type"].endswith("handoff-closed")
    notes = await send(bench, f"/v1/leads/{handoff.lead_id}/notes", None, 200, AS_MARKETER, "GET")
    assert [(note["about"], note["text"], note["by"]) for note in notes["items"]] == [
        ("return", "she sits in Da Nang", "minh")
    ]


async def test_a_lead_given_back_into_a_pool_ends_its_episode(bench: Bench, handoff: LeadAssigned) -> None:
    await bench.publish("routing", one_team("minh", recycle={"returned": "public"}))
    await send(bench, f"/v1/handoffs/{handoff.handoff_id}/return", {"reason": "no_time"}, 200, as_rep("minh"))
    (returned,) = await bench.emitted(LeadReturned)
    assert isinstance(returned, LeadReturned)
    assert (returned.pool, returned.without_owner) == ("public", True)
    assert await places(bench) == {handoff.lead_id: "public"}


async def test_what_another_team_gave_back_is_assigned_from_its_pool_and_not_touched_before(
    bench: Bench, handoff: LeadAssigned
) -> None:
    two_teams = {"teams": {"sales": a_team("minh"), "others": a_team("oana")}, "fallback": "sales"}
    await bench.publish("routing", {**two_teams, "recycle": {"returned": "nurture"}})
    await send(bench, f"/v1/handoffs/{handoff.handoff_id}/return", {"reason": "no_time"}, 200, as_rep("minh"))
    path, theirs, others = f"/v1/leads/{handoff.lead_id}", as_manager("sales"), as_manager("others")
    for method, what, said in (
        ("GET", "notes", None), ("GET", "checklist", None), ("POST", "notes", {"text": "x"}),
        ("POST", "pool", {"pool": "public"}), ("POST", "status", {"status": "invalid", "reason": "spam"}),
    ):  # fmt: skip
        await send(bench, f"{path}/{what}", said, 403, others, method)
    given = [(await send(bench, f"{path}/pass", None, 200, each, "GET"))["opens"] for each in (theirs, others)]
    assert given == ["lead", None]
    await send(bench, f"{path}/assign", {"to": "minh", "reason": "territory"}, 403, others)
    await send(bench, f"{path}/assign", {"to": "oana", "reason": "territory"}, 201, others)
    assert (await send(bench, f"{path}/pass", None, 200, others, "GET"))["opens"] == "lead"


async def test_a_manager_transfers_a_handoff_and_both_are_told(bench: Bench, handoff: LeadAssigned) -> None:
    path = f"/v1/handoffs/{handoff.handoff_id}"
    dated = {**REACHED, "next_step_at": soon(bench, days=3)}
    await send(bench, f"{path}/contacts", dated, 201, as_rep("minh"))
    await send(bench, f"{path}/transfer", {"to": "lan"}, 403, as_rep("minh"))
    await send(bench, f"{path}/transfer", {"to": "minh"}, 409)
    await send(bench, f"{path}/transfer", {"to": "nobody"}, 422)
    await send(bench, f"{path}/transfer", {"reason": "absence"}, 422)
    await send(bench, f"{path}/transfer", {"to": "lan", "reason": "whim"}, 422)
    after = await send(bench, f"{path}/transfer", {"to": "lan", "reason": "territory"}, 201)
    assert (after["owner"], after["cause"], after["state"]) == ("lan", "transferred", "offered")
    decision = after["decision"]
    assert (decision["by"], decision["reason"], decision["strategy"]) == ("manager", "territory", "by_hand")
    event = (await assignments(bench))[-1]
    assert (event.previous_handoff_id, event.owner, event.reason) == (handoff.handoff_id, "lan", "transferred")
    assert event.decision is not None
    assert event.decision.by == "manager"
    assert await owners(bench) == {handoff.lead_id: "lan"}
    hers = await send(bench, "/v1/tasks", None, 200, as_rep("lan"), "GET")
    assert sorted(task["kind"] for task in hers["items"]) == ["handoff", "next_step"]
    his = await send(bench, "/v1/tasks", None, 200, as_rep("minh"), "GET")
    assert [(task["kind"], task["detail"]) for task in his["items"]] == [("passed_on", ["lan", "territory"])]
    closed = await send(bench, f"{path}/transfer", {"to": "hoa"}, 409)
    assert closed["type"].endswith("handoff-closed")


async def test_a_transfer_keeps_to_the_cap_unless_it_is_forced(bench: Bench, handoff: LeadAssigned) -> None:
    await bench.publish("routing", one_team("minh", {"id": "lan", "capacity": {"open": 1}}))
    lead = f"/v1/leads/{an_id('b')}"
    await bench.deliver([captured("b"), captured("c")])
    await send(bench, f"{lead}/assign", {"to": "lan"}, 201)
    path = f"/v1/handoffs/{handoff.handoff_id}/transfer"
    full = await send(bench, path, {"to": "lan"}, 409)
    assert full["type"].endswith("capacity-open")
    assert "force" in full["detail"]
    after = await send(bench, path, {"to": "lan", "force": True, "reason": "customer_wish"}, 201)
    assert after["decision"]["overruled"] == "capacity_open"
    reps = (await bench.client.get("/v1/reps", headers=AS_MANAGER)).json()["items"]
    assert {rep["id"]: rep["load"]["open"] for rep in reps} == {"minh": 0, "lan": 2}


async def test_a_transfer_to_a_team_takes_its_next_one(bench: Bench, handoff: LeadAssigned) -> None:
    teams = {"sales": a_team("minh"), "north": a_team("bao", {"id": "chi", "active": False})}
    await bench.publish("routing", {"teams": teams, "fallback": "sales"})
    path = f"/v1/handoffs/{handoff.handoff_id}/transfer"
    await send(bench, path, {"team": "south"}, 422)
    await send(bench, path, {"team": "north", "to": "bao"}, 422)
    alone = await send(bench, path, {"team": "sales"}, 409)
    assert alone["considered"] == {"minh": "had_it_before"}
    after = await send(bench, path, {"team": "north"}, 201)
    assert (after["owner"], after["team"]) == ("bao", "north")
    assert {each["rep"]: each.get("skipped") for each in after["decision"]["considered"]} == {
        "bao": None,
        "chi": "inactive",
    }


async def test_ten_transfers_at_once_to_a_rep_with_one_place_are_one(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh"))
    await bench.deliver([event for n in range(10) for event in story(n)])
    await bench.publish("routing", one_team("minh", {"id": "lan", "capacity": {"open": 1}}))
    answers = await asyncio.gather(
        *(
            bench.client.post(f"/v1/handoffs/{event.handoff_id}/transfer", json={"to": "lan"}, headers=AS_MANAGER)
            for event in await assignments(bench)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert sorted((await owners(bench)).values()) == ["lan"] + ["minh"] * 9


async def test_a_manager_assigns_what_nobody_has(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 1}}, "lan"))
    await bench.deliver([captured("a"), scored("a", 30, tier="raw", action="store"), *story("b")])
    path = f"/v1/leads/{an_id('a')}/assign"
    await send(bench, path, {"to": "lan"}, 403, as_rep("lan"))
    headers = {**AS_MANAGER, "Idempotency-Key": "once"}
    given = await send(bench, path, {"to": "lan", "reason": "customer_wish"}, 201, headers)
    assert await send(bench, path, {"to": "lan", "reason": "customer_wish"}, 201, headers) == given
    assert (given["owner"], given["cause"], given["decision"]["by"]) == ("lan", "by_hand", "manager")
    owned = await send(bench, path, {"to": "minh"}, 409)
    assert owned["type"].endswith("already-owned")
    assert "transfer" in owned["detail"]
    assert await send(bench, f"/v1/leads/{an_id('x')}/assign", {"to": "lan"}, 404)


async def test_a_waiting_lead_assigned_by_hand_waits_no_more(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 0}}))
    await bench.deliver(story("a"))
    await send(bench, f"/v1/leads/{an_id('a')}/assign", {"to": "minh", "force": True}, 201)
    assert await bench.rows("select 1 from waiting") == []
    assert await owners(bench) == {an_id("a"): "minh"}
    (waited,) = await bench.emitted(LeadWaiting)
    assert isinstance(waited, LeadWaiting)
    assert waited.reason == "all_at_capacity"


async def test_an_sdr_passes_on_what_they_screened(bench: Bench) -> None:
    await bench.publish("routing", {**SCREENED, "pass_on": ["budget"]})
    await bench.deliver(story("a"))
    (first,) = await assignments(bench)
    path = f"/v1/handoffs/{first.handoff_id}/pass-on"
    lacking = await send(bench, path, {}, 422, AS_SDR)
    assert lacking["missing"] == ["budget"]
    await send(bench, f"/v1/leads/{an_id('a')}/checklist", {"budget": "pending"}, 200, AS_SDR, "PATCH")
    passed = await send(bench, path, {"rating": 4, "comment": "knows what she wants"}, 200, AS_SDR)
    assert (passed["ending"], passed["verdict"], passed["rating"]) == ("transferred", "accepted", 4)
    assert passed["next_owner"] in ("minh", "lan")
    second = (await assignments(bench))[-1]
    assert (second.team, second.reason, second.previous_handoff_id) == ("sales", "pre_screened", first.handoff_id)
    (event,) = await bench.emitted(LeadPrescreened)
    assert isinstance(event, LeadPrescreened)
    assert (event.owner, event.by, event.rating) == ("zhou", "zhou", 4)
    await send(bench, f"/v1/handoffs/{second.handoff_id}/pass-on", {}, 409)


async def test_an_sdr_cleans_the_raw_pool(bench: Bench) -> None:
    await bench.deliver([captured("row"), scored("row", 30, tier="raw", action="store")])
    bench.clock.forward(hours=1)
    lead = f"/v1/leads/{an_id('row')}"
    made = await send(bench, f"{lead}/contacts", {**REACHED, "note": "asks for prices"}, 201, AS_SDR)
    assert (made["handoff_id"], made["status"]) == (None, "contacted")
    (contacted,) = await bench.emitted(LeadContacted)
    assert isinstance(contacted, LeadContacted)
    assert contacted.owner == "zhou"
    filled = await send(
        bench, f"{lead}/checklist", {"budget": "pending", "timeframe": "3_months"}, 200, AS_SDR, "PATCH"
    )
    assert "budget" not in filled["missing"]
    await send(bench, f"{lead}/pool", {"pool": "nurture"}, 403, as_rep("minh"))
    moved = await send(bench, f"{lead}/pool", {"pool": "nurture", "reason": "not_ready"}, 200, AS_SDR)
    assert moved["now"] == "nurture"
    (pooled,) = await bench.emitted(LeadPooled)
    assert isinstance(pooled, LeadPooled)
    assert (pooled.pool, pooled.previous, pooled.by, pooled.ends_episode) == ("nurture", "raw", "zhou", False)
    await send(bench, f"{lead}/pool", {"pool": "nurture"}, 409, AS_SDR)


async def test_a_waiting_lead_moved_to_a_pool_ends_its_episode(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 0}}))
    await bench.deliver(story("a"))
    await send(bench, f"/v1/leads/{an_id('a')}/pool", {"pool": "nurture"}, 200, AS_MARKETER)
    (pooled,) = await bench.emitted(LeadPooled)
    assert isinstance(pooled, LeadPooled)
    assert (pooled.previous, pooled.ends_episode, pooled.episode) == ("waiting", True, 1)
    assert await bench.rows("select 1 from waiting") == []


async def test_a_manager_takes_a_lead_back_into_a_pool(bench: Bench, handoff: LeadAssigned) -> None:
    path = f"/v1/leads/{handoff.lead_id}/pool"
    await send(bench, path, {"pool": "public"}, 403, AS_SDR)
    await send(bench, path, {"pool": "public", "reason": "not_followed_up"}, 200)
    (recycled,) = await bench.emitted(LeadRecycled)
    assert isinstance(recycled, LeadRecycled)
    assert (recycled.cause, recycled.pool, recycled.by) == ("by_hand", "public", "manager")
    claimed = await send(bench, "/v1/pools/public/claim", {"lead_id": str(handoff.lead_id)}, 201, as_rep("lan"))
    assert claimed["pool"] == "public"


async def test_an_opportunity_goes_on_with_another_owner(bench: Bench, handoff: LeadAssigned) -> None:
    await bench.publish("routing", one_team("minh", "lan", checklist=[]))
    lead_id = str(handoff.lead_id)
    await send(bench, f"/v1/leads/{lead_id}/status", {"status": "activated"}, 200, as_rep("minh"))
    deal = await send(bench, "/v1/opportunities", {"lead_id": lead_id}, 201, as_rep("minh"))
    path = f"/v1/opportunities/{deal['opportunity_id']}"
    amount = {"stage": "proposal", "amount_minor": 5, "currency": "VND"}
    await send(bench, f"{path}/stage", amount, 200, as_rep("minh"))
    (staged,) = await bench.emitted(OpportunityStaged)
    assert isinstance(staged, OpportunityStaged)
    assert (staged.stage, staged.previous, staged.amount_minor) == ("proposal", "initial", 5)
    hint = await send(bench, f"/v1/handoffs/{handoff.handoff_id}/transfer", {"to": "lan"}, 409)
    assert "opportunities" in hint["detail"]
    after = await send(bench, f"{path}/transfer", {"to": "lan", "reason": "leaving"}, 200)
    assert (after["owner"], after["stage"]) == ("lan", "proposal")
    (passed,) = await bench.emitted(OpportunityTransferred)
    assert isinstance(passed, OpportunityTransferred)
    assert (passed.owner, passed.previous, passed.reason, passed.by) == ("lan", "minh", "leaving", "manager")
    tasks = await send(bench, "/v1/tasks", None, 200, as_rep("lan"), "GET")
    assert "taken_over" in [task["kind"] for task in tasks["items"]]
    await send(bench, f"{path}/stage", {"stage": "lost", "reason": "price"}, 200, as_rep("lan"))
    await send(bench, f"{path}/transfer", {"to": "minh"}, 409)
    reps = (await bench.client.get("/v1/reps", headers=AS_MANAGER)).json()["items"]
    assert {rep["id"]: rep["load"]["open"] for rep in reps} == {"minh": 0, "lan": 0}


async def test_a_lead_lost_last_year_comes_back_to_who_had_it(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", "lan", "hoa"))
    old = captured("zhou")
    legacy = LeadCaptured(
        lead_id=old.lead_id,
        occurred_at=MONDAY_NINE,
        recorded_at=MONDAY_NINE,
        submission_id=old.submission_id,
        attributes=old.attributes,
        legacy=True,
        pool="re-marketing",
        previous_owner="hoa",
    )
    await bench.deliver([legacy, scored("zhou", 60)])
    assert await places(bench) == {old.lead_id: "re-marketing"}
    await bench.deliver([qualified("zhou")])
    (assigned,) = await assignments(bench)
    assert (assigned.owner, assigned.reason) == ("hoa", "reactivated")
    assert assigned.decision is not None
    assert assigned.decision.strategy == "returning_owner"
