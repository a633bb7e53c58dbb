"""Submissions that await their answers: their rows, what is due, and how fetching goes door by door."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from intake import queries
from shared.runtime.desk import due_in_lane
from shared.runtime.streams import partition_of

if TYPE_CHECKING:
    from asyncpg import Connection

_AWAIT: Final = """
insert into awaiting (submission_id, partition, door, due_at, since)
select a.submission_id, a.partition, a.door, $4, $4 from unnest($1::uuid[], $2::int[], $3::text[])
  as a(submission_id, partition, door)
"""
# Locked rows are another process's; a claim is of real time, so that it runs out while the clock stands.
_CLAIM: Final = """
update awaiting a set claimed_until = now() + make_interval(secs => :claim_s) from (
  select w.submission_id from unnest(cast(:doors as text[]), cast(:rooms as int[])) as d(door, room)
  cross join lateral (
    select submission_id from awaiting w where w.door = d.door and w.due_at <= :now
      and (w.claimed_until is null or w.claimed_until < now())
    order by w.due_at, w.submission_id limit d.room for update skip locked
  ) w
) due, submission s
where a.submission_id = due.submission_id and s.submission_id = a.submission_id
returning a.submission_id, a.door, a.since, a.tries, s.raw, s.received_at
"""


class Waiting(NamedTuple):
    """One submission whose answers are due to be fetched."""

    submission_id: UUID
    door: str
    since: datetime
    tries: int
    raw: bytes
    received_at: datetime


class DoorWait(NamedTuple):
    """What awaits its answers at a door."""

    door: str
    submissions: int
    since: datetime


class DoorFetch(NamedTuple):
    """How fetching goes for a door."""

    door: str
    fetched_at: datetime | None
    refused_since: datetime | None
    refusals: int
    refused_why: str | None


async def await_answers(
    connection: "Connection", rows: Sequence[tuple[UUID, str]], partitions: int, now: datetime
) -> None:
    """Have the answers of these submissions (id, door) fetched, at once."""
    await connection.execute(
        _AWAIT,
        [submission_id for submission_id, _ in rows],
        [partition_of(submission_id, partitions) for submission_id, _ in rows],
        [door for _, door in rows],
        now,
    )


async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """The earliest due instant of each lane: also of what is being fetched this moment."""
    query = text(
        "select p, (select min(due_at) from awaiting where partition = p) from unnest(cast(:partitions as int[])) p"
    )
    rows = await session.execute(query, {"partitions": list(partitions)})
    return due_in_lane([(row[0], row[1]) for row in rows])


async def doors_due(session: AsyncConnection, now: datetime) -> list[str]:
    """The doors at which something is due and nobody fetches it yet."""
    query = text(
        "select distinct door from awaiting where due_at <= :now and (claimed_until is null or claimed_until < now())"
    )
    return list((await session.scalars(query, {"now": now})).all())


async def claim(
    session: AsyncConnection, room: Mapping[str, int], now: datetime, limit: int, claim_s: float
) -> list[Waiting]:
    """Take what is due, of each door as many as there is room for; nobody else takes them for a while."""
    if not room:
        return []
    rooms = [min(limit, at_most) for at_most in room.values()]
    values = {"doors": list(room), "rooms": rooms, "now": now, "claim_s": claim_s}
    rows = await session.execute(text(_CLAIM), values)
    found = [Waiting(row[0], row[1], row[2], row[3], bytes(row[4] or b""), row[5]) for row in rows]
    return sorted(found, key=lambda one: one.submission_id)


async def done(session: AsyncConnection, submission_id: UUID) -> None:
    """It awaits nothing any more."""
    await session.execute(text("delete from awaiting where submission_id = :id"), {"id": submission_id})


async def again(session: AsyncConnection, one: Waiting, due_at: datetime, trouble: str, why: str) -> None:
    """Try it again later; the submission says why."""
    values = {"id": one.submission_id, "due": due_at, "tries": one.tries + 1, "trouble": trouble, "why": why}
    await session.execute(
        text(
            "update awaiting set due_at = :due, tries = :tries, claimed_until = null, trouble = :trouble"
            " where submission_id = :id"
        ),
        values,
    )
    await session.execute(
        text("update submission set reason = :why where submission_id = :id and state = 'awaiting'"), values
    )


async def pause(session: AsyncConnection, door: str, until: datetime) -> None:
    """Leave everything of a door alone for a while: the vendor asks for fewer calls."""
    await session.execute(
        text("update awaiting set due_at = :until where door = :door and due_at < :until"),
        {"door": door, "until": until},
    )


async def park(session: AsyncConnection, one: Waiting, why: str, now: datetime) -> None:
    """Give up for now: it is parked with its notification, and a replay fetches again."""
    parked = await session.scalar(
        text(
            "update submission set state = 'parked', reason = :why where submission_id = :id and state = 'awaiting'"
            " returning 1"
        ),
        {"id": one.submission_id, "why": why},
    )
    if parked is not None:
        await queries.count_again(session, one.door, "awaiting", -1, now)
        await queries.count_again(session, one.door, "parked", 1, now)
    await done(session, one.submission_id)


async def hasten(session: AsyncConnection, now: datetime) -> None:
    """A secret was set: what a refused token holds up is tried at once."""
    await session.execute(
        text("update awaiting set due_at = :now where trouble = 'token' and due_at > :now"), {"now": now}
    )


async def went_well(session: AsyncConnection, door: str, now: datetime) -> None:
    """The vendor answered: whatever it refused before is over."""
    await session.execute(
        text(
            "insert into door_fetch (door, fetched_at) values (:door, :now) on conflict (door) do update"
            " set fetched_at = excluded.fetched_at, refused_since = null, refused_why = null"
        ),
        {"door": door, "now": now},
    )


async def was_refused(session: AsyncConnection, door: str, why: str, now: datetime) -> None:
    """The vendor refuses the door's token."""
    await session.execute(
        text(
            "insert into door_fetch as f (door, refused_since, refusals, refused_why) values (:door, :now, 1, :why)"
            " on conflict (door) do update set refused_since = coalesce(f.refused_since, excluded.refused_since),"
            " refusals = f.refusals + 1, refused_why = excluded.refused_why"
        ),
        {"door": door, "now": now, "why": why},
    )


async def waits(session: AsyncConnection) -> dict[str, DoorWait]:
    """What awaits its answers, by door."""
    rows = await session.execute(text("select door, count(*), min(since) from awaiting group by door"))
    return {row[0]: DoorWait(*row) for row in rows}


async def fetches(session: AsyncConnection) -> dict[str, DoorFetch]:
    """How fetching goes, by door."""
    rows: Any = await session.execute(
        text("select door, fetched_at, refused_since, refusals, refused_why from door_fetch")
    )
    return {row[0]: DoorFetch(*row) for row in rows}
