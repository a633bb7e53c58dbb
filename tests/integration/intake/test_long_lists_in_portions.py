"""A list of thousands is committed in portions, answered when all of it is durable, and goes on where it broke off."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson

from shared.contracts import LeadCaptured
from shared.runtime.streams import Record
from tests.integration.intake.doors import JSON, a_lead, balance, counts, intake
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

DOORS = {"doors": {"api": {"kind": "rest"}, "open": {"kind": "generic"}}}
PORTION = 128


def many(number: int, name: str = "Ann") -> list[dict[str, Any]]:
    """A list of leads, each another person."""
    return [a_lead(email=f"many{place}@example.com", name=f"{name} {place}") for place in range(number)]


async def told(bench: Bench, leads: list[dict[str, Any]], **headers: str) -> list[dict[str, Any]]:
    """What the answer says of each."""
    reply = await bench.client.post("/v1/hooks/open", content=orjson.dumps(leads), headers={**JSON, **headers})
    assert reply.status_code == 200, reply.text
    return reply.json()["submissions"]


async def test_no_commit_holds_more_than_a_portion_and_neighbours_come_between(make_database: MakeDatabase) -> None:
    async with intake(make_database, doors=DOORS) as bench:
        commits: list[int] = []
        begun = asyncio.Event()

        def hear(records: Sequence[Record]) -> None:
            commits.append(len(records))
            begun.set()

        bench.transactions.committed.append(hear)
        long = asyncio.create_task(told(bench, many(1_000)))
        await begun.wait()
        assert (await bench.client.post("/v1/leads", json=a_lead())).status_code == 202
        assert not long.done()
        submissions = await long
        assert max(commits) <= PORTION
        assert Counter(one["state"] for one in submissions) == {"captured": 1_000}
        captured = [event.lead_id for event in await bench.emitted(LeadCaptured)]
        assert {one["lead_id"] for one in submissions} < {str(lead_id) for lead_id in captured}
        assert len(captured) == 1_001
        await balance(bench)


async def test_the_same_twice_in_a_long_list_is_a_repeat_in_another_portion_too(make_database: MakeDatabase) -> None:
    async with intake(make_database, doors=DOORS) as bench:
        leads = many(300)
        submissions = await told(bench, [*leads, leads[0]])
        assert [one["duplicate"] for one in submissions] == [False] * 300 + [True]
        assert submissions[300]["lead_id"] == submissions[0]["lead_id"]
        await balance(bench)


async def test_a_list_that_broke_off_between_portions_goes_on_when_it_is_sent_again(
    make_database: MakeDatabase,
) -> None:
    async with intake(make_database, doors=DOORS) as bench:
        await _alter(bench, "add constraint bad check (fields ->> 'name' <> 'Ann 200')")
        leads = many(300)
        reply = await bench.client.post("/v1/hooks/open", content=orjson.dumps(leads), headers=JSON)
        assert reply.status_code == 500
        assert (await counts(bench))["lead"] == PORTION
        await _alter(bench, "drop constraint bad")
        submissions = await told(bench, leads)
        assert [one["duplicate"] for one in submissions] == [True] * PORTION + [False] * (300 - PORTION)
        assert len(await bench.emitted(LeadCaptured)) == 300
        await balance(bench)


async def test_another_long_list_under_the_same_key_is_refused_whole(make_database: MakeDatabase) -> None:
    async with intake(make_database, doors=DOORS) as bench:
        key = {"Idempotency-Key": "k1"}
        first = await told(bench, many(300), **key)
        before = await counts(bench)
        other = orjson.dumps(many(600, "Bob"))
        reply = await bench.client.post("/v1/hooks/open", content=other, headers={**JSON, **key})
        assert (reply.status_code, reply.json()["type"]) == (422, "urn:baton:problem:key-reused")
        again = await told(bench, many(300), **key)
        assert [one["lead_id"] for one in again] == [one["lead_id"] for one in first]
        assert all(one["duplicate"] for one in again)
        assert {**await counts(bench), "arrival_tally": 0} == {**before, "arrival_tally": 0}


async def _alter(bench: Bench, change: str) -> None:
    async with bench.transactions.free() as work:
        await (await work.raw()).execute(f"alter table lead {change}")
