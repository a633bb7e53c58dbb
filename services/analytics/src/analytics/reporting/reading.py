"""What reports read: leads in chunks, so that a long report holds nothing up, and the few verdicts and breaches."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import date, datetime, time
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics.domain.facts import NOTHING, Facts, unpack
from shared.contracts import Event, decode

_CHUNK: Final = 500
_BESIDE: Final = ("lead.assigned", "sla.started", "sla.breached")


class Lead(NamedTuple):
    """A lead's row."""

    lead_id: UUID
    day: date
    place: str | None
    facts: Facts


class Whose(NamedTuple):
    """Which leads to read: captured from `since` to `until`, and with anything recorded since `touched_since`."""

    since: date | None = None
    until: date | None = None
    touched_since: datetime | None = None
    may_be_forgotten: bool = False
    """Only those in places where a lead can be forgotten: an owner's queue, waiting, or a pool behind an owner."""


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins."""
    return datetime.combine(day, time.min, zone)


async def leads(session: AsyncConnection, whose: Whose) -> AsyncGenerator[Lead]:
    """These leads, in the order of (day, lead)."""
    query = text(
        "select lead_id, day, place, facts from lead_fact where day >= coalesce(cast(:since as date), '-infinity')"
        " and day <= coalesce(cast(:until as date), 'infinity')"
        " and (cast(:touched as timestamptz) is null or touched_at >= :touched)"
        " and (not :may_be_forgotten or place in ('handoff', 'waiting', 'pool:public', 'pool:nurture',"
        " 'pool:re-marketing'))"
        " and (day, lead_id) > (cast(:day as date), cast(:lead_id as uuid)) order by day, lead_id limit :limit"
    )
    day, lead_id = date.min, UUID(int=0)
    while True:
        rows = (
            await session.execute(
                query,
                {
                    "since": whose.since,
                    "until": whose.until,
                    "touched": whose.touched_since,
                    "may_be_forgotten": whose.may_be_forgotten,
                    "day": day,
                    "lead_id": lead_id,
                    "limit": _CHUNK,
                },
            )
        ).all()
        for row in rows:
            yield Lead(row[0], row[1], row[2], unpack(row[3]) if row[3] else NOTHING)
        if len(rows) < _CHUNK:
            return
        day, lead_id = rows[-1][1], rows[-1][0]


async def facts_of(session: AsyncConnection, lead_ids: Iterable[UUID]) -> dict[UUID, Facts]:
    """The facts of these leads that are known."""
    found: dict[UUID, Facts] = {}
    for chunk in _chunks(sorted(set(lead_ids))):
        rows = await session.execute(
            text("select lead_id, facts from lead_fact where lead_id = any(cast(:leads as uuid[]))"), {"leads": chunk}
        )
        found |= {row[0]: unpack(row[1]) for row in rows if row[1]}
    return found


async def verdicts(
    session: AsyncConnection, topics: Sequence[str], since: datetime | None, until: datetime | None
) -> list[Event]:
    """Rejections by when they happened, breaches and what revoked them by when they were due; from `since` on, before
    `until`.
    """
    instant = "(v ->> case topic when 'lead.rejected' then 'occurred_at' else 'due_at' end)::timestamptz"
    query = text(
        "select n, topic, value from (select n, topic, value, convert_from(value, 'UTF8')::jsonb as v from event"
        " where topic in ('lead.rejected', 'sla.breached', 'sla.revoked') and topic = any(cast(:topics as text[]))"
        f" and n > :after order by n) e where {instant} >= coalesce(cast(:since as timestamptz), '-infinity')"
        f" and {instant} < coalesce(cast(:until as timestamptz), 'infinity') order by n limit :limit"
    )
    found: list[Event] = []
    after = 0
    while True:
        values = {"topics": list(topics), "after": after, "since": since, "until": until, "limit": _CHUNK}
        rows = (await session.execute(query, values)).all()
        found += [event for row in rows if (event := decode(row[1], row[2])) is not None]
        if len(rows) < _CHUNK:
            return found
        after = rows[-1][0]


async def beside(session: AsyncConnection, lead_ids: Iterable[UUID]) -> dict[UUID, list[Event]]:
    """The assignments and promises of these leads."""
    found: dict[UUID, list[Event]] = {}
    for chunk in _chunks(sorted(set(lead_ids))):
        rows = await session.execute(
            text(
                "select lead_id, topic, value from event where lead_id = any(cast(:leads as uuid[]))"
                " and topic = any(cast(:topics as text[])) order by n"
            ),
            {"leads": chunk, "topics": list(_BESIDE)},
        )
        for lead_id, topic, value in rows:
            event = decode(topic, value)
            if event is not None:
                found.setdefault(lead_id, []).append(event)
    return found


def _chunks(lead_ids: Sequence[UUID]) -> list[list[UUID]]:
    return [list(lead_ids[start : start + _CHUNK]) for start in range(0, len(lead_ids), _CHUNK)]
