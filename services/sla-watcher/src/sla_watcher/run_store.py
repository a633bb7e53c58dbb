"""Sla-watcher's table of nurture runs. Lanes are locked before anything here is called, but for what only shows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.desk import due_in_lane
from sla_watcher.domain.runs import Run, next_step_at

if TYPE_CHECKING:
    from asyncpg import Connection

_ENCODER: Final = msgspec.msgpack.Encoder(uuid_format="bytes")
_RUN: Final = msgspec.msgpack.Decoder(Run)
_KEEP: Final = (
    "insert into nurture (nurture_id, lead_id, partition, next_at, body)"
    " select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[], $5::bytea[])"
    " on conflict (nurture_id) do update set next_at = excluded.next_at, body = excluded.body"
)
_DUE: Final = (
    "select body from nurture where partition = $1 and next_at <= $2 order by next_at limit $3 for update skip locked"
)
_NEXT_DUE: Final = text(
    "select p, (select min(next_at) from nurture where partition = p and next_at is not null)"
    " from unnest(cast(:partitions as int[])) p"
)


async def runs_of(connection: "Connection", lead_ids: Collection[UUID]) -> dict[UUID, dict[UUID, Run]]:
    """Every run of these leads, by lead and id."""
    rows = await connection.fetch("select body from nurture where lead_id = any($1::uuid[])", list(lead_ids))
    found: dict[UUID, dict[UUID, Run]] = {}
    for row in rows:
        run = _RUN.decode(row[0])
        found.setdefault(run.lead_id, {})[run.nurture_id] = run
    return found


async def keep_runs(connection: "Connection", rows: Iterable[tuple[int, Run]]) -> None:
    """Write runs, new or changed, each with its lane."""
    ordered = sorted(rows, key=lambda row: row[1].nurture_id.int)
    if not ordered:
        return
    runs = [run for _, run in ordered]
    await connection.execute(
        _KEEP,
        [run.nurture_id for run in runs],
        [run.lead_id for run in runs],
        [partition for partition, _ in ordered],
        [next_step_at(run) for run in runs],
        [_ENCODER.encode(run) for run in runs],
    )


async def due(connection: "Connection", partition: int, now: datetime, limit: int) -> list[Run]:
    """The runs of a lane that have a step to say now, the longest due first."""
    return [_RUN.decode(row[0]) for row in await connection.fetch(_DUE, partition, now, limit)]


async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """When a step is due next, by lane."""
    rows = await session.execute(_NEXT_DUE, {"partitions": list(partitions)})
    return due_in_lane([(row[0], row[1]) for row in rows])


async def shown(session: AsyncConnection, lead_id: UUID) -> list[Run]:
    """A lead's runs, the oldest first."""
    rows = await session.execute(text("select body from nurture where lead_id = :lead_id"), {"lead_id": lead_id})
    return sorted((_RUN.decode(row[0]) for row in rows), key=lambda run: (run.started_at, run.nurture_id))
