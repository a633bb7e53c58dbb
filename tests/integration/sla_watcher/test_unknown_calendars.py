"""A promise runs on the calendar it names or not at all: one that nobody knows never becomes round the clock."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.sla_watcher.tales import Tale, a_watch, at, seen
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

ONLY_ALWAYS: dict[str, Any] = {"calendars": {"always": {}}}
SLA_PATHS = ("/v1/policies/sla", "/v1/ops/sla-watcher/policies/sla")


def a_policy(calendar: str | None = None, of_the_promise: str | None = None) -> dict[str, Any]:
    promise = {"name": "first_contact", "from": "assigned", "within": "2h", "hours": "business"}
    return {
        "promises": [promise | ({"calendar": of_the_promise} if of_the_promise else {})],
        **({"calendar": calendar} if calendar else {}),
    }


async def parked(bench: Bench) -> list[str]:
    return [row["reason"] for row in await bench.rows("select reason from parked order by parked_at, seq")]


@pytest.mark.parametrize("path", SLA_PATHS)
@pytest.mark.parametrize("dry_run", ["", "?dry_run=1"])
async def test_a_policy_that_names_an_unknown_calendar_is_refused_at_save(
    make_database: MakeDatabase, path: str, dry_run: str
) -> None:
    async with a_watch(make_database) as bench:
        for body, place in (
            (a_policy("moon"), "calendar"),
            (a_policy("office", of_the_promise="moon"), "promises[0].calendar"),
        ):
            answer = await bench.client.put(path + dry_run, json=body)
            assert answer.status_code == 422, answer.text
            assert answer.json()["problems"] == [
                f"{place}: no calendar is named 'moon'; use one of the calendars policy: always, office, office-cn"
            ]
        assert (await bench.client.get("/v1/policies/sla")).json()["version"] == 1


@pytest.mark.parametrize("path", SLA_PATHS)
async def test_the_calendars_in_force_are_those_that_may_be_named(make_database: MakeDatabase, path: str) -> None:
    async with a_watch(make_database) as bench:
        assert (await bench.client.put(path, json=a_policy("office"))).json()["version"] == 2
        await bench.publish("calendars", ONLY_ALWAYS)
        refused = await bench.client.put(path, json=a_policy("office"))
        assert refused.status_code == 422
        assert refused.json()["problems"][0].endswith("use one of the calendars policy: always")
        assert (await bench.client.put(path, json=a_policy("always"))).json()["version"] == 3


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"promises": 7}'])
async def test_what_is_no_policy_at_all_is_refused_as_before(make_database: MakeDatabase, body: bytes) -> None:
    async with a_watch(make_database) as bench:
        answer = await bench.client.put("/v1/policies/sla", content=body)
        assert answer.status_code in {400, 422}
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_handoff_on_an_unknown_calendar_is_parked_with_what_is_missing(make_database: MakeDatabase) -> None:
    linh, minh = Tale("linh"), Tale("minh")
    async with a_watch(make_database) as bench:
        records = [bench.record(linh.assigned("fri 17:00", calendar="moon")), bench.record(minh.assigned("fri 17:00"))]
        await bench.consumer.consume(records)
        assert await seen(bench, linh) == []
        assert at("mon+1 10:00") in [clock.due_at for clock in await seen(bench, minh)]
        (why,) = await parked(bench)
        assert "no calendar is named 'moon'; known are always, office, office-cn" in why


async def test_a_silence_on_a_calendar_taken_away_is_parked_and_not_run_round_the_clock(
    make_database: MakeDatabase,
) -> None:
    linh = Tale("linh")
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:00")])
        await bench.publish("calendars", ONLY_ALWAYS)
        await bench.consumer.consume([bench.record(linh.contacted("mon 10:00"))])
        assert [clock for clock in await seen(bench, linh) if clock.promise == "silent"] == []
        (why,) = await parked(bench)
        assert "no calendar is named 'office'; known are always" in why
        async with bench.transactions.reading() as session:
            assert await session.scalar(text("select count(*) from clock where state = 'met'")) == 0
