"""Scorer's tables: dossiers by lead, those due by the passing of time, and the draft of a scorecard."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from scorer.domain.dossier import Dossier
from scorer.domain.dossier_json import from_json, to_json
from scorer.domain.episodes import Outcome
from shared.runtime.desk import due_in_lane

if TYPE_CHECKING:
    from asyncpg import Connection

_COLUMNS: Final = ("lead_id", "partition", "body", "score_milli", "tier", "next_change")
_KEEP: Final = (
    "update dossier set body = now.body, score_milli = now.score_milli, tier = now.tier, next_change = now.next_change"
    " from unnest($1::uuid[], $2::bytea[], $3::int[], $4::text[], $5::timestamptz[])"
    " as now (lead_id, body, score_milli, tier, next_change) where dossier.lead_id = now.lead_id"
)

_DRAFT: Final = "body, based_on, saved_by, saved_at"


class Kept(NamedTuple):
    """A lead's row as it is to be written."""

    lead_id: UUID
    partition: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Draft:
    """A scorecard that is not live yet; `based_on` is the version that was when it was saved."""

    body: Mapping[str, Any]
    based_on: int
    saved_by: str
    saved_at: datetime


async def dossiers_of(connection: "Connection", lead_ids: Iterable[UUID]) -> dict[UUID, Dossier]:
    """The dossiers of these leads that are known."""
    rows = await connection.fetch("select lead_id, body from dossier where lead_id = any($1::uuid[])", list(lead_ids))
    return {row[0]: from_json(row[1]) for row in rows}


async def dossier_of(session: AsyncConnection, lead_id: UUID) -> Dossier | None:
    """One lead's dossier."""
    body = await session.scalar(text("select body from dossier where lead_id = :lead"), {"lead": lead_id})
    return None if body is None else from_json(body)


async def dossiers_after(
    connection: "Connection", partition: int, after: UUID | None, limit: int
) -> list[tuple[UUID, Dossier]]:
    """The next dossiers of a lane by lead id: how long work goes through all of them."""
    rows = await connection.fetch(
        "select lead_id, body from dossier where partition = $1 and lead_id > $2 order by lead_id limit $3",
        partition,
        after or UUID(int=0),
        limit,
    )
    return [(row[0], from_json(row[1])) for row in rows]


async def add(connection: "Connection", rows: Sequence[Kept]) -> None:
    """Write the rows of leads that have none: copied, which costs half of an insert."""
    if rows:
        await connection.copy_records_to_table("dossier", records=[_row(*row) for row in rows], columns=_COLUMNS)


def _row(lead_id: UUID, partition: int, outcome: Outcome) -> tuple[object, ...]:
    score = outcome.score
    if score is None:
        return lead_id, partition, to_json(outcome.dossier), None, None, None
    return lead_id, partition, to_json(outcome.dossier), score.milli, score.tier.name, outcome.next_change


async def keep(connection: "Connection", rows: Sequence[Kept]) -> None:
    """Write how leads that have a row stand now, in one statement."""
    if not rows:
        return
    outcomes = [row.outcome for row in rows]
    scores = [outcome.score for outcome in outcomes]
    await connection.execute(
        _KEEP,
        [row.lead_id for row in rows],
        [to_json(outcome.dossier) for outcome in outcomes],
        [score and score.milli for score in scores],
        [score and score.tier.name for score in scores],
        [outcome.next_change for outcome in outcomes],
    )


async def next_changes(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """When each lane's next lead can change its tier by time alone."""
    rows = await session.execute(
        text(
            "select p, (select min(next_change) from dossier where partition = p and next_change is not null)"
            " from unnest(cast(:partitions as int[])) p"
        ),
        {"partitions": list(partitions)},
    )
    return due_in_lane([(row[0], row[1]) for row in rows])


async def due(connection: "Connection", partition: int, at: datetime, limit: int) -> dict[UUID, Dossier]:
    """The dossiers of a lane whose next change has come, the longest due first, locked."""
    rows = await connection.fetch(
        "select lead_id, body from dossier where partition = $1 and next_change <= $2"
        " order by next_change limit $3 for update skip locked",
        partition,
        at,
        limit,
    )
    return {row[0]: from_json(row[1]) for row in rows}


async def draft(session: AsyncConnection) -> Draft | None:
    """The scorecard that is being written."""
    return _draft((await session.execute(text(f"select {_DRAFT} from scorecard_draft"))).one_or_none())


async def take_draft(session: AsyncConnection) -> Draft | None:
    """The draft, taken out to go live; one that is saved meanwhile waits for us and stays."""
    return _draft((await session.execute(text(f"delete from scorecard_draft returning {_DRAFT}"))).one_or_none())


def _draft(row: Row[Any] | None) -> Draft | None:
    if row is None:
        return None
    body = row.body if isinstance(row.body, dict) else orjson.loads(row.body)
    return Draft(body, row.based_on, row.saved_by, row.saved_at)


async def save_draft(session: AsyncConnection, saved: Draft) -> None:
    """Keep this draft in the place of the one before."""
    await session.execute(
        text(
            "insert into scorecard_draft (body, based_on, saved_by, saved_at)"
            " values (cast(:body as jsonb), :based_on, :saved_by, :saved_at) on conflict (only_one) do update"
            " set body = excluded.body, based_on = excluded.based_on, saved_by = excluded.saved_by,"
            " saved_at = excluded.saved_at"
        ),
        {
            "body": orjson.dumps(saved.body).decode(),
            "based_on": saved.based_on,
            "saved_by": saved.saved_by,
            "saved_at": saved.saved_at,
        },
    )
