"""Reps who are away, their tasks and notes: the switch, leave, open work given to others, next steps."""

import json
from typing import Any

import pytest

from router.api.stream import changes
from router.store.lists import Scope
from shared.contracts import LeadAssigned, LeadRecycled
from tests.integration.router.leads import (
    AS_MANAGER,
    an_id,
    as_rep,
    assignments,
    captured,
    erased,
    one_team,
    owners,
    soon,
    story,
)
from tests.support.harness import Bench

AS_MARKETER = {"Authorization": "Bearer marketer"}


async def send(
    bench: Bench, path: str, body: Any, status: int, headers: dict[str, str] = AS_MANAGER, method: str = "POST"
) -> Any:
    answer = await bench.client.request(method, path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def rep_of(bench: Bench, name: str) -> dict[str, Any]:
    reps = (await bench.client.get("/v1/reps", headers=AS_MANAGER)).json()["items"]
    return next(rep for rep in reps if rep["id"] == name)


async def test_a_rep_switches_off_and_takes_leads_again_when_back(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh"))
    path = "/v1/reps/minh/availability"
    await send(bench, path, {"available": False}, 403, as_rep("lan"), "PUT")
    off = await send(bench, path, {"available": False, "reason": "ill"}, 200, as_rep("minh"), "PUT")
    assert (off["available"], off["by"], off["reason"]) == (False, "minh", "ill")
    shown = await rep_of(bench, "minh")
    assert (shown["available"], shown["takes_leads"], shown["why_not"]) == (False, False, "switched_off")
    assert shown["switched"]["reason"] == "ill"
    await bench.deliver([*story("a"), *story("b")])
    assert await owners(bench) == {}
    await send(bench, path, {"available": True}, 200, AS_MANAGER, "PUT")
    await bench.fire_timers()
    assert await owners(bench) == {an_id("a"): "minh", an_id("b"): "minh"}
    await send(bench, "/v1/reps/nobody/availability", {"available": True}, 422, AS_MANAGER, "PUT")


async def test_leave_and_caps_are_set_by_the_manager(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", "lan"))
    leave = {"leave": [{"from": "2026-11-16", "to": "2026-11-17"}]}
    await send(bench, "/v1/reps/minh", leave, 200, AS_MANAGER, "PATCH")
    await send(bench, "/v1/reps/lan", {"capacity": {"open": 1}}, 200, AS_MANAGER, "PATCH")
    shown = await rep_of(bench, "minh")
    assert (shown["why_not"], shown["until"]) == ("on_leave", "2026-11-18T00:00:00Z")
    await bench.deliver([*story("a"), *story("b")])
    assert await owners(bench) == {an_id("a"): "lan"}
    await bench.fire_timers(bench.clock.forward(days=2))
    assert await owners(bench) == {an_id("a"): "lan", an_id("b"): "minh"}


async def test_all_open_work_of_someone_ill_is_routed_again(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh", checklist=[]))
    await bench.deliver([event for n in range(4) for event in story(n)])
    await send(bench, f"/v1/leads/{an_id(0)}/status", {"status": "activated"}, 200, as_rep("minh"))
    await send(bench, "/v1/opportunities", {"lead_id": str(an_id(0))}, 201, as_rep("minh"))
    await bench.publish("routing", one_team("minh", "lan", {"id": "hoa", "capacity": {"open": 1}}, checklist=[]))
    path = "/v1/reps/minh/transfer"
    await send(bench, path, {}, 403, as_rep("minh"))
    here = await send(bench, path, {"reason": "absence"}, 409)
    assert here["type"].endswith("not-away")
    await send(bench, "/v1/reps/minh/availability", {"available": False, "reason": "ill"}, 200, AS_MANAGER, "PUT")
    headers = {**AS_MANAGER, "Idempotency-Key": "ill"}
    given = await send(bench, path, {"reason": "absence"}, 200, headers)
    assert (len(given["moved"]), given["left"], given["more"]) == (4, [], False)
    assert {each["lead_id"]: each["now"] for each in given["moved"]}[str(an_id(0))] == "opportunity"
    assert await send(bench, path, {"reason": "absence"}, 200, headers) == given
    held = await owners(bench)
    assert set(held.values()) <= {"lan", "hoa"}
    assert sorted(held) == sorted(an_id(n) for n in (1, 2, 3))
    causes = {event.cause for event in await bench.emitted(LeadRecycled) if isinstance(event, LeadRecycled)}
    assert causes == {"owner_away"}
    assert {event.hops for event in await assignments(bench)} == {0}
    assert (await rep_of(bench, "minh"))["load"]["open"] == 0


async def test_work_given_to_a_full_rep_stays_and_is_named(bench: Bench) -> None:
    await bench.publish("routing", one_team("minh"))
    await bench.deliver([event for n in range(3) for event in story(n)])
    await bench.publish("routing", one_team("minh", {"id": "lan", "capacity": {"open": 2}}))
    given = await send(bench, "/v1/reps/minh/transfer", {"to": "lan", "reason": "leaving"}, 200)
    assert len(given["moved"]) == 2
    assert [each["code"] for each in given["left"]] == ["capacity-open"]
    assert sorted((await owners(bench)).values()) == ["lan", "lan", "minh"]


@pytest.fixture
async def handoff(bench: Bench) -> LeadAssigned:
    await bench.publish("routing", one_team("minh"))
    await bench.deliver(story("linh"))
    (assigned,) = await assignments(bench)
    return assigned


async def test_a_next_step_is_set_listed_and_done(bench: Bench, handoff: LeadAssigned) -> None:
    lead_id = str(handoff.lead_id)
    past = {"lead_id": lead_id, "due_at": soon(bench, hours=-1)}
    await send(bench, "/v1/tasks", past, 422, as_rep("minh"))
    body = {"lead_id": lead_id, "kind": "send_offer", "due_at": soon(bench, days=2), "note": "the long one"}
    made = await send(bench, "/v1/tasks", body, 201, as_rep("minh", "k"))
    assert await send(bench, "/v1/tasks", body, 201, as_rep("minh", "k")) == made
    assert (made["owner"], made["kind"], made["note"]) == ("minh", "send_offer", "the long one")
    await send(bench, "/v1/tasks", {**body, "owner": "lan"}, 403, as_rep("minh"))
    await send(bench, "/v1/tasks", body, 403, as_rep("lan"))
    query = f"/v1/tasks?due_before={soon(bench, days=3).replace('+', '%2B')}"
    listed = await send(bench, query, None, 200, as_rep("minh"), "GET")
    assert [(task["kind"], task["note"]) for task in listed["items"]] == [("send_offer", "the long one")]
    done = f"/v1/tasks/{made['task_id']}/done"
    await send(bench, done, {}, 403, as_rep("lan"))
    first = await send(bench, done, {"outcome": "sent"}, 200, as_rep("minh"))
    assert (first["done_by"], first["outcome"]) == ("minh", "sent")
    second = await send(bench, done, {"outcome": "again"}, 200, AS_MANAGER)
    assert (second["done_by"], second["outcome"]) == ("minh", "sent")
    await send(bench, f"/v1/tasks/{an_id('x')}/done", {}, 404)


async def test_marketing_does_what_a_rejection_asks_of_it(bench: Bench, handoff: LeadAssigned) -> None:
    path = f"/v1/handoffs/{handoff.handoff_id}/reject"
    await send(bench, path, {"reason": "not_decision_maker"}, 200, as_rep("minh"))
    (task,) = (await send(bench, "/v1/tasks?kind=find_decision_maker", None, 200, AS_MARKETER, "GET"))["items"]
    await send(bench, f"/v1/tasks/{task['task_id']}/done", {"outcome": "found"}, 200, AS_MARKETER)


async def test_notes_are_the_owners_and_go_with_the_lead(bench: Bench, handoff: LeadAssigned) -> None:
    path = f"/v1/leads/{handoff.lead_id}/notes"
    await send(bench, path, {"text": "speaks French"}, 403, as_rep("lan"))
    await send(bench, path, {"text": ""}, 422, as_rep("minh"))
    note = await send(bench, path, {"text": "speaks French"}, 201, as_rep("minh"))
    await send(bench, path, {"text": "and Chinese"}, 201, AS_MARKETER)
    listed = await send(bench, path, None, 200, as_rep("minh"), "GET")
    assert [(each["text"], each["by"]) for each in listed["items"]] == [
        ("speaks French", "minh"),
        ("and Chinese", "marketer"),
    ]
    assert note["note_id"] == listed["items"][0]["note_id"]
    events = await bench.rows("select convert_from(value, 'UTF8') as value from outbox")
    assert not [event for event in events if "French" in event["value"]]
    await bench.deliver([erased("linh", bench.clock.now)])
    assert await bench.rows("select 1 from note") == []
    await send(bench, path, {"text": "still there?"}, 410, AS_MARKETER)


async def test_an_invalid_lead_is_assigned_only_after_its_repair(bench: Bench) -> None:
    await bench.deliver([captured("a")])
    lead = f"/v1/leads/{an_id('a')}"
    await send(bench, f"{lead}/status", {"status": "invalid", "reason": "wrong_info"}, 200, AS_MARKETER)
    refused = await send(bench, f"{lead}/assign", {"to": "minh"}, 409)
    assert "proof" in refused["detail"]
    await send(bench, f"{lead}/status", {"status": "new", "proof": "she answered the mail"}, 200, AS_MARKETER)
    await send(bench, f"{lead}/assign", {"to": "minh"}, 201)


async def test_the_stream_shows_what_is_new_and_what_is_over(bench: Bench, handoff: LeadAssigned) -> None:
    told = changes(bench.desk, Scope("minh"), None, pause_s=0.01)
    assert (await anext(told)).startswith(b"retry")
    first = await anext(told)
    assert first.startswith(b"event: handoff\n")
    assert json.loads(first.split(b"data: ")[1])["handoff_id"] == str(handoff.handoff_id)
    path = f"/v1/handoffs/{handoff.handoff_id}"
    await send(bench, f"{path}/accept", None, 200, as_rep("minh"))
    assert json.loads((await anext(told)).split(b"data: ")[1])["state"] == "accepted"
    await send(bench, f"{path}/reject", {"reason": "timing"}, 200, as_rep("minh"))
    assert (await anext(told)).startswith(b"event: closed\n")
    await told.aclose()
