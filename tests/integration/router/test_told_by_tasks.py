"""Who is told by a task: managers of breaches, marketing of MQLs, repairs and cadences; and who acted for whom."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from router.timers import WAITING
from shared.contracts import (
    ClockBreached,
    ClockRevoked,
    Event,
    LeadAccepted,
    LeadAssigned,
    LeadRejected,
    NurtureDue,
    OpportunityOpened,
    OpportunityWon,
)
from tests.integration.router.leads import (
    AS_MANAGER,
    a_team,
    an_id,
    as_rep,
    assignments,
    breached,
    captured,
    engaged,
    one_team,
    scored,
    story,
)
from tests.support.harness import MONDAY_NINE, PARTITIONS, Bench


async def tasks(bench: Bench, kind: str, *, done: bool = False) -> list[dict[str, Any]]:
    answer = await bench.client.get("/v1/tasks", params={"kind": kind, "state": "done" if done else "open"})
    return answer.json()["items"]


def with_manager(*reps: object, **more: object) -> dict[str, Any]:
    return {"teams": {"sales": a_team(*reps, manager="zhang")}, "fallback": "sales", **more}


async def one_assigned(bench: Bench, **attributes: Any) -> LeadAssigned:
    await bench.deliver(story("linh", **attributes))
    (assigned,) = await assignments(bench)
    return assigned


def first_contact_breached(assigned: Event, bench: Bench) -> ClockBreached:
    return breached(assigned, bench.clock.now, "first_contact", "")


def revoked(breach: ClockBreached, bench: Bench) -> ClockRevoked:
    now = bench.clock.now
    told: dict[str, Any] = {"clock_id": breach.clock_id, "promise": breach.promise, "due_at": breach.due_at}
    return ClockRevoked(
        lead_id=breach.lead_id, occurred_at=now, recorded_at=now, met_at=breach.due_at, elapsed_s=60, **told
    )


async def test_a_breach_is_the_managers_task_once_per_clock(bench: Bench) -> None:
    await bench.publish("routing", with_manager("minh"))
    assigned = await one_assigned(bench)
    breach = first_contact_breached(assigned, bench)
    await bench.deliver([breach])
    await bench.deliver([breach])
    (task,) = await tasks(bench, "escalation")
    assert (task["owner"], task["team"], task["detail"]) == ("zhang", "sales", ["first_contact", "minh"])
    bench.clock.forward(hours=46)
    await bench.deliver([breached(assigned, bench.clock.now)])
    assert len(await tasks(bench, "escalation")) == 2


async def test_a_revoked_breach_takes_the_managers_task_back(bench: Bench) -> None:
    await bench.publish("routing", with_manager("minh"))
    breach = first_contact_breached(await one_assigned(bench), bench)
    await bench.deliver([breach])
    await bench.deliver([revoked(breach, bench)])
    assert await tasks(bench, "escalation") == []
    (task,) = await tasks(bench, "escalation", done=True)
    assert task["outcome"] == "revoked"


async def test_a_breach_that_a_contact_disproved_already_tells_nobody(bench: Bench) -> None:
    await bench.publish("routing", with_manager("minh"))
    assigned = await one_assigned(bench)
    bench.clock.forward(hours=1)
    said = {"channel": "phone", "result": "reached"}
    path = f"/v1/handoffs/{assigned.handoff_id}/contacts"
    assert (await bench.client.post(path, json=said, headers=as_rep("minh"))).status_code == 201
    bench.clock.forward(hours=1)
    await bench.deliver([first_contact_breached(assigned, bench)])
    assert await tasks(bench, "escalation") == []


async def test_the_marketing_owner_is_told_of_an_mql_once(bench: Bench) -> None:
    lead = replace(captured("wang"), marketing_owner="mai")
    await bench.deliver([scored("wang", 65, tier="mql", label="MQL", action="nurture")])
    assert await tasks(bench, "mql") == []
    await bench.deliver([lead])
    await bench.deliver([*story("wang", MONDAY_NINE + timedelta(hours=1))[1:]])
    (task,) = await tasks(bench, "mql")
    assert (task["owner"], task["detail"]) == ("mai", ["mql"])


async def test_who_has_no_marketing_owner_is_the_policys(bench: Bench) -> None:
    await bench.deliver(story("a"))
    assert await tasks(bench, "mql") == []  # nobody to tell
    await bench.publish("routing", one_team("minh", marketing_owner="mai"))
    await bench.deliver([*story("b"), captured("raw"), scored("raw", 20, tier="raw", label=None, action="store")])
    (task,) = await tasks(bench, "mql")
    assert (task["owner"], task["lead_id"]) == ("mai", str(an_id("b")))
    assert len(await tasks(bench, "handoff")) == 2


async def test_wrong_info_is_for_the_campaigns_owner_to_repair(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", marketing_owner="mai"))
    assigned = await one_assigned(bench)
    answer = await bench.client.post(
        f"/v1/handoffs/{assigned.handoff_id}/reject", json={"reason": "wrong_info"}, headers=as_rep("minh")
    )
    assert answer.status_code == 200
    (task,) = await tasks(bench, "repair")
    assert (task["owner"], task["detail"]) == ("mai", ["wrong_info"])


async def test_a_lead_that_is_invalid_by_hand_is_for_repair_too(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", marketing_owner="mai"))
    assigned = await one_assigned(bench)
    path = f"/v1/leads/{assigned.lead_id}/status"
    await bench.client.post(path, json={"status": "invalid"}, headers=as_rep("minh"))
    (task,) = await tasks(bench, "repair")
    assert task["owner"] == "mai"


async def test_a_step_of_a_cadence_is_marketings_task_with_its_content(bench: Bench) -> None:
    await bench.deliver([replace(captured("wang"), marketing_owner="mai"), captured("lan")])
    await bench.deliver([step_due("wang"), step_due("lan")])
    of_mai, of_anybody = sorted(await tasks(bench, "nurture"), key=lambda task: task["owner"] or "~")
    assert (of_mai["owner"], of_mai["detail"]) == ("mai", ["b-leads", "day-3", "best practice/manufacturing"])
    assert of_anybody["owner"] is None
    await bench.deliver(story("wang")[1:])
    await bench.deliver([step_due("wang")])
    assert len(await tasks(bench, "nurture")) == 2


def step_due(name: str) -> NurtureDue:
    return NurtureDue(
        lead_id=an_id(name),
        occurred_at=MONDAY_NINE,
        recorded_at=MONDAY_NINE,
        cadence="b-leads",
        episode=0,
        step=2,
        day=3,
        content="best practice/manufacturing",
        due_at=MONDAY_NINE,
        started_at=MONDAY_NINE,
        policy_version=1,
    )


async def test_high_value_behaviour_on_an_owned_lead_is_its_owners_task(bench: Bench) -> None:
    assigned = await one_assigned(bench)
    await bench.deliver([engaged("linh", "price_page_viewed"), engaged("linh", "mail_opened")])
    (task,) = await tasks(bench, "high_value_engagement")
    assert (task["owner"], task["detail"]) == (assigned.owner, ["price_page_viewed"])


async def test_what_a_manager_does_for_a_rep_says_so(bench: Bench) -> None:
    await bench.deliver([*story("linh"), *story("wang")])
    linh, wang = await assignments(bench)
    await bench.client.post(f"/v1/handoffs/{linh.handoff_id}/accept", headers=AS_MANAGER)
    await bench.client.post(f"/v1/handoffs/{wang.handoff_id}/accept", headers=as_rep(wang.owner))
    reject = {"reason": "timing"}
    await bench.client.post(f"/v1/handoffs/{linh.handoff_id}/reject", json=reject, headers=AS_MANAGER)
    accepted = [event.by for event in await bench.emitted(LeadAccepted) if isinstance(event, LeadAccepted)]
    assert accepted == ["manager", None]
    (rejected,) = await bench.emitted(LeadRejected)
    assert isinstance(rejected, LeadRejected)
    assert rejected.by == "manager"


async def test_an_offer_that_becomes_an_opportunity_at_once_leaves_nothing_to_take(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", upgrade="auto", checklist=["timeframe"]))
    await bench.deliver(story("linh", timeframe="1_month"))
    (opened,) = await bench.emitted(OpportunityOpened)
    assert isinstance(opened, OpportunityOpened)
    assert await tasks(bench, "handoff") == []
    said = {"stage": "won", "amount_minor": 100, "currency": "VND"}
    path = f"/v1/opportunities/{opened.opportunity_id}/stage"
    assert (await bench.client.post(path, json=said, headers=AS_MANAGER)).status_code == 200
    (won,) = await bench.emitted(OpportunityWon)
    assert isinstance(won, OpportunityWon)
    assert won.by == "manager"


async def test_a_waiting_lead_that_fails_always_waits_longer_alone(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "capacity": {"day": 1}}))
    await bench.deliver([*story("a"), *story("b", points=90), *story("c", points=99)])
    tomorrow = await bench.next_due()
    assert tomorrow is not None
    bench.clock.now = tomorrow
    assert WAITING.postpone is not None
    until = tomorrow + timedelta(minutes=5)
    postponed = 0
    for partition in range(PARTITIONS):
        async with bench.transactions.locked([partition]) as work:
            postponed += await WAITING.postpone(work, partition, until) is not None
    assert postponed > 0
    rows = await bench.rows("select count(*) as n from waiting where wake_at = :until", until=until)
    assert rows[0]["n"] == postponed
