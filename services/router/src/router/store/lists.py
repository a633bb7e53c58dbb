"""What the API shows: handoffs, pools, the waiting, opportunities, tasks, notes. Keyset pages in the order of ids."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.cases import standing
from router.domain.dossier import Dossier, from_json

Shown = dict[str, Any]
_HANDOFF: Final = (
    "handoff_id, lead_id, owner, team, state, episode, cause, step, offered_at, accepted_at, verdict, reason, rating,"
    " ending, closed_at, pool, told"
)
_OPPORTUNITY: Final = (
    "opportunity_id, lead_id, handoff_id, owner, team, stage, amount_minor, currency, reason, opened_at, closed_at"
)
_TASK: Final = "task_id, lead_id, handoff_id, kind, owner, team, detail, raised_at, due_at, done_at, done_by, outcome"


class Scope(NamedTuple):
    """Whose rows a reader may see: one owner's, some teams', or (neither) all."""

    owner: str | None = None
    teams: Sequence[str] | None = None


class Page(NamedTuple):
    """A page behind a cursor (an id), of so many rows."""

    cursor: UUID | None
    limit: int


class _Told(msgspec.Struct, frozen=True):
    """What a handoff's row keeps of the offer."""

    score_milli: int = 0
    tier: str | None = None
    attributes: msgspec.Raw = msgspec.Raw(b"{}")
    last_engagement: msgspec.Raw = msgspec.Raw(b"null")
    decision: msgspec.Raw = msgspec.Raw(b"null")
    marketing_owner: str | None = None


_TOLD: Final = msgspec.json.Decoder(_Told)


async def handoffs(
    session: AsyncConnection, scope: Scope, page: Page, *, owner: str | None, state: str | None, lead_id: UUID | None
) -> list[Shown]:
    """Handoffs, oldest first; state `open` stands for all that are not closed."""
    rows = await _page(
        session,
        f"select {_HANDOFF} from handoff",
        "handoff_id",
        scope,
        page,
        {
            "owner = :owner": owner,
            "lead_id = cast(:lead_id as uuid)": lead_id,
            "state <> 'closed' and :open": True if state == "open" else None,
            "state = :state": None if state == "open" else state,
        },
        {"owner": owner, "lead_id": lead_id, "state": state, "open": True},
    )
    return [_handoff(row) for row in rows]


async def handoff(session: AsyncConnection, handoff_id: UUID) -> Shown | None:
    """One handoff with its decision record."""
    row = (
        await session.execute(text(f"select {_HANDOFF} from handoff where handoff_id = :id"), {"id": handoff_id})
    ).mappings().one_or_none()  # fmt: skip
    return None if row is None else _handoff(row, with_decision=True)


def _handoff(row: Mapping[Any, Any], *, with_decision: bool = False) -> Shown:
    told = _TOLD.decode(row["told"]) if row["told"] else _Told()
    shown: Shown = {name: value for name, value in row.items() if name != "told"}
    shown |= {
        "score": round(told.score_milli / 1000, 1),
        "score_milli": told.score_milli,
        "tier": told.tier,
        "attributes": told.attributes,
        "last_engagement": told.last_engagement,
        "marketing_owner": told.marketing_owner,
    }
    return {**shown, "decision": told.decision} if with_decision else shown


async def lead_of(session: AsyncConnection, table: str, key: UUID) -> UUID | None:
    """The lead of a handoff or an opportunity."""
    found: UUID | None = await session.scalar(text(f"select lead_id from {table} where {table}_id = :id"), {"id": key})
    return None if found is None else UUID(int=found.int)


async def opportunities(
    session: AsyncConnection, scope: Scope, page: Page, *, owner: str | None, stage: str | None, lead_id: UUID | None
) -> list[Shown]:
    """Opportunities, oldest first."""
    rows = await _page(
        session,
        f"select {_OPPORTUNITY} from opportunity",
        "opportunity_id",
        scope,
        page,
        {"owner = :owner": owner, "lead_id = cast(:lead_id as uuid)": lead_id, "stage = :stage": stage},
        {"owner": owner, "lead_id": lead_id, "stage": stage},
    )
    return [dict(row) for row in rows]


async def opportunity(session: AsyncConnection, opportunity_id: UUID) -> Shown | None:
    """One opportunity."""
    query = text(f"select {_OPPORTUNITY} from opportunity where opportunity_id = :id")
    row = (await session.execute(query, {"id": opportunity_id})).mappings().one_or_none()
    return None if row is None else dict(row)


