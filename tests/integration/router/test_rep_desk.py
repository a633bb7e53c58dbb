"""What reps and managers do through the API: contacts, verdicts, claims, opportunities, reps."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from router.main import service
from shared.contracts import (
    LeadAccepted,
    LeadAssigned,
    LeadContacted,
    LeadMoved,
    LeadRecycled,
    LeadRejected,
    OpportunityLost,
    OpportunityOpened,
    OpportunityWon,
)
from tests.integration.router.leads import (
    AS_MANAGER,
    an_id,
    as_rep,
    assignments,
    breached,
    captured,
    erased,
    one_team,
    owners,
    places,
    soon,
    story,
)
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase

REACHED = {"channel": "phone", "result": "reached"}
COMPLETE = {
    "pain_point": "spreadsheets everywhere",
    "current_solution": "Getfly",
    "timeframe": "1_month",
    "definite_project": True,
    "budget": "yes",
    "budget_range": "150-200 million",
    "decision_maker": "yes",
}


@pytest.fixture
async def handoff(bench: Bench) -> LeadAssigned:
    """Minh has Linh's lead."""
    await bench.publish("routing", one_team("minh"))
    await bench.deliver(story("linh", source="search"))
    (assigned,) = await assignments(bench)
    await bench.publish("routing", one_team("minh", "lan", "hoa"))
    bench.clock.forward(minutes=10)
    return assigned


async def post(bench: Bench, path: str, rep: str, status: int, body: Any = None, key: str | None = None) -> Any:
    answer = await bench.client.post(path, json=body, headers=as_rep(rep, key))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_contact_accepts_and_moves_to_contacted_in_one_act(bench: Bench, handoff: LeadAssigned) -> None:
    said = {**REACHED, "note": "call again on Thursday", "next_step_at": soon(bench, days=3)}
    made = await post(bench, f"/v1/handoffs/{handoff.handoff_id}/contacts", "minh", 201, said)
    assert (made["state"], made["status"]) == ("working", "contacted")
    (accepted,) = await bench.emitted(LeadAccepted)
    (contacted,) = await bench.emitted(LeadContacted)
    (moved,) = await bench.emitted(LeadMoved)
    assert isinstance(accepted, LeadAccepted)
    assert isinstance(contacted, LeadContacted)
    assert isinstance(moved, LeadMoved)
    assert accepted.handoff_id == contacted.handoff_id == handoff.handoff_id
    assert str(contacted.contact_id) == made["contact_id"]
    assert (moved.previous, moved.status) == ("new", "contacted")
    shown = (await bench.client.get(f"/v1/handoffs/{handoff.handoff_id}", headers=as_rep("minh"))).json()
    assert shown["contacts"][0]["note"] == "call again on Thursday"
    tasks = (await bench.client.get("/v1/tasks", headers=as_rep("minh"))).json()["items"]
    assert [task["kind"] for task in tasks] == ["next_step"]


