"""GET /v1/clocks, and the policies that sla-watcher takes."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from shared.runtime.calendars import CALENDARS
from sla_watcher.policies import CADENCES, SLA
from tests.integration.sla_watcher.tales import Tale, a_watch, at, let_time_pass
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

POLICY = Path(__file__).parents[3] / "policy"


async def shown(bench: Bench, token: str = "admin", **params: Any) -> dict[str, Any]:  # noqa: S107 - made up
    answer = await bench.client.get("/v1/clocks", params=params, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["owner"], each["promise"]) for each in page["items"]]


async def test_clocks_are_found_by_state_owner_lead_and_due_instant(make_database: MakeDatabase) -> None:
    linh, minh = Tale("linh"), Tale("minh")
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:00"), minh.assigned("mon 10:00", owner="bob", team="south")])
        await let_time_pass(bench, at("mon 11:00"))
        assert names(await shown(bench)) == [
            ("ann", "first_contact"),
            ("bob", "first_contact"),
            ("ann", "untouched"),
            ("bob", "untouched"),
        ]
        assert names(await shown(bench, state="breached")) == [("ann", "first_contact")]
        assert names(await shown(bench, owner="bob", state="running", due_before=at("mon 12:01").isoformat())) == [
            ("bob", "first_contact")
        ]
        assert names(await shown(bench, due_before=at("mon 12:00").isoformat())) == [("ann", "first_contact")]
        (first, _) = (await shown(bench, lead_id=str(linh.lead_id)))["items"]
        assert first["lead_id"] == str(linh.lead_id)
        assert first["handoff_id"] == str(linh.id("h1"))
        assert (first["state"], first["started_at"], first["due_at"]) == (
            "breached",
            "2026-11-30T02:00:00Z",
            "2026-11-30T04:00:00Z",
        )
        assert (await shown(bench, lead_id=str(uuid4())))["items"] == []


async def test_a_rep_sees_only_own_clocks(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        await bench.deliver([Tale("linh").assigned("mon 09:00"), Tale("minh").assigned("mon 10:00", owner="bob")])
        assert {owner for owner, _ in names(await shown(bench, "rep:bob"))} == {"bob"}
        assert (await shown(bench, "rep:bob", lead_id=str(Tale("linh").lead_id)))["items"] == []
        assert (await shown(bench, "rep"))["items"] == []
        other = await bench.client.get("/v1/clocks?owner=ann", headers={"Authorization": "Bearer rep:bob"})
        assert (other.status_code, other.json()["type"]) == (403, "urn:baton:problem:not-yours")
        entry = await bench.client.get("/v1/clocks", headers={"Authorization": "Bearer entry"})
        assert entry.status_code == 403


async def test_pages_hold_every_clock_once(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        await bench.deliver([Tale(f"lead {number}").assigned("mon 09:00") for number in range(12)])
        found: list[str] = []
        page: dict[str, Any] = await shown(bench, limit=5)
        while True:
            found += [each["clock_id"] for each in page["items"]]
            if page["next"] is None:
                break
            page = await shown(bench, limit=5, cursor=page["next"])
        assert len(found) == len(set(found)) == 24


async def test_what_makes_no_sense_is_refused_in_words(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        for query in ("state=late", "lead_id=7", "due_before=tomorrow", "limit=0", "cursor=x", "cursor=9.9"):
            answer = await bench.client.get(f"/v1/clocks?{query}")
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), query


async def test_an_sla_policy_is_refused_with_every_promises_problem(make_database: MakeDatabase) -> None:
    body: dict[str, Any] = {
        "promises": [
            {"name": "first_contact", "from": "assigned", "within": "2 hours", "hours": "business"},
            {"name": "untouched", "from": "assigned", "within": "48h", "hours": "elapsed", "when": "score >"},
        ]
    }
    async with a_watch(make_database) as bench:
        answer = await bench.client.put("/v1/policies/sla", json=body)
        assert answer.status_code == 422
        problems = answer.json()["problems"]
        assert [problem.partition(":")[0] for problem in problems] == ["promises[0].within", "promises[1].when"]
        current = (await bench.client.get("/v1/policies/sla")).json()
        assert (current["version"], current["body"]) == (1, SLA.preset)


async def test_a_calendar_that_never_opens_is_refused_at_save(make_database: MakeDatabase) -> None:
    body: dict[str, Any] = {"calendars": {"office": {"zone": "Asia/Ho_Chi_Minh", "open": {"mon-fri": []}}}}
    async with a_watch(make_database) as bench:
        answer = await bench.client.put("/v1/ops/sla-watcher/policies/calendars", json=body)
        assert answer.status_code == 422
        assert "never opens" in answer.json()["problems"][0]


async def test_a_new_policy_counts_for_new_clocks_and_leaves_running_ones(make_database: MakeDatabase) -> None:
    linh, minh = Tale("linh"), Tale("minh")
    body = {"promises": [{"name": "first_contact", "from": "assigned", "within": "30m", "hours": "elapsed"}]}
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:00")])
        assert (await bench.client.put("/v1/policies/sla", json=body)).json()["version"] == 2
        await bench.deliver([minh.assigned("mon 09:00"), linh.scored("mon 09:10")])
        due = {
            each["lead_id"]: each["due_at"] for each in (await shown(bench))["items"] if each["promise"] != "untouched"
        }
        assert due == {str(linh.lead_id): "2026-11-30T04:00:00Z", str(minh.lead_id): "2026-11-30T02:30:00Z"}


def test_the_files_that_ship_are_the_presets() -> None:
    assert yaml.safe_load((POLICY / "sla.yaml").read_text()) == SLA.preset
    assert yaml.safe_load((POLICY / "nurture.yaml").read_text()) == CADENCES.preset
    assert yaml.safe_load((POLICY / "calendars.yaml").read_text()) == CALENDARS.preset
