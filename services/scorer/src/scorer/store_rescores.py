"""Tables of re-scorings: which version is applied to all, how far each lane is, and what this minute still allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.desk import due_in_lane
from shared.runtime.ids import new_id

MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LaneOfRescore:
    """One lane's part of a re-scoring: done up to `after_lead`."""

    id: UUID
    rescore_id: UUID
    version: int
    after_lead: UUID | None


@dataclass(frozen=True, slots=True)
class Minute:
    """What all lanes together have told since `begun_at`."""

    begun_at: datetime
    leads: int
    crossings: int


async def begin(
    session: AsyncConnection,
    rescore_id: UUID,
    *,
    version: int,
    would_cross: int,
    by: str,
    at: datetime,
    partitions: int,
) -> None:
    """Keep a re-scoring with its lanes, due at once."""
    await session.execute(
        text(
            "insert into rescore (rescore_id, version, would_cross, started_by, started_at, minute_from)"
            " values (:id, :version, :would_cross, :by, :at, :at)"
        ),
        {"id": rescore_id, "version": version, "would_cross": would_cross, "by": by, "at": at},
    )
    await session.execute(
        text("insert into rescore_lane (id, rescore_id, partition, due_at) values (:id, :rescore, :partition, :at)"),
        [{"id": new_id(), "rescore": rescore_id, "partition": each, "at": at} for each in range(partitions)],
    )


async def due_lanes(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """When each lane may go on."""
    rows = await session.execute(
        text(
            "select p, (select min(due_at) from rescore_lane where partition = p and due_at is not null)"
            " from unnest(cast(:partitions as int[])) p"
        ),
        {"partitions": list(partitions)},
    )
    return due_in_lane([(row[0], row[1]) for row in rows])


async def next_lane(session: AsyncConnection, partition: int, at: datetime) -> LaneOfRescore | None:
    """The re-scoring to go on with in this lane, locked."""
    found = await session.execute(
        text(
            "select l.id, l.rescore_id, r.version, l.after_lead from rescore_lane l join rescore r using (rescore_id)"
            " where l.partition = :partition and l.due_at <= :at order by l.due_at, l.id limit 1"
            " for update of l skip locked"
        ),
        {"partition": partition, "at": at},
    )
    row = found.one_or_none()
    return None if row is None else LaneOfRescore(*row)


async def minute(session: AsyncConnection, rescore_id: UUID, at: datetime) -> Minute:
    """The minute's counters, locked till the end of the transaction; a minute that is over begins anew."""
    row = (
        await session.execute(
            text("select minute_from, minute_leads, minute_crossings from rescore where rescore_id = :id for update"),
            {"id": rescore_id},
        )
    ).one()
    return Minute(at, 0, 0) if at >= row.minute_from + MINUTE else Minute(*row)


async def keep_minute(session: AsyncConnection, rescore_id: UUID, now: Minute) -> None:
    """What this minute has seen now."""
    await session.execute(
        text(
            "update rescore set minute_from = :begun_at, minute_leads = :leads, minute_crossings = :crossings"
            " where rescore_id = :id"
        ),
        {"id": rescore_id, "begun_at": now.begun_at, "leads": now.leads, "crossings": now.crossings},
    )


async def keep_lane(
    session: AsyncConnection,
    lane: LaneOfRescore,
    *,
    after_lead: UUID | None,
    seen: int,
    told: int,
    crossed: int,
    due_at: datetime | None,
    at: datetime,
    superseded: bool = False,
) -> None:
    """Where the lane stands; without `due_at` it is finished."""
    await session.execute(
        text(
            "update rescore_lane set after_lead = :after, seen = seen + :seen, told = told + :told,"
            " crossed = crossed + :crossed, superseded = :superseded, due_at = :due,"
            " finished_at = case when cast(:due as timestamptz) is null then cast(:at as timestamptz) end"
            " where id = :id"
        ),
        {
            "after": after_lead,
            "seen": seen,
            "told": told,
            "crossed": crossed,
            "superseded": superseded,
            "due": due_at,
            "at": at,
            "id": lane.id,
        },
    )


async def latest(session: AsyncConnection) -> dict[str, Any] | None:
    """The last re-scoring: how many it said would cross, and how far it is."""
    found = await session.execute(
        text(
            "select r.rescore_id, r.version, r.would_cross, r.started_by, r.started_at, sum(l.seen)::int as seen,"
            " sum(l.told)::int as told, sum(l.crossed)::int as crossed, case when bool_or(l.superseded) then 'superseded'"
            " when bool_and(l.finished_at is not null) then 'finished' else 'running' end as state,"
            " case when bool_and(l.finished_at is not null) then max(l.finished_at) end as finished_at"
            " from rescore r join rescore_lane l using (rescore_id) group by r.rescore_id"
            " order by r.rescore_id desc limit 1"
        )
    )
    row = found.mappings().one_or_none()
    return None if row is None else dict(row)
