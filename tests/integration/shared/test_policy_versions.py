"""Policies as kept: versions that never change, each carrying the digest of the one before it."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from shared.http.access import ACCESS
from shared.runtime import policies
from shared.runtime.policies import Policies, PolicyBody, PolicyChanged, PolicyDefinition, PolicyInvalid
from shared.runtime.transactions import Transactions
from shared.store.engine import engine
from shared.store.migrate import migrate
from tests.support.harness import StandingClock
from tests.support.postgres import MakeDatabase

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def a_limit(body: PolicyBody) -> int:
    if not isinstance(body.get("limit"), int):
        raise PolicyInvalid(["limit: expected a whole number"])
    return body["limit"]


LIMITS = PolicyDefinition("limits", a_limit, {"limit": 1})


@dataclass
class Shelf:
    """The policies of a service in a database of its own."""

    transactions: Transactions
    clock: StandingClock

    async def publish(self, body: PolicyBody, kind: str = "limits", **more: Any) -> int:
        async with self.transactions.free() as work:
            return await work.policies.publish(work.session, kind, body, by="ann", at=work.now, **more)

    async def current(self, at: datetime | None = None) -> tuple[int, int]:
        async with self.transactions.reading() as session:
            found = await self.transactions.policies.current(session, "limits", at or self.clock.now)
        return found.version, found.value

    async def rows(self, kind: str = "limits") -> Sequence[Any]:
        async with self.transactions.reading() as session:
            return (
                await session.execute(text("select * from policy where kind = :k order by version"), {"k": kind})
            ).all()


@pytest.fixture
async def shelf(make_database: MakeDatabase) -> AsyncGenerator[Shelf]:
    url = await make_database("shelf")
    await migrate(url, "shared.store")
    clock = StandingClock(NOW)
    pool = engine(url, application="test-shelf")
    yield Shelf(Transactions(pool, clock, 4, Policies([LIMITS, ACCESS])), clock)
    await pool.dispose()


def broken_links(rows: Sequence[Any]) -> list[int]:
    """The versions that are not what was published, or do not follow the one before."""
    before, broken = "", list[int]()
    for row in rows:
        encoded = orjson.dumps(row.body, option=orjson.OPT_SORT_KEYS).decode()
        digest = hashlib.sha256(f"{before}:{encoded}".encode()).hexdigest()
        if row.previous_digest != before or row.digest != digest:
            broken.append(row.version)
        before = row.digest
    return broken


async def test_versions_form_a_chain_of_digests(shelf: Shelf) -> None:
    for limit in (3, 1, 3, 3):
        await shelf.publish({"limit": limit, "b": {"y": 1, "x": [1.5, None, "Hà Nội"]}, "a": True})
    rows = await shelf.rows()
    assert [row.version for row in rows] == [1, 2, 3, 4]
    assert broken_links(rows) == []
    assert len({row.digest for row in rows}) == 4, "the same body again is a link of its own"


async def test_each_kind_has_its_own_chain(shelf: Shelf) -> None:
    await shelf.publish({"limit": 3})
    await shelf.publish({"keys": {}}, kind="access")
    await shelf.publish({"limit": 4})
    assert [row.version for row in await shelf.rows()] == [1, 2]
    assert broken_links(await shelf.rows()) == broken_links(await shelf.rows("access")) == []


async def test_a_changed_history_shows(shelf: Shelf) -> None:
    for limit in (1, 2, 3):
        await shelf.publish({"limit": limit})
    async with shelf.transactions.free() as work:
        await work.session.execute(text("update policy set body = '{\"limit\": 9}' where version = 2"))
    assert broken_links(await shelf.rows()) == [2]
    async with shelf.transactions.free() as work:
        await work.session.execute(text("delete from policy where version = 2"))
    assert broken_links(await shelf.rows()) == [3]


async def test_whoever_changed_an_older_version_is_told(shelf: Shelf) -> None:
    await shelf.publish({"limit": 1}, after=0)
    await shelf.publish({"limit": 2}, after=1)
    with pytest.raises(PolicyChanged, match="is at version 2, not 1"):
        await shelf.publish({"limit": 3}, after=1)
    assert await shelf.current() == (2, 2)


async def test_what_does_not_parse_is_not_kept(shelf: Shelf) -> None:
    await shelf.publish({"limit": 1})
    with pytest.raises(PolicyInvalid, match="whole number"):
        await shelf.publish({"limit": "many"})
    assert len(await shelf.rows()) == 1


async def test_the_version_of_an_instant_is_the_newest_in_effect_then(shelf: Shelf) -> None:
    await shelf.publish({"limit": 10})
    shelf.clock.forward(hours=1)
    await shelf.publish({"limit": 20})
    assert await shelf.current(NOW) == (1, 10)
    assert await shelf.current(NOW + timedelta(minutes=59)) == (1, 10)
    assert await shelf.current(NOW + timedelta(hours=1)) == (2, 20)
    with pytest.raises(PolicyInvalid, match="baton policy publish"):
        await shelf.current(NOW - timedelta(seconds=1))


async def test_seeding_never_overrides_what_was_published(shelf: Shelf) -> None:
    async def seed(presets: dict[str, PolicyBody]) -> None:
        async with shelf.transactions.free() as work:
            await work.policies.seed(work.session, presets, work.now)

    await seed({"limits": {"limit": 5}})
    assert await shelf.current() == (1, 5)
    await shelf.publish({"limit": 6})
    await seed({"limits": {"limit": 7}})
    assert await shelf.current() == (2, 6)
    assert [row.published_by for row in await shelf.rows()] == ["preset", "ann"]


async def test_only_so_many_parsed_versions_are_held(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "VERSIONS_KEPT", 3)
    for limit in range(1, 8):
        await shelf.publish({"limit": limit})
        assert await shelf.current() == (limit, limit)
    assert len(vars(shelf.transactions.policies)["_parsed"]) == 3
    async with shelf.transactions.reading() as session:
        first = await shelf.transactions.policies.load(session, "limits", 1)
    assert first.value == 1
