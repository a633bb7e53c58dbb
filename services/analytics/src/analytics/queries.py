"""What the API asks of the database; each function is named after its question."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics.domain.contribution import MEASURES
from analytics.reconciliation import Counts
from shared.runtime.streams import Position, Stream

PERIODS: Final = {"day": "day", "week": "date_trunc('week', day)::date", "month": "date_trunc('month', day)::date"}
_SUMS: Final = ", ".join(f"sum({name})::bigint as {name}" for name in MEASURES)
_EXAMPLES: Final = 20


async def figures(
    session: AsyncConnection, by: str, since: date | None, until: date | None
) -> list[tuple[str, str, dict[str, int]]]:
    """(value, currency, measures) of the leads captured from `since` to `until`, both included.

    A period is a sum over any one dimension, since each holds every lead once.
    """
    grouped = f"{PERIODS[by]}::text" if by in PERIODS else "value"
    rows = await session.execute(
        text(
            f"select {grouped} as grouped, currency, {_SUMS} from rollup where dimension = :dimension"
            " and day >= coalesce(cast(:since as date), '-infinity')"
            " and day <= coalesce(cast(:until as date), 'infinity') group by 1, 2"
        ),
        {"dimension": "source" if by in PERIODS else by, "since": since, "until": until},
    )
    return [
        (row.grouped, row.currency, {name: getattr(row, name) for name in MEASURES})
        for row in rows
        if any(getattr(row, name) for name in MEASURES)
    ]


async def leads_captured(
    session: AsyncConnection, since: date | None, until: date | None, after: tuple[date, UUID] | None, limit: int
) -> list[tuple[UUID, date, str, bytes]]:
    """(lead, day, basis, facts) in the order of (day, lead)."""
    rows = await session.execute(
        text(
            "select lead_id, day, basis, facts from lead_fact"
            " where day >= coalesce(cast(:since as date), '-infinity')"
            " and day <= coalesce(cast(:until as date), 'infinity')"
            " and (day, lead_id) > (cast(:day as date), cast(:lead_id as uuid)) order by day, lead_id limit :limit"
        ),
        {
            "since": since,
            "until": until,
            "day": after[0] if after else date.min,
            "lead_id": after[1] if after else UUID(int=0),
            "limit": limit,
        },
    )
    return [(row.lead_id, row.day, row.basis, row.facts) for row in rows]


async def story_of(session: AsyncConnection, lead_id: UUID) -> list[tuple[UUID, str, bytes]]:
    """(event id, topic, value) of everything that happened to a lead."""
    rows = await session.execute(
        text("select id, topic, value from event where lead_id = :lead_id"), {"lead_id": lead_id}
    )
    return [(row.id, row.topic, row.value) for row in rows]


async def events_after(session: AsyncConnection, after: Mapping[int, int], partitions: int, limit: int) -> list[Any]:
    """Events behind the last number of each lane, oldest first; within a lane none is ever skipped."""
    lanes = list(range(partitions))
    rows = await session.execute(
        text(
            "select e.* from unnest(cast(:lanes as int[]), cast(:after as bigint[])) as f(lane, after)"
            " cross join lateral (select * from event where partition = f.lane and n > f.after order by n limit :limit)"
            " e order by e.n limit :limit"
        ),
        {"lanes": lanes, "after": [after.get(lane, 0) for lane in lanes], "limit": limit},
    )
    return list(rows)


async def positions(session: AsyncConnection) -> dict[Stream, Position]:
    """How far analytics has read each stream."""
    rows = await session.execute(text("select topic, partition, epoch, seq from position_in"))
    return {Stream(row[0], row[1]): Position(row[2], row[3]) for row in rows}


async def parked_here(session: AsyncConnection) -> frozenset[UUID]:
    rows = await session.execute(text("select distinct lead_id from parked where state in ('parked', 'behind')"))
    return frozenset(row[0] for row in rows)


async def whereabouts(session: AsyncConnection, closed_at: datetime | None, parked: Sequence[UUID]) -> Counts:
    """Where the leads are that intake had recorded before the watermark, and how many it recorded after it.

    A parked lead is parked wherever else it seems to be, and counts even where its capture itself is parked.
    """
    values = {"at": closed_at, "parked": list(parked)}
    rows = await session.execute(
        text(
            "select case when lead_id = any(cast(:parked as uuid[])) then 'parked' else place end as place,"
            " case when captured_recorded_at >= :at or cast(:at as timestamptz) is null then 'after'"
            " when place is null and touched_at >= :at and lead_id <> all(cast(:parked as uuid[])) then 'unsettled'"
            " else 'before' end as stands, count(*) as n"
            " from lead_fact where captured_recorded_at is not null group by 1, 2"
        ),
        values,
    )
    where: dict[str | None, int] = {}
    rest = {"after": 0, "unsettled": 0}
    for row in rows:
        if row.stands == "before":
            where[row.place] = where.get(row.place, 0) + row.n
        else:
            rest[row.stands] += row.n
    unseen = await session.scalar(
        text(
            "select count(*) from unnest(cast(:parked as uuid[])) p where not exists"
            " (select 1 from lead_fact where lead_id = p and captured_recorded_at is not null)"
        ),
        values,
    )
    if unseen:
        where["parked"] = where.get("parked", 0) + unseen
    return Counts(where, rest["unsettled"], rest["after"], await _examples(session, values) if where.get(None) else [])


async def _examples(session: AsyncConnection, values: Mapping[str, Any]) -> list[UUID]:
    rows = await session.execute(
        text(
            "select lead_id from lead_fact where place is null and captured_recorded_at < :at and touched_at < :at"
            f" and lead_id <> all(cast(:parked as uuid[])) order by captured_recorded_at limit {_EXAMPLES}"
        ),
        values,
    )
    return [row[0] for row in rows]


async def ask_for_rebuild(session: AsyncConnection, partitions: int, now: datetime) -> None:
    """Have every lane rebuilt that is not being rebuilt already."""
    await session.execute(
        text(
            "insert into rebuild (partition, generation, requested_at, listed)"
            " select lane, 1, :now, false from unnest(cast(:lanes as int[])) lane order by lane"
            " on conflict (partition) do update set generation = rebuild.generation + 1, requested_at = :now,"
            " listed = false, done_at = null where rebuild.done_at is not null"
        ),
        {"lanes": list(range(partitions)), "now": now},
    )


async def rebuild_left(session: AsyncConnection) -> tuple[int, int]:
    """(lanes, leads) still to be rebuilt."""
    row = (
        await session.execute(
            text(
                "select count(distinct r.partition) as lanes, count(f.lead_id) as leads from rebuild r"
                " left join lead_fact f on f.partition = r.partition and f.generation < r.generation"
                " where r.done_at is null"
            )
        )
    ).one()
    return row.lanes, row.leads
