"""Sla-watcher's tables: what is known of leads, and their clocks. Lanes are locked before anything here is called."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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

_WATCHED_COLUMNS: Final = ("lead_id", "partition", "clocks", "facts")
_KEEP_WATCHED: Final = (
    "update lead_fact set clocks = lead_fact.clocks + now.more, facts = now.facts"
    " from unnest($1::uuid[], $2::int[], $3::bytea[]) as now (lead_id, more, facts)"
    " where lead_fact.lead_id = now.lead_id"
)
_CLOCK_COLUMNS: Final = (
    "clock_id", "lead_id", "handoff_id", "partition", "owner", "team", "state", "due_at", "next_at", "quiet", "body"
)  # fmt: skip
# What a clock is about never changes, only how it stands; its due instant moves by a pause alone.
_KEEP_CLOCKS: Final = (
    "update clock set state = now.state, due_at = now.due_at, next_at = now.next_at, quiet = now.quiet, body = now.body"
    " from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bool[], $6::bytea[])"
    " as now (clock_id, state, due_at, next_at, quiet, body) where clock.clock_id = now.clock_id"
)
# Lead by lead: before its first statistics a table is taken to hold few leads, and is read as a whole for many of them.
_OF_LEADS: Final = (
    "select c.body from unnest($1::uuid[]) as wanted (lead_id)"
    " cross join lateral (select body from clock where lead_id = wanted.lead_id offset 0) c"
)
_BY_DUE: Final = "order by due_at, clock_id limit :limit"
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


async def holders(session: AsyncConnection, lead_ids: Collection[UUID]) -> dict[UUID, set[tuple[str, str]]]:
    """Whoever had each of these leads at some time: owner and team."""
    if not lead_ids:
        return {}
    query = text("select lead_id, facts from lead_fact where lead_id = any(cast(:lead_ids as uuid[]))")
    rows = await session.execute(query, {"lead_ids": sorted(set(lead_ids))})
    return {
        row[0]: {(each.owner, each.team) for each in _WATCHED.decode(row[1]).facts.handoffs.values()} for row in rows
    }


async def clocks_of(connection: "Connection", lead_ids: Collection[UUID]) -> dict[UUID, dict[UUID, Clock]]:
    """Every clock of these leads, by lead and id."""
    if not lead_ids:
        return {}
    rows = await connection.fetch(_OF_LEADS, list(lead_ids))
    found: dict[UUID, dict[UUID, Clock]] = {}
    for row in rows:
        clock = _CLOCK.decode(row[0])
        found.setdefault(clock.lead_id, {})[clock.clock_id] = clock
    return found


async def add_watched(connection: "Connection", rows: Sequence[tuple[int, Watched, int]]) -> None:
    """Write what is known of leads that nothing was known of, each with its lane and how many clocks it got.

    Copied, which costs half.
    """
    if rows:
        records = [(each.facts.lead_id, partition, more, _ENCODER.encode(each)) for partition, each, more in rows]
        await connection.copy_records_to_table("lead_fact", records=records, columns=_WATCHED_COLUMNS)


async def keep_watched(connection: "Connection", rows: Sequence[tuple[Watched, int]]) -> None:
    """Write what is known now of leads that something was known of, each with how many clocks it got."""
    if rows:
        await connection.execute(
            _KEEP_WATCHED,
            [each.facts.lead_id for each, _ in rows],
            [more for _, more in rows],
            [_ENCODER.encode(each) for each, _ in rows],
        )


async def add_clocks(connection: "Connection", rows: Sequence[tuple[int, Clock]]) -> None:
    """Write new clocks, each with its lane."""
    records = [
        (
            clock.clock_id,
            clock.lead_id,
            clock.handoff_id,
            partition,
            clock.owner,
            clock.team,
            clock.state,
            clock.due_at,
            next_at(clock),
            clock.quiet,
            _ENCODER.encode(clock),
        )
        for partition, clock in rows
    ]
    if records:
        await connection.copy_records_to_table("clock", records=records, columns=_CLOCK_COLUMNS)


async def keep_clocks(connection: "Connection", clocks: Sequence[Clock]) -> None:
    """Write how clocks stand now."""
    if clocks:
        await connection.execute(
            _KEEP_CLOCKS,
            [clock.clock_id for clock in clocks],
            [clock.state for clock in clocks],
            [clock.due_at for clock in clocks],
            [next_at(clock) for clock in clocks],
            [clock.quiet for clock in clocks],
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
    bound = {name: value for given in asked.values() for name, value in given.items()}
    # Running clocks and the others have an index each by due instant: none stands in both, and each is cheaper to write.
    halves: list[tuple[str, ...]] = [()] if question.state else [("state = 'running'",), ("state <> 'running'",)]
    firsts = " union all ".join(_first(*half, *asked) for half in halves)
    rows = await session.execute(text(f"select body from ({firsts}) found {_BY_DUE}"), {**bound, "limit": limit})
    return [_CLOCK.decode(row[0]) for row in rows]


def _first(*conditions: str) -> str:
    return f"(select body, due_at, clock_id from clock where {' and '.join(conditions)} {_BY_DUE})"