async def test_fifty_concurrent_contacts_with_one_key_are_one(bench: Bench, handoff: LeadAssigned) -> None:
    path = f"/v1/handoffs/{handoff.handoff_id}/contacts"
    answers = await asyncio.gather(
        *(bench.client.post(path, json=REACHED, headers=as_rep("minh", "k1")) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(await bench.emitted(LeadContacted)) == 1
    other = await bench.client.post(path, json={**REACHED, "result": "no_answer"}, headers=as_rep("minh", "k1"))
    assert other.status_code == 422


async def test_a_contact_by_lead_goes_to_its_latest_handoff(bench: Bench, handoff: LeadAssigned) -> None:
    made = await post(bench, f"/v1/leads/{handoff.lead_id}/contacts", "minh", 201, REACHED)
    assert made["handoff_id"] == str(handoff.handoff_id)


async def test_a_contact_in_the_future_is_refused(bench: Bench, handoff: LeadAssigned) -> None:
    said = {**REACHED, "occurred_at": soon(bench, hours=1)}
    refused = await post(bench, f"/v1/handoffs/{handoff.handoff_id}/contacts", "minh", 422, said)
    assert refused["missing"] == ["occurred_at"]
    assert await bench.emitted(LeadContacted) == []


async def test_a_contact_disproves_an_untouched_breach(bench: Bench, handoff: LeadAssigned) -> None:
    await post(bench, f"/v1/handoffs/{handoff.handoff_id}/contacts", "minh", 201, REACHED)
    bench.clock.forward(hours=48)
    await bench.deliver([breached(handoff, bench.clock.now)])
    assert await owners(bench) == {handoff.lead_id: "minh"}


async def test_accept_then_reject_sends_the_lead_to_its_pool(bench: Bench, handoff: LeadAssigned) -> None:
    accepted = await post(bench, f"/v1/handoffs/{handoff.handoff_id}/accept", "minh", 200)
    assert accepted["state"] == "accepted"
    said = {"reason": "insufficient_budget", "comment": "they have 5 million only", "rating": 3}
    closed = await post(bench, f"/v1/handoffs/{handoff.handoff_id}/reject", "minh", 200, said)
    assert (closed["state"], closed["verdict"], closed["ending"]) == ("closed", "rejected", "rejected")
    (rejected,) = await bench.emitted(LeadRejected)
    assert isinstance(rejected, LeadRejected)
    assert (rejected.pool, rejected.rating, rejected.ends_episode) == ("nurture", 3, True)
    pool = (await bench.client.get("/v1/pools/nurture")).json()["items"]
    assert [(item["lead_id"], item["cause"]) for item in pool] == [(str(handoff.lead_id), "insufficient_budget")]
    again = await post(bench, f"/v1/handoffs/{handoff.handoff_id}/reject", "minh", 409, said)
    assert again["type"].endswith("handoff-closed")


async def test_no_potential_now_ends_the_episode_once(bench: Bench, handoff: LeadAssigned) -> None:
    await post(bench, f"/v1/handoffs/{handoff.handoff_id}/reject", "minh", 200, {"reason": "no_potential_now"})
    (rejected,) = await bench.emitted(LeadRejected)
    (recycled,) = await bench.emitted(LeadRecycled)
    assert isinstance(rejected, LeadRejected)
    assert isinstance(recycled, LeadRecycled)
    assert (rejected.ends_episode, recycled.without_owner, recycled.pool) == (False, True, "nurture")


async def test_wrong_info_makes_it_invalid_and_proof_brings_it_back(bench: Bench, handoff: LeadAssigned) -> None:
    await post(bench, f"/v1/handoffs/{handoff.handoff_id}/reject", "minh", 200, {"reason": "wrong_info"})
    assert await places(bench) == {handoff.lead_id: "invalid"}
    path = f"/v1/leads/{handoff.lead_id}/status"
    await post(bench, path, "minh", 422, {"status": "new"})
    moved = await post(bench, path, "minh", 200, {"status": "new", "proof": "called the switchboard"})
    assert moved["status"] == "new"
    kinds = await bench.rows("select kind, done_at is not null as done from task where kind = 'repair'")
    assert kinds == [{"kind": "repair", "done": True}]


async def test_a_rep_cannot_touch_what_another_has(bench: Bench, handoff: LeadAssigned) -> None:
    path = f"/v1/handoffs/{handoff.handoff_id}"
    for action, body in (("accept", None), ("reject", {"reason": "timing"}), ("contacts", REACHED)):
        refused = await post(bench, f"{path}/{action}", "lan", 403, body)
        assert refused["type"].endswith("not-owner")
    lead = f"/v1/leads/{handoff.lead_id}"
    await post(bench, f"{lead}/contacts", "lan", 403, REACHED)
    await post(bench, f"{lead}/status", "lan", 403, {"status": "contacted"})
    answer = await bench.client.patch(f"{lead}/checklist", json={"budget": "no"}, headers=as_rep("lan"))
    assert answer.status_code == 403
    assert (await bench.client.get(path, headers=as_rep("lan"))).status_code == 403
    assert (await bench.client.get("/v1/handoffs", headers=as_rep("lan"))).json()["items"] == []
    assert (await bench.client.get("/v1/handoffs?owner=minh", headers=as_rep("lan"))).status_code == 403
    everybody = (await bench.client.get("/v1/handoffs?owner=minh&state=open", headers=AS_MANAGER)).json()
    assert [item["handoff_id"] for item in everybody["items"]] == [str(handoff.handoff_id)]
    by_manager = await bench.client.post(f"{path}/accept", headers=AS_MANAGER)
    assert by_manager.status_code == 200


async def test_a_rep_claims_from_the_public_pool_within_the_caps(bench: Bench, handoff: LeadAssigned) -> None:
    bench.clock.forward(hours=48)
    await bench.deliver([breached(handoff, bench.clock.now), captured("raw")])
    wanted = {"lead_id": str(handoff.lead_id)}
    await post(bench, "/v1/pools/nurture/claim", "lan", 409, wanted)
    await post(bench, "/v1/pools/raw/claim", "lan", 409, {"lead_id": str(an_id("raw"))})
    for pool, status in (("public", 200), ("nurture", 403), ("raw", 403)):
        assert (await bench.client.get(f"/v1/pools/{pool}", headers=as_rep("lan"))).status_code == status
    claimed = await post(bench, "/v1/pools/public/claim", "lan", 201, wanted, key="c1")
    assert await post(bench, "/v1/pools/public/claim", "lan", 201, wanted, key="c1") == claimed
    assert (claimed["owner"], claimed["cause"], claimed["episode"]) == ("lan", "claimed", 1)
    assert claimed["decision"]["rule"] == "pool:public"
    await post(bench, "/v1/pools/public/claim", "hoa", 409, wanted)
    assert await owners(bench) == {handoff.lead_id: "lan"}
    assert (await assignments(bench))[-1].reason == "claimed"


async def test_two_reps_who_claim_at_once_are_not_both_served(bench: Bench, handoff: LeadAssigned) -> None:
    bench.clock.forward(hours=48)
    await bench.deliver([breached(handoff, bench.clock.now)])
    body = {"lead_id": str(handoff.lead_id)}
    answers = await asyncio.gather(
        *(bench.client.post("/v1/pools/public/claim", json=body, headers=as_rep(rep)) for rep in ("lan", "hoa", "minh"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert len(await owners(bench)) == 1


async def test_claims_stop_at_the_pools_and_the_reps_caps(bench: Bench) -> None:
    pools = {"public": {"claim": True, "day": 2}}
    policy = one_team("minh", {"id": "lan", "capacity": {"open": 1}}, pools=pools, recycle={"untouched": "public"})
    policy["teams"]["sales"]["strategy"] = "pull"
    await bench.publish("routing", policy)
    await bench.deliver([event for n in range(4) for event in story(n)])
    for n, status in ((0, 201), (1, 201), (2, 409)):
        await post(bench, "/v1/pools/public/claim", "minh", status, {"lead_id": str(an_id(n))})
    await post(bench, "/v1/pools/public/claim", "lan", 201, {"lead_id": str(an_id(2))})
    full = await post(bench, "/v1/pools/public/claim", "lan", 409, {"lead_id": str(an_id(3))})
    assert full["type"].endswith("capacity-open")


async def test_an_opportunity_is_refused_until_complete_then_opened_and_won(
    bench: Bench, handoff: LeadAssigned
) -> None:
    lead = {"lead_id": str(handoff.lead_id)}
    await post(bench, f"/v1/handoffs/{handoff.handoff_id}/contacts", "minh", 201, REACHED)
    refused = await post(bench, "/v1/opportunities", "minh", 422, lead)
    assert refused["type"].endswith("incomplete")
    assert set(refused["missing"]) >= {"pain_point", "decision_maker"}
    path = f"/v1/leads/{handoff.lead_id}/checklist"
    filled = await bench.client.patch(path, json=COMPLETE, headers=as_rep("minh"))
    assert filled.json()["complete"] is True
    assert filled.json()["fields"]["pain_point"]["value"] == "spreadsheets everywhere"
    assert (await bench.client.get(path, headers=as_rep("minh"))).json() == filled.json()
    not_yet = await post(bench, "/v1/opportunities", "minh", 409, lead)
    assert not_yet["type"].endswith("not-activated")
    await post(bench, f"/v1/leads/{handoff.lead_id}/status", "minh", 200, {"status": "activated"})
    opened = await post(bench, "/v1/opportunities", "minh", 201, lead)
    assert (opened["stage"], opened["owner"]) == ("initial", "minh")
    assert await places(bench) == {handoff.lead_id: "opportunity"}
    stage = f"/v1/opportunities/{opened['opportunity_id']}/stage"
    await post(bench, stage, "minh", 200, {"stage": "negotiation"})
    await post(bench, stage, "minh", 409, {"stage": "proposal"})
    await post(bench, stage, "lan", 403, {"stage": "won"})
    lacking = await post(bench, stage, "minh", 422, {"stage": "won"})
    assert lacking["missing"] == ["amount", "currency"]
    won = await post(bench, stage, "minh", 200, {"stage": "won", "amount_minor": 180_000_000, "currency": "VND"})
    assert won["amount_minor"] == 180_000_000
    assert len(await bench.emitted(OpportunityOpened)) == 1
    (event,) = await bench.emitted(OpportunityWon)
    assert isinstance(event, OpportunityWon)
    assert (event.amount_minor, event.currency) == (180_000_000, "VND")
    assert await places(bench) == {handoff.lead_id: "won"}
    items = (await bench.client.get("/v1/opportunities?stage=won", headers=as_rep("minh"))).json()["items"]
    assert len(items) == 1


async def test_a_lost_opportunity_frees_its_owner_and_goes_to_remarketing(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"open": 1}}, checklist=[]))
    await bench.deliver([*story("a"), *story("b")])
    await post(bench, f"/v1/leads/{an_id('a')}/status", "minh", 200, {"status": "activated"})
    opened = await post(bench, "/v1/opportunities", "minh", 201, {"lead_id": str(an_id("a"))})
    await bench.fire_timers()
    assert await owners(bench) == {}  # an opportunity is open work too
    stage = f"/v1/opportunities/{opened['opportunity_id']}/stage"
    await post(bench, stage, "minh", 422, {"stage": "lost"})
    await post(bench, stage, "minh", 200, {"stage": "lost", "reason": "competitor"})
    assert len(await bench.emitted(OpportunityLost)) == 1
    await bench.fire_timers()
    assert await owners(bench) == {an_id("b"): "minh"}
    assert (await places(bench))[an_id("a")] == "re-marketing"


async def test_auto_upgrade_opens_the_opportunity_when_the_checklist_is_complete(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", upgrade="auto"))
    await bench.deliver(story("a"))
    (task,) = await bench.rows("select detail from task where kind = 'complete_checklist'")
    assert "pain_point" in task["detail"]
    answer = await bench.client.patch(f"/v1/leads/{an_id('a')}/checklist", json=COMPLETE, headers=as_rep("minh"))
    assert answer.status_code == 200
    assert len(await bench.emitted(OpportunityOpened)) == 1
    assert await places(bench) == {an_id("a"): "opportunity"}


async def test_what_reps_typed_is_in_no_event_and_goes_with_the_lead(bench: Bench, handoff: LeadAssigned) -> None:
    secret = "Mrs Linh prefers evenings"
    await post(bench, f"/v1/handoffs/{handoff.handoff_id}/contacts", "minh", 201, {**REACHED, "note": secret})
    await bench.client.patch(
        f"/v1/leads/{handoff.lead_id}/checklist", json={"pain_point": secret}, headers=as_rep("minh")
    )
    assert len(await bench.rows("select 1 from note")) == 2
    events = await bench.rows("select convert_from(value, 'UTF8') as value from outbox")
    assert not [event for event in events if secret in event["value"]]
    dossiers = await bench.rows("select convert_from(dossier, 'UTF8') as dossier from lead_state")
    assert secret not in dossiers[0]["dossier"]
    await bench.deliver([erased("linh", bench.clock.now)])
    assert await bench.rows("select 1 from note") == []
    assert await bench.rows("select 1 from task") == []
    assert await bench.rows("select 1 from handoff where told is not null") == []
    gone = await post(bench, f"/v1/handoffs/{handoff.handoff_id}/accept", "minh", 410)
    assert gone["type"].endswith("erased")


async def test_unknown_things_are_404_and_sentences_are_no_reasons(bench: Bench, handoff: LeadAssigned) -> None:
    assert (await bench.client.get(f"/v1/handoffs/{an_id('x')}")).status_code == 404
    await post(bench, f"/v1/handoffs/{an_id('x')}/accept", "minh", 404)
    await post(bench, f"/v1/leads/{an_id('x')}/contacts", "minh", 404, REACHED)
    await post(bench, "/v1/opportunities", "minh", 404, {"lead_id": str(an_id("x"))})
    path = f"/v1/handoffs/{handoff.handoff_id}"
    await post(bench, f"{path}/reject", "minh", 422, {"reason": "Mr Tuan said no"})
    unknown = await post(bench, f"{path}/reject", "minh", 422, {"reason": "bad_mood"})
    assert "timing" in unknown["missing"]
    await post(bench, f"{path}/contacts", "minh", 422, {**REACHED, "channel": "pigeon"})


async def test_a_rep_who_joins_takes_leads_and_one_who_is_away_does_not(make_database: MakeDatabase) -> None:
    presets = {"routing": one_team({"id": "minh", "capacity": {"open": 1}})}
    async with a_service(service(), make_database, presets=presets) as bench:
        await bench.deliver([*story("a"), *story("b")])
        body = {"id": "mai", "team": "sales", "name": "Mai", "weight": 1.5, "capacity": {"open": 5}}
        headers = {**AS_MANAGER, "Idempotency-Key": "join"}
        joined = await bench.client.post("/v1/reps", json=body, headers=headers)
        assert joined.status_code == 201, joined.text
        assert (await bench.client.post("/v1/reps", json=body, headers=headers)).text == joined.text
        assert (await bench.client.post("/v1/reps", json=body, headers=AS_MANAGER)).status_code == 409
        await bench.fire_timers()
        assert (await owners(bench))[an_id("b")] == "mai"
        away = await bench.client.patch("/v1/reps/mai", json={"active": False}, headers=AS_MANAGER)
        assert away.status_code == 200, away.text
        await bench.deliver(story("c"))
        assert an_id("c") not in await owners(bench)
        assert (await bench.client.delete("/v1/reps/mai", headers=AS_MANAGER)).status_code == 409
        reps = {item["id"]: item for item in (await bench.client.get("/v1/reps")).json()["items"]}
        assert reps["mai"]["load"] == {"open": 1, "today": 1, "this_week": 1}
        assert (reps["mai"]["active"], reps["mai"]["weight"], reps["minh"]["weight"]) == (False, 1.5, 1)
        wrong = await bench.client.patch("/v1/reps/minh", json={"weight": -1}, headers=AS_MANAGER)
        assert wrong.status_code == 422
        for depth in (200, 900):
            endless = b'{"weight":' + b'{"a":[' * depth + b"]}" * depth + b"}"
            refused = await bench.client.patch("/v1/reps/minh", content=endless, headers=AS_MANAGER)
            assert refused.status_code in {400, 422}, (depth, refused.text)
        assert (await bench.client.patch("/v1/reps/nobody", json={}, headers=AS_MANAGER)).status_code == 404
        bound = await bench.client.delete("/v1/reps/mai", headers=as_rep("minh"))
        assert bound.status_code == 403


async def test_a_rep_who_changes_team_takes_the_open_work_along(bench: Bench) -> None:
    capped = {"id": "minh", "capacity": {"open": 1}}
    await bench.publish("routing", one_team(capped))
    await bench.deliver(story("a"))
    teams = {"sales": one_team()["teams"]["sales"], "north": one_team(capped)["teams"]["sales"]}
    await bench.publish("routing", {"teams": teams, "fallback": "north"})
    await bench.deliver(story("b"))
    assert await owners(bench) == {an_id("a"): "minh"}
    handoff = (await assignments(bench))[0]
    await post(bench, f"/v1/handoffs/{handoff.handoff_id}/reject", "minh", 200, {"reason": "timing"})
    await bench.fire_timers()
    assert await owners(bench) == {an_id("b"): "minh"}


async def test_pages_follow_their_cursor(bench: Bench) -> None:
    await bench.deliver([event for n in range(7) for event in story(n)])
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await bench.client.get(f"/v1/handoffs?limit=3{cursor}")).json()
        seen += [item["handoff_id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 7
    assert {UUID(each) for each in seen} == {event.handoff_id for event in await assignments(bench)}
