"""Tables of backtests: what was asked, how far each lane is, what it has counted, which leads differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from scorer.domain.comparing import Difference, Sums, joined
from scorer.domain.instants import from_us
from shared.runtime.desk import due_in_lane
from shared.runtime.ids import new_id

if TYPE_CHECKING:
    from asyncpg import Connection

_COLUMNS: Final = "backtest_id, body, digest, live_version, from_at, to_at, leads, created_by, created_at"
_KEPT_BACKTESTS: Final = 100


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was asked: a draft's body against the version live then, over the facts up to `to_at`."""

    backtest_id: UUID
    body: str
    digest: str
    live_version: int
    from_at: datetime | None
    to_at: datetime
    leads: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What its lanes have counted; `finished_at` once all are through."""

    sums: Sums
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class LaneOfBacktest:
    """One lane's part of a backtest: done up to `after_lead`, `listed` differences kept."""

    id: UUID
    backtest: Backtest
    after_lead: UUID | None
    sums: Sums
    listed: int


async def leads_known(session: AsyncConnection) -> int:
    """How many dossiers there are."""
    return await session.scalar(text("select count(*) from dossier")) or 0


async def running(session: AsyncConnection) -> int:
    """How many backtests are not finished."""
    query = "select count(distinct backtest_id) from backtest_lane where due_at is not null"
    return await session.scalar(text(query)) or 0


async def begin(session: AsyncConnection, asked: Backtest, partitions: int) -> None:
    """Keep a backtest with its lanes, due at once; the oldest finished ones make room."""
    await session.execute(
        text(
            f"insert into backtest ({_COLUMNS}) values (:backtest_id, :body, :digest, :live_version, :from_at, :to_at,"
            " :leads, :created_by, :created_at)"
        ),
        {name: getattr(asked, name) for name in Backtest.__slots__},
    )
    lanes = [
        {
            "id": new_id(),
            "backtest": asked.backtest_id,
            "partition": partition,
            "sums": msgspec.json.encode(Sums()),
            "at": asked.created_at,
        }
        for partition in range(partitions)
    ]
    await session.execute(
        text(
            "insert into backtest_lane (id, backtest_id, partition, sums, due_at)"
            " values (:id, :backtest, :partition, :sums, :at)"
        ),
        lanes,
    )
    await session.execute(
        text(
            "delete from backtest b where not exists (select 1 from backtest_lane l where l.backtest_id = b.backtest_id"
            " and l.due_at is not null) and b.backtest_id not in"
            " (select backtest_id from backtest order by backtest_id desc limit :kept)"
        ),
        {"kept": _KEPT_BACKTESTS},
    )


