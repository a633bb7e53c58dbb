"""Leads that nobody could take yet, in the order in which they are looked at again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.cases import Case, QueuePlace, standing

if TYPE_CHECKING:
    from asyncpg import Connection

_KEEP = (
    "insert into waiting (lead_id, partition, team, reason, episode, since, rank, wake_at, basis)"
    " select * from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], $7::int[],"
    " $8::timestamptz[], $9::int[]) on conflict (lead_id) do update set team = excluded.team,"
    " reason = excluded.reason, episode = excluded.episode, since = excluded.since, rank = excluded.rank,"
    " wake_at = excluded.wake_at, woken = false, basis = excluded.basis"
)
_DUE = (
    "select lead_id, team, rank, since, woken from waiting where partition = $1 and (wake_at <= $2 or basis < $3)"
    " order by rank, since, lead_id limit $4"
)
# its basis is today's: it was looked at, in vain
_POSTPONE = (
    "update waiting set wake_at = $4, woken = false, basis = $3 where lead_id = (select lead_id from waiting"
    " where partition = $1 and (wake_at <= $2 or basis < $3) order by rank, since, lead_id limit 1) returning lead_id"
)
# a row that its lane has in hand is skipped: it is being looked at, and will be under the team's lock that we hold
_WAKE = (
    "update waiting w set wake_at = $3, woken = true from (select lead_id from waiting where team = $1 and not woken"
    " and (wake_at is null or wake_at > $3)"
    " and ($4::int is null or (rank, since, lead_id) > ($4::int, $5::timestamptz, $6::uuid))"
    " order by rank, since, lead_id limit $2 for update skip locked) called where w.lead_id = called.lead_id"
)
_NEXT_DUE = text(
    "select p, least((select min(wake_at) from waiting where partition = p),"
    " (select b.since where exists (select 1 from waiting where partition = p and basis < b.basis)))"
    " from unnest(cast(:partitions as int[])) p cross join (select sum(newest.version)::int as basis,"
    " max(newest.effective_from) as since from (select distinct on (kind) version, effective_from from policy"
    " where kind in ('routing', 'calendars') order by kind, version desc) newest) b"
)
_SHORTEST_SLEEP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """A waiting lead that is to be looked at. `woken`: it was called, its time had not come."""

    place: QueuePlace
    team: str | None
    woken: bool

    @property
    def lead_id(self) -> UUID:
        return self.place.lead_id


async def due(connection: "Connection", partition: int, now: datetime, basis: int, limit: int) -> list[Row]:
    """Of one lane: whose time has come, and who was last looked at under older policies. The lane is locked."""
    rows = await connection.fetch(_DUE, partition, now, basis, limit)
    return [Row(QueuePlace(row[2], row[3], UUID(int=row[0].int)), row[1], row[4]) for row in rows]


async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> list[tuple[int, datetime | None]]:
    """The earliest instant of each lane; a published policy makes all of its waiting due."""
    rows = await session.execute(_NEXT_DUE, {"partitions": list(partitions)})
    return [(row[0], row[1]) for row in rows]


async def wake(
    connection: "Connection", team: str, count: int, now: datetime, *, after: QueuePlace | None = None
) -> None:
    """Call the first `count` waiting of a team whose row we hold; those who are called already are passed over."""
    await connection.execute(_WAKE, team, count, now, *(after or (None, None, None)))


async def keep(
    connection: "Connection", cases: Sequence[Case], queued: Sequence[Case], now: datetime, basis: int
) -> None:
    """Write who waits after this transaction, and take out who did before it and does not any more."""
    gone = [case.lead_id for case in queued if case.has_left_waiting]
    if gone:
        await connection.execute("delete from waiting where lead_id = any($1::uuid[])", gone)
    rows = [(case, wanting) for case in cases if case.looked and (wanting := case.dossier.wanting) is not None]
    if not rows:
        return
    await connection.execute(
        _KEEP,
        [case.lead_id for case, _ in rows],
        [case.partition for case, _ in rows],
        [wanting.team for _, wanting in rows],
        [wanting.reason for _, wanting in rows],
        [wanting.episode for _, wanting in rows],
        [wanting.since for _, wanting in rows],
        [-standing(case.dossier)[0] for case, _ in rows],
        [now if case.deferred else _later(wanting.wake_at, now) for case, wanting in rows],
        [basis for _ in rows],
    )


async def postpone(connection: "Connection", partition: int, now: datetime, basis: int, until: datetime) -> UUID | None:
    """The first that `due` would give waits until then; None where there is none."""
    row = await connection.fetchrow(_POSTPONE, partition, now, basis, until)
    return None if row is None else UUID(int=row[0].int)


async def forget(connection: "Connection", lead_ids: Sequence[UUID]) -> None:
    """Take rows out whose leads want no owner."""
    if lead_ids:
        await connection.execute("delete from waiting where lead_id = any($1::uuid[])", list(lead_ids))


def _later(wake_at: datetime | None, now: datetime) -> datetime | None:
    """Never at once again: a calendar that says `now` must not make the lane spin."""
    return None if wake_at is None else max(wake_at, now + _SHORTEST_SLEEP)
