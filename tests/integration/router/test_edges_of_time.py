"""Instants at the edges of time are refused in words: kept, they would come back as what compares with no instant."""

from typing import Any

import pytest

from tests.integration.router.leads import AS_MANAGER, an_id, assignments, story
from tests.support.harness import Bench

EDGES = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",
)  # fmt: skip


@pytest.mark.parametrize("instant", EDGES)
async def test_an_instant_at_the_edge_of_time_is_refused(bench: Bench, instant: str) -> None:
    await bench.deliver(story("a"))
    (assigned,) = await assignments(bench)
    bodies: dict[str, dict[str, Any]] = {
        "/v1/tasks": {"lead_id": str(an_id("a")), "due_at": instant},
        f"/v1/handoffs/{assigned.handoff_id}/contacts": {
            "channel": "phone", "result": "reached", "next_step_at": instant
        },
        "/v1/what-ifs": {"from": instant},
    }  # fmt: skip
    for path, body in bodies.items():
        answer = await bench.client.post(path, json=body, headers=AS_MANAGER)
        assert answer.status_code == 422, (path, answer.text)
    assert (await bench.client.get("/v1/tasks", headers=AS_MANAGER)).status_code == 200