async def due_lanes(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """When each lane has a backtest to go on with."""
    rows = await session.execute(
        text(
            "select p, (select min(due_at) from backtest_lane where partition = p and due_at is not null)"
            " from unnest(cast(:partitions as int[])) p"
        ),
        {"partitions": list(partitions)},
    )
    return due_in_lane([(row[0], row[1]) for row in rows])


async def next_lane(session: AsyncConnection, partition: int, at: datetime) -> LaneOfBacktest | None:
    """The backtest to go on with in this lane, locked."""
    columns = ", ".join(f"b.{name.strip()}" for name in _COLUMNS.split(","))
    row = (
        await session.execute(
            text(
                f"select l.id, l.after_lead, l.sums, l.listed, {columns} from backtest_lane l"
                " join backtest b using (backtest_id) where l.partition = :partition and l.due_at <= :at"
                " order by l.due_at, l.id limit 1 for update of l skip locked"
            ),
            {"partition": partition, "at": at},
        )
    ).one_or_none()
    if row is None:
        return None
    asked = Backtest(*(getattr(row, name) for name in Backtest.__slots__))
    return LaneOfBacktest(row.id, asked, row.after_lead, msgspec.json.decode(row.sums, type=Sums), row.listed)


async def keep_lane(
    session: AsyncConnection,
    lane: LaneOfBacktest,
    *,
    after_lead: UUID | None,
    at: datetime,
    finished: bool,
    listed: int,
) -> None:
    """Where the lane stands now; its sums were counted in place."""
    await session.execute(
        text(
            "update backtest_lane set after_lead = :after, sums = :sums, listed = :listed,"
            " due_at = case when cast(:finished as bool) then null else due_at end,"
            " finished_at = case when cast(:finished as bool) then cast(:at as timestamptz) end where id = :id"
        ),
        {
            "after": after_lead,
            "sums": msgspec.json.encode(lane.sums),
            "listed": listed,
            "finished": finished,
            "at": at,
            "id": lane.id,
        },
    )


async def keep_differences(
    connection: "Connection", backtest_id: UUID, found: Sequence[tuple[UUID, Difference]]
) -> None:
    """The leads that the two scorecards treat differently, in one statement."""
    if not found:
        return
    rows = [difference for _, difference in found]
    await connection.execute(
        "insert into backtest_difference select $1, * from"
        " unnest($2::text[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::int[])",
        backtest_id,
        [row.kind for row in rows],
        [lead_id for lead_id, _ in found],
        [None if row.live_us is None else from_us(row.live_us) for row in rows],
        [None if row.draft_us is None else from_us(row.draft_us) for row in rows],
        [row.live_crossings for row in rows],
        [row.draft_crossings for row in rows],
    )


async def of_id(session: AsyncConnection, backtest_id: UUID) -> Backtest | None:
    """One backtest as it was asked."""
    found = await session.execute(text(f"select {_COLUMNS} from backtest where backtest_id = :id"), {"id": backtest_id})
    row = found.one_or_none()
    return None if row is None else Backtest(*row)


async def newest(session: AsyncConnection, before: UUID | None, limit: int) -> list[Backtest]:
    """The latest backtests first."""
    rows = await session.execute(
        text(
            f"select {_COLUMNS} from backtest where cast(:before as uuid) is null or backtest_id < :before"
            " order by backtest_id desc limit :limit"
        ),
        {"before": before, "limit": limit},
    )
    return [Backtest(*row) for row in rows]


async def progress(session: AsyncConnection, backtest_ids: Sequence[UUID]) -> dict[UUID, Progress]:
    """How far each of these is."""
    rows = await session.execute(
        text("select backtest_id, sums, finished_at from backtest_lane where backtest_id = any(cast(:ids as uuid[]))"),
        {"ids": list(backtest_ids)},
    )
    lanes: dict[UUID, list[tuple[Sums, datetime | None]]] = {}
    for row in rows:
        lanes.setdefault(row.backtest_id, []).append((msgspec.json.decode(row.sums, type=Sums), row.finished_at))
    return {
        backtest_id: Progress(
            reduce(joined, (sums for sums, _ in parts), Sums()),
            None if any(at is None for _, at in parts) else max(at for _, at in parts if at is not None),
        )
        for backtest_id, parts in lanes.items()
    }


async def differing_leads(
    session: AsyncConnection, backtest_id: UUID, kind: str | None, after: tuple[str, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """A page of the leads treated differently, by kind and lead."""
    rows = await session.execute(
        text(
            "select kind, lead_id, live_at, draft_at, live_crossings, draft_crossings from backtest_difference"
            " where backtest_id = :id and (cast(:kind as text) is null or kind = :kind)"
            " and (cast(:after_kind as text) is null or (kind, lead_id) > (:after_kind, cast(:after_lead as uuid)))"
            " order by kind, lead_id limit :limit"
        ),
        {
            "id": backtest_id,
            "kind": kind,
            "after_kind": after[0] if after else None,
            "after_lead": after[1] if after else None,
            "limit": limit,
        },
    )
    return [dict(row) for row in rows.mappings()]


async def finished_of(session: AsyncConnection, digest: str, live_version: int) -> Sums | None:
    """What the latest finished backtest of this very draft, against this very version, has counted."""
    found = await session.scalars(
        text(
            "select backtest_id from backtest b where digest = :digest and live_version = :version and not exists"
            " (select 1 from backtest_lane l where l.backtest_id = b.backtest_id and l.finished_at is null)"
            " order by backtest_id desc limit 1"
        ),
        {"digest": digest, "version": live_version},
    )
    backtest_id = found.one_or_none()
    return None if backtest_id is None else (await progress(session, [backtest_id]))[backtest_id].sums
