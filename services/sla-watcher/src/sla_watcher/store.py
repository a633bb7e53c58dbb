"""Sla-watcher's tables: what is known of leads, and their clocks. Lanes are locked before anything here is called."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.desk import due_in_lane
from sla_watcher.domain import Clock, State, next_at
from sla_watcher.domain.aside import Watched

if TYPE_CHECKING:
    from asyncpg import Connection

_ENCODER: Final = msgspec.msgpack.Encoder(uuid_format="bytes")
_WATCHED: Final = msgspec.msgpack.Decoder(Watched)
_CLOCK: Final = msgspec.msgpack.Decoder(Clock)

_KEEP_WATCHED: Final = (
    "insert into lead_fact (lead_id, partition, facts) select * from unnest($1::uuid[], $2::int[], $3::bytea[])"
    " on conflict (lead_id) do update set facts = excluded.facts"
)
# What a clock is about never changes, only how it stands; its due instant moves by a pause alone.
_KEEP_CLOCKS: Final = (
    "insert into clock"
    " (clock_id, lead_id, handoff_id, partition, promise, owner, team, state, due_at, next_at, body)"
    " select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[],"
    " $8::text[], $9::timestamptz[], $10::timestamptz[], $11::bytea[])"
    " on conflict (clock_id) do update"
    " set state = excluded.state, due_at = excluded.due_at, next_at = excluded.next_at, body = excluded.body"
)
_DUE: Final = (
    "select body from clock where partition = $1 and next_at <= $2 order by next_at limit $3 for update skip locked"
)
_NEXT_DUE: Final = text(
    "select p, (select min(next_at) from clock where partition = p and next_at is not null)"
    " from unnest(cast(:partitions as int[])) p"
)


@dataclass(frozen=True, slots=True)
class Question:
    """Which clocks are asked for: all that is given must hold. `teams` bounds to these and to no team's."""

    state: State | None = None
    owner: str | None = None
    lead_id: UUID | None = None
    due_before: datetime | None = None
    teams: Collection[str] = ()
    after: tuple[datetime, UUID] | None = None


async def watched(connection: "Connection", lead_ids: Collection[UUID]) -> dict[UUID, Watched]:
    """What is known of these leads; nothing for a lead that nothing was promised to."""
    rows = await connection.fetch(
        "select lead_id, facts from lead_fact where lead_id = any($1::uuid[])", list(lead_ids)
    )
    return {row[0]: _WATCHED.decode(row[1]) for row in rows}


async def holders(session: AsyncConnection, lead_id: UUID) -> set[tuple[str, str]]:
    """Whoever had the lead at some time: owner and team."""
    kept: bytes | None = await session.scalar(
        text("select facts from lead_fact where lead_id = :lead_id"), {"lead_id": lead_id}
    )
    return (
        set() if kept is None else {(each.owner, each.team) for each in _WATCHED.decode(kept).facts.handoffs.values()}
    )


async def clocks_of(connection: "Connection", lead_ids: Collection[UUID]) -> dict[UUID, dict[UUID, Clock]]:
    """Every clock of these leads, by lead and id."""
    if not lead_ids:
        return {}
    rows = await connection.fetch("select body from clock where lead_id = any($1::uuid[])", list(lead_ids))
    found: dict[UUID, dict[UUID, Clock]] = {}
    for row in rows:
        clock = _CLOCK.decode(row[0])
        found.setdefault(clock.lead_id, {})[clock.clock_id] = clock
    return found


async def keep_watched(connection: "Connection", rows: Iterable[tuple[int, Watched]]) -> None:
    """Write what is known of leads, each with its lane."""
    ordered = sorted(rows, key=lambda row: row[1].facts.lead_id.int)
    if not ordered:
        return
    await connection.execute(
        _KEEP_WATCHED,
        [each.facts.lead_id for _, each in ordered],
        [partition for partition, _ in ordered],
        [_ENCODER.encode(each) for _, each in ordered],
    )


async def keep_clocks(connection: "Connection", rows: Iterable[tuple[int, Clock]]) -> None:
    """Write clocks, new or moved, each with its lane."""
    ordered = sorted(rows, key=lambda row: row[1].clock_id.int)
    if not ordered:
        return
    clocks = [clock for _, clock in ordered]
    await connection.execute(
        _KEEP_CLOCKS,
        [clock.clock_id for clock in clocks],
        [clock.lead_id for clock in clocks],
        [clock.handoff_id for clock in clocks],
        list(map(itemgetter(0), ordered)),
        [clock.promise for clock in clocks],
        [clock.owner for clock in clocks],
        [clock.team for clock in clocks],
        [clock.state for clock in clocks],
        [clock.due_at for clock in clocks],
        [next_at(clock) for clock in clocks],
        [_ENCODER.encode(clock) for clock in clocks],
    )


async def due(connection: "Connection", partition: int, now: datetime, limit: int) -> list[Clock]:
    """The clocks of a lane that time moves now, the longest due first."""
    return [_CLOCK.decode(row[0]) for row in await connection.fetch(_DUE, partition, now, limit)]


async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """When time moves a clock next, by lane."""
    rows = await session.execute(_NEXT_DUE, {"partitions": list(partitions)})
    return due_in_lane([(row[0], row[1]) for row in rows])


async def clock(session: AsyncConnection, clock_id: UUID) -> Clock | None:
    """One clock."""
    body = await session.scalar(text("select body from clock where clock_id = :clock_id"), {"clock_id": clock_id})
    return None if body is None else _CLOCK.decode(body)


async def asked_for(session: AsyncConnection, question: Question, limit: int) -> list[Clock]:
    """The first `limit` clocks that the question asks for, by due instant."""
    after_at, after_id = question.after or (None, None)
    conditions: dict[str, dict[str, object]] = {
        "state = :state": {"state": question.state and question.state.value},
        "owner = :owner": {"owner": question.owner},
        "lead_id = :lead_id": {"lead_id": question.lead_id},
        "due_at < :due_before": {"due_before": question.due_before},
        "(team is null or team = any(cast(:teams as text[])))": {"teams": sorted(question.teams) or None},
        "(due_at, clock_id) > (:after_at, :after_id)": {"after_at": after_at, "after_id": after_id},
    }
    asked = {words: given for words, given in conditions.items() if None not in given.values()}
    where = f"where {' and '.join(asked)}" if asked else ""
    bound = {name: value for given in asked.values() for name, value in given.items()}
    rows = await session.execute(
        text(f"select body from clock {where} order by due_at, clock_id limit :limit"), {**bound, "limit": limit}
    )
    return [_CLOCK.decode(row[0]) for row in rows]