async def tasks(
    session: AsyncConnection,
    scope: Scope,
    page: Page,
    *,
    owner: str | None,
    lead_id: UUID | None,
    state: str,
    kind: str | None = None,
    due_before: datetime | None = None,
) -> list[Shown]:
    """Tasks, oldest first: `open`, `done` or `all`."""
    rows = await _page(
        session,
        f"select {_TASK} from task",
        "task_id",
        scope,
        page,
        {
            "owner = :owner": owner,
            "lead_id = cast(:lead_id as uuid)": lead_id,
            "kind = :kind": kind,
            "due_at < :due_before": due_before,
            "done_at is null and :yes": True if state == "open" else None,
            "done_at is not null and :yes": True if state == "done" else None,
        },
        {"owner": owner, "lead_id": lead_id, "yes": True, "kind": kind, "due_before": due_before},
    )
    return [dict(row) for row in rows]


async def waiting(session: AsyncConnection, scope: Scope, page: Page, *, reason: str | None) -> list[Shown]:
    """Leads that wait for an owner, with why, since when, and when they are looked at again."""
    rows = await _page(
        session,
        "select lead_id, reason, team, episode, since, wake_at, -rank as score_milli from waiting",
        "lead_id",
        Scope(None, scope.teams),
        page,
        {"reason = :reason": reason},
        {"reason": reason},
    )
    return [{**row, "score": round(row["score_milli"] / 1000, 1)} for row in rows]


async def pool(session: AsyncConnection, name: str, page: Page) -> list[Shown]:
    """Leads in a pool."""
    rows = await _page(
        session,
        "select lead_id, dossier from lead_state",
        "lead_id",
        Scope(),
        page,
        # the raw pool, where most leads are, is not among those that are indexed
        {"place = :pool": name if name == "raw" else None, "pool = :pool": None if name == "raw" else name},
        {"pool": name},
    )
    return [_pooled(row["lead_id"], from_json(row["dossier"])) for row in rows]


def _pooled(lead_id: UUID, dossier: Dossier) -> Shown:
    score_milli, tier = standing(dossier)
    return {
        "lead_id": lead_id,
        "since": dossier.pooled.since if dossier.pooled else dossier.captured_at,
        "cause": dossier.pooled.cause if dossier.pooled else None,
        "status": dossier.status,
        "score": round(score_milli / 1000, 1),
        "score_milli": score_milli,
        "tier": tier,
        "attributes": dossier.attributes,
        "last_engagement": dossier.last_engagement,
    }


async def dossier(session: AsyncConnection, lead_id: UUID) -> Dossier | None:
    """What the router knows of a lead."""
    row = await session.scalar(text("select dossier from lead_state where lead_id = :id"), {"id": lead_id})
    return None if row is None else from_json(row)


async def notes(session: AsyncConnection, lead_id: UUID) -> dict[tuple[str, str], str]:
    """What was typed about a lead, by kind and subject."""
    rows = await session.execute(text("select about, subject, text from note where lead_id = :id"), {"id": lead_id})
    return {(row[0], row[1]): row[2] for row in rows}


CLAIMS: Final = (
    "select count(*) filter (where offered_at >= $3), count(*) filter (where state <> 'closed') from handoff"
    " where owner = $1 and pool = $2 and (state <> 'closed' or offered_at >= $3)"
)
"""How many a rep ($1) claimed from a pool ($2) since the day began ($3), and how many of all claims are still open."""


async def open_work(session: AsyncConnection, rep: str) -> int:
    """How many handoffs and opportunities of a rep are open."""
    count: int | None = await session.scalar(
        text(
            "select (select count(*) from handoff where owner = :rep and state <> 'closed')"
            " + (select count(*) from opportunity where owner = :rep and closed_at is null)"
        ),
        {"rep": rep},
    )
    return count or 0


async def desks(session: AsyncConnection) -> dict[str, bytes]:
    """The teams' desks as they are kept."""
    rows = await session.execute(text("select id, desk from team"))
    return {row[0]: row[1] for row in rows}


async def _page(
    session: AsyncConnection,
    select: str,
    key: str,
    scope: Scope,
    page: Page,
    filters: Mapping[str, object],
    values: Mapping[str, object],
) -> Sequence[Mapping[Any, Any]]:
    """Rows behind the cursor that pass the filters that were given (those whose value is not None)."""
    conditions = [condition for condition, given in filters.items() if given is not None]
    if scope.owner is not None:
        conditions.append("owner = :scope_owner")
    if scope.teams is not None:
        conditions.append("team = any(cast(:scope_teams as text[]))")
    if page.cursor is not None:
        conditions.append(f"{key} > cast(:cursor as uuid)")
    where = f" where {' and '.join(conditions)}" if conditions else ""
    query = f"{select}{where} order by {key} limit :limit"
    given = {
        **values,
        "scope_owner": scope.owner,
        "scope_teams": scope.teams,
        "cursor": page.cursor,
        "limit": page.limit,
    }
    used = {name: value for name, value in given.items() if f":{name}" in query}
    return (await session.execute(text(query), used)).mappings().all()
