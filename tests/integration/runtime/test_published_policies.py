"""Policies: immutable versions in a chain, one version per transaction, and who may publish what over REST."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from shared.http.app import build
from shared.http.policies import policy_routes
from shared.runtime.desk import Desk
from shared.runtime.policies import PolicyDefinition, PolicyInvalid
from shared.runtime.transactions import Transactions
from tests.integration.runtime.world import World, scorer
from tests.support.harness import Anyone


def parse(body: Mapping[str, Any]) -> int:
    if "points" not in body:
        raise PolicyInvalid(["points: missing; say how many"])
    return int(body["points"])


SCORECARD = PolicyDefinition(
    "scorecard",
    parse,
    {"points": 0},
    write_roles=frozenset({"marketer", "admin"}),
    lint=lambda value: ["points: nobody gets any"] if not value else [],
)


@pytest.fixture
async def transactions(world: World) -> Transactions:
    made = world.transactions_on(policies=[SCORECARD])
    async with made.free() as work:
        await work.policies.seed(work.session, {}, work.now)
    return made


@pytest.fixture
async def client(transactions: Transactions) -> AsyncIterator[httpx.AsyncClient]:
    desk = Desk("scorer", transactions, lambda _name: None)
    app = build([policy_routes(desk, scorer())], {"scorer": Anyone()})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://baton.test/v1",
        headers={"Authorization": "Bearer marketer"},
    ) as made:
        yield made


async def publish(transactions: Transactions, points: int, after: int | None = None) -> int:
    async with transactions.free() as work:
        return await work.policies.publish(
            work.session, "scorecard", {"points": points}, by="test", at=work.now, after=after
        )


async def test_of_two_publishers_at_once_one_is_told_that_it_changed(transactions: Transactions) -> None:
    outcomes = await asyncio.gather(*(publish(transactions, n, after=1) for n in range(2)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PolicyChanged", "int"]
    assert next(outcome for outcome in outcomes if isinstance(outcome, int)) == 2


async def test_many_publishers_without_a_condition_all_get_a_version(transactions: Transactions) -> None:
    versions = await asyncio.gather(*(publish(transactions, n) for n in range(8)))
    assert sorted(versions) == list(range(2, 10))


@pytest.mark.parametrize("door", ["fenced", "locked"])
async def test_a_batch_reads_one_version_even_of_a_publisher_that_began_earlier(
    transactions: Transactions, door: str
) -> None:
    publishing = transactions.free()
    publisher = await publishing.__aenter__()  # its `now` is before the batch's, its commit in the middle of it
    units = transactions.locked([0])
    if door == "fenced":
        async with transactions.reading() as session:
            version = await session.scalar(text("select version from lane where partition = 0")) or 0
        units = transactions.fenced({0: version})
    async with units as work:
        first = await work.policy("scorecard")
        await publisher.policies.publish(publisher.session, "scorecard", {"points": 5}, by="test", at=publisher.now)
        await publishing.__aexit__(None, None, None)
        again = await work.policy("scorecard")
    assert first == again
    assert first.version == 1
    async with transactions.locked([0]) as work:
        assert (await work.policy("scorecard")).value == 5


async def test_who_publishes_reads_its_own_version(transactions: Transactions) -> None:
    async with transactions.free() as work:
        assert (await work.policy("scorecard")).version == 1
        await work.policies.publish(work.session, "scorecard", {"points": 7}, by="test", at=work.now)
        assert (await work.policy("scorecard")).value == 7


async def test_a_version_of_tomorrow_decides_nothing_today(transactions: Transactions) -> None:
    async with transactions.free() as work:
        tomorrow = work.now + timedelta(days=1)
        await work.policies.publish(work.session, "scorecard", {"points": 9}, by="test", at=tomorrow)
        assert (await work.policy("scorecard")).version == 1
        assert (await work.policies.current(work.session, "scorecard", tomorrow)).version == 2


async def test_each_version_carries_the_digest_of_the_one_before(world: World, transactions: Transactions) -> None:
    for points in range(1, 4):
        await publish(transactions, points)
    rows = await world.rows("select * from policy where kind = 'scorecard' order by version")
    before = ""
    for row in rows:
        body = row.body if isinstance(row.body, dict) else orjson.loads(row.body)
        encoded = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
        assert row.previous_digest == before
        assert row.digest == hashlib.sha256(f"{before}:{encoded}".encode()).hexdigest()
        before = row.digest
    assert len(rows) == 4


async def test_seeding_never_overrides_what_was_published(transactions: Transactions) -> None:
    await publish(transactions, 3)
    async with transactions.free() as work:
        await work.policies.seed(work.session, {"scorecard": {"points": 100}}, work.now)
        assert (await work.policy("scorecard")).value == 3


async def test_an_etag_lets_only_the_first_of_two_changes_through(client: httpx.AsyncClient) -> None:
    shown = await client.get("/policies/scorecard")
    etag = shown.headers["etag"]
    assert shown.json()["body"] == {"points": 0}
    first = await client.put("/policies/scorecard", json={"points": 1}, headers={"If-Match": etag})
    second = await client.put("/policies/scorecard", json={"points": 2}, headers={"If-Match": etag})
    assert (first.status_code, first.json()["version"], first.headers["etag"]) == (200, 2, '"2"')
    assert second.status_code == 412
    assert second.headers["content-type"] == "application/problem+json"
    assert (await client.get("/policies/scorecard")).json()["body"] == {"points": 1}
    assert (await client.put("/policies/scorecard", json={"points": 3})).status_code == 200
    nonsense = await client.put("/policies/scorecard", json={"points": 3}, headers={"If-Match": "yesterday"})
    assert nonsense.status_code == 412


async def test_a_dry_run_says_what_it_would_and_publishes_nothing(client: httpx.AsyncClient, world: World) -> None:
    said = await client.put("/policies/scorecard?dry_run=1", json={"points": 0})
    assert said.json() == {"kind": "scorecard", "dry_run": True, "lint": ["points: nobody gets any"]}
    assert (await client.put("/policies/scorecard?dry_run=1", json={})).status_code == 422
    assert await world.value("select max(version) from policy where kind = 'scorecard'") == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[1]", 422), (b"{}", 422), (b'{"points": 1, "note": "a\\u0000b"}', 422)],
    ids=["no json", "no object", "does not parse", "NUL"],
)
async def test_what_can_not_be_published_is_answered_with_its_problems(
    client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    answer = await client.put("/policies/scorecard", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_operator_can_not_make_itself_an_admin(client: httpx.AsyncClient) -> None:
    """The operators' path takes every kind, so each kind's own roles hold there."""
    key = {"keys": {"me": {"sha256": "0" * 64, "role": "admin"}}}
    path, operator = "/ops/scorer/policies/access", {"Authorization": "Bearer operator"}
    assert (await client.put(path, json=key, headers=operator)).status_code == 403
    assert (await client.get(path, headers=operator)).status_code == 403
    assert (await client.put(path, json=key, headers={"Authorization": "Bearer admin"})).status_code == 200
    assert (await client.get("/ops/scorer/policies/scorecard", headers=operator)).status_code == 200
    assert (await client.get("/ops/scorer/policies/no-such", headers=operator)).status_code == 404
