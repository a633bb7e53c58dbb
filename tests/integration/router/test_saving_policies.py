"""Saving routing and calendars: neither may leave the other without what it names."""

from typing import Any

from tests.integration.router.leads import a_team, one_team
from tests.support.harness import Bench


def named(calendar: str) -> dict[str, Any]:
    return {"teams": {"sales": a_team("minh", calendar=calendar)}, "fallback": "sales"}


async def test_routing_that_names_an_unknown_calendar_is_refused(bench: Bench) -> None:
    for path in ("/v1/policies/routing", "/v1/ops/router/policies/routing"):
        answer = await bench.client.put(path, json=named("lunar"))
        assert answer.status_code == 422
        assert "lunar" in answer.text
    assert (await bench.client.put("/v1/policies/routing?dry_run=1", json=named("lunar"))).status_code == 422
    assert (await bench.client.put("/v1/policies/routing", json=named("office"))).status_code == 200


async def test_a_calendar_in_use_is_not_dropped(bench: Bench) -> None:
    path = "/v1/ops/router/policies/calendars"
    answer = await bench.client.put(path, json={"calendars": {"office": {}}})
    assert answer.status_code == 422
    assert "always" in answer.text
    assert (await bench.client.put(path, json={"calendars": {"always": {}, "other": {}}})).status_code == 200


async def test_a_rep_with_an_unknown_calendar_does_not_join(bench: Bench) -> None:
    said = {"id": "tam", "team": "sales", "calendar": "lunar"}
    assert (await bench.client.post("/v1/reps", json=said)).status_code == 422
    assert (await bench.client.post("/v1/reps", json={**said, "calendar": "always"})).status_code == 201


async def test_a_policy_without_calendars_is_saved(bench: Bench) -> None:
    policy = one_team("minh")
    del policy["teams"]["sales"]["calendar"]
    assert (await bench.client.put("/v1/policies/routing", json=policy)).status_code == 200
