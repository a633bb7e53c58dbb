"""A database that an older version filled: its clocks are found, shown and moved as before."""

from uuid import UUID

import asyncpg
import msgspec

from shared.store.migrate import migrate
from sla_watcher.domain import Clock
from sla_watcher.main import service
from sla_watcher.store import clocks_of
from sla_watcher.telling import shown
from tests.integration.sla_watcher.tales import Tale, a_watch, at
from tests.support.earlier import lay_out
from tests.support.postgres import MakeDatabase

LINH = Tale("linh")
KEPT = Clock(UUID(int=7), LINH.lead_id, "first_contact", at("mon 09:00"), at("mon 11:00"), owner="ann", team="north")


async def test_an_older_databases_clocks_are_read(make_database: MakeDatabase) -> None:
    package = service().package
    url = await make_database(package)
    connection = await asyncpg.connect(url)
    await lay_out(connection, package, "0001_sla_watcher", "0002_nurture")
    # it wrote every field of a clock, also those that say nothing
    body = msgspec.msgpack.Encoder(uuid_format="bytes").encode(msgspec.structs.asdict(KEPT))
    await connection.execute(
        "insert into clock (clock_id, lead_id, partition, promise, owner, team, state, due_at, next_at, body)"
        " values ($1, $2, 0, 'first_contact', 'ann', 'north', 'running', $3, $3, $4)",
        KEPT.clock_id, KEPT.lead_id, KEPT.due_at, body,
    )  # fmt: skip
    await connection.execute("insert into lead_fact values ($1, 0, $2)", LINH.lead_id, b"")
    await migrate(url, package)
    await migrate(url, package)
    holdings = service().holdings
    assert await connection.fetch(holdings["promises"]) == await connection.fetch(holdings["promises kept"])
    assert [row["id"] for row in await connection.fetch(holdings["clocks"])] == [KEPT.clock_id]
    assert await clocks_of(connection, [LINH.lead_id]) == {LINH.lead_id: {KEPT.clock_id: KEPT}}
    await connection.close()


async def test_a_clock_is_shown_with_every_field(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        await bench.deliver([LINH.assigned("mon 09:00")])
        (first, _) = (await bench.client.get("/v1/clocks")).json()["items"]
        assert list(first) == list(Clock.__struct_fields__)
        assert (first["reason"], first["waived"], first["state"]) == (None, False, "running")
        paused = await bench.client.post(f"/v1/clocks/{first['clock_id']}/pause", json={"reason": "illness"})
        assert list(paused.json()) == list(Clock.__struct_fields__)
        assert shown(msgspec.json.decode(paused.content, type=Clock)).keys() == paused.json().keys()
