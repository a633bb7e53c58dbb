"""What the API reads and the few single-lead writes: functions named after the question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.domain.engagement import Engagement
from intake.domain.people import Key
from intake.domain.traces import BETWEEN_DIGITS, traces_of

_LEAD = (
    "select lead_id, captured_at, updated_at, door, submission_id, fields, attributes, marketing_owner, is_test,"
    " erased_at from lead l"
)
_SUBMISSION = (
    "select submission_id, lead_id, door, vendor_id, state, reason, fields, received_at, content_type from submission"
)

# Of the submissions' keys only those of content are given up: who sends the same anew is a new person, while a
# vendor's redelivery or a retry under an Idempotency-Key is not.
_FORGET = (
    """
    delete from engagement e using identity_key k
    where k.lead_id = :id and e.lead_id is null and e.key_kind = k.kind and e.key_value = k.value
    """,
    "delete from identity_key where lead_id = :id",
    "update engagement set content = null, url = null where lead_id = :id",
    """
    update submission set raw = null, fields = null, vendor_id = null, reason = null, content_type = null,
      seen_key = case when seen_until is null or digest is not null then seen_key end
    where lead_id = :id
    """,
    """
    update lead set fields = '{}', attributes = '{}', marketing_owner = null, erased_at = :now, updated_at = :now
    where lead_id = :id
    """,
)


_FORGET_PARKED = """
update submission set raw = null, fields = null, vendor_id = null, content_type = null, reason = :reason,
  seen_key = case when seen_until is null or digest is not null then seen_key end
where state = 'parked' and raw is not null and (
  encode(raw, 'escape') ~* any(cast(:emails as text[]))
  or regexp_replace(encode(raw, 'escape'), :between, '', 'g') ~ any(cast(:phones as text[])))
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search for leads: by whole keys, a part of the name, or a tag."""

    keys: tuple[Key, ...] = ()
    name: str | None = None
    before: UUID | None = None
    limit: int = 50
    tag: str | None = None


async def the_lead(session: AsyncConnection, lead_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    """A lead, with its row locked where something will change."""
    query = f"{_LEAD} where lead_id = :id{' for update' if lock else ''}"
    return (await session.execute(text(query), {"id": lead_id})).one_or_none()


async def submissions_of(session: AsyncConnection, lead_id: UUID) -> list[UUID]:
    """A lead's submissions, oldest first."""
    query = text("select submission_id from submission where lead_id = :id order by submission_id limit 1000")
    return list((await session.scalars(query, {"id": lead_id})).all())


async def leads_like(session: AsyncConnection, wanted: Wanted) -> Sequence[Row[Any]]:
    """Leads by a search, newest first."""
    where = ["erased_at is null"]
    values: dict[str, Any] = {"limit": wanted.limit}
    if wanted.keys:
        where.append(
            "lead_id in (select lead_id from identity_key k join"
            " unnest(cast(:kinds as text[]), cast(:found as text[])) as w(kind, value) using (kind, value))"
        )
        values |= {"kinds": [key.kind for key in wanted.keys], "found": [key.value for key in wanted.keys]}
    if wanted.name is not None:
        where.append("strpos(lower(fields ->> 'name'), lower(cast(:name as text))) > 0")
        values["name"] = wanted.name
    if wanted.tag is not None:
        where.append("fields -> 'tags' @> to_jsonb(cast(:tag as text))")
        values["tag"] = wanted.tag
    if wanted.before is not None:
        where.append("lead_id < :before")
        values["before"] = wanted.before
    query = text(f"{_LEAD} where {' and '.join(where)} order by lead_id desc limit :limit")
    return (await session.execute(query, values)).all()


async def the_submission(session: AsyncConnection, submission_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    """A submission with its raw body."""
    query = (
        f"{_SUBMISSION.replace(' from', ', raw, part from')} where submission_id = :id{' for update' if lock else ''}"
    )
    return (await session.execute(text(query), {"id": submission_id})).one_or_none()


async def submissions_like(
    session: AsyncConnection, given: dict[str, str | UUID], before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Submissions by door, state and lead, newest first."""
    where = [f"{name} = :{name}" for name in given] or ["true"]
    values: dict[str, Any] = {**given, "limit": limit}
    if before is not None:
        where.append("submission_id < :before")
        values["before"] = before
    query = text(f"{_SUBMISSION} where {' and '.join(where)} order by submission_id desc limit :limit")
    return (await session.execute(query, values)).all()


async def forget(session: AsyncConnection, lead_id: UUID, now: datetime) -> None:
    """Delete all that says who a lead was. What its vendors' ids hash to stays, so that a redelivery stays erased."""
    values = {"id": lead_id, "now": now}
    for statement in _FORGET:
        await session.execute(text(statement), values)


async def forget_parked(session: AsyncConnection, lead_id: UUID) -> None:
    """Empty the parked submissions and rows of files that hold an address or number of a lead: no lead has them yet.

    They stay parked, so that arrivals are accounted for. To be asked before the lead is locked, as a replay locks.
    """
    keys = await session.execute(text("select kind, value from identity_key where lead_id = :id"), {"id": lead_id})
    traces = traces_of(Key(row[0], row[1]) for row in keys)
    if traces.emails or traces.phones:
        values = {
            **traces._asdict(),
            "between": BETWEEN_DIGITS,
            "reason": "its person was erased, and its body with it",
        }
        await session.execute(text(_FORGET_PARKED), values)


async def erased_among(session: AsyncConnection, lead_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Which of these leads exist, and whether each is erased; held so until the end of the transaction."""
    query = text(
        "select lead_id, erased_at is not null from lead where lead_id = any(cast(:ids as uuid[]))"
        " order by lead_id for share"
    )
    return {row[0]: row[1] for row in await session.execute(query, {"ids": sorted(set(lead_ids))})}


async def owners_of(session: AsyncConnection, keys: Sequence[Key]) -> dict[Key, UUID]:
    """The leads that have these keys."""
    query = text(
        "select kind, value, lead_id from identity_key join"
        " unnest(cast(:kinds as text[]), cast(:found as text[])) as w(kind, value) using (kind, value)"
    )
    values = {"kinds": [key.kind for key in keys], "found": [key.value for key in keys]}
    return {Key(row[0], row[1]): row[2] for row in await session.execute(query, values)}


async def keep_engagements(
    session: AsyncConnection, rows: Sequence[tuple[UUID, UUID | None, Engagement]], now: datetime
) -> set[UUID]:
    """Keep engagements (id, lead or none, what); the ids of those that were new."""
    if not rows:
        return set()
    ordered = sorted(rows, key=lambda row: row[0])
    waiting = [(None, None) if lead_id else what.keys[0] for _, lead_id, what in ordered]
    query = text(
        "insert into engagement (engagement_id, lead_id, key_kind, key_value, kind, content, url, occurred_at,"
        " recorded_at) select n.*, cast(:now as timestamptz) from unnest(cast(:ids as uuid[]), cast(:leads as uuid[]),"
        " cast(:key_kinds as text[]), cast(:key_values as text[]), cast(:kinds as text[]), cast(:contents as text[]),"
        " cast(:urls as text[]), cast(:times as timestamptz[])) as n on conflict do nothing returning engagement_id"
    )
    values = {
        "now": now,
        "ids": [engagement_id for engagement_id, _, _ in ordered],
        "leads": [lead_id for _, lead_id, _ in ordered],
        "key_kinds": [kind for kind, _ in waiting],
        "key_values": [value for _, value in waiting],
        "kinds": [what.kind for _, _, what in ordered],
        "contents": [what.content for _, _, what in ordered],
        "urls": [what.url for _, _, what in ordered],
        "times": [what.occurred_at for _, _, what in ordered],
    }
    return set((await session.scalars(query, values)).all())


async def wake_engagements(session: AsyncConnection) -> list[dict[str, Any]]:
    """Give waiting engagements to the leads that have got their keys meanwhile."""
    query = text(
        "update engagement e set lead_id = k.lead_id, key_kind = null, key_value = null from identity_key k"
        " where e.lead_id is null and e.key_kind = k.kind and e.key_value = k.value"
        " returning e.engagement_id, e.lead_id, e.kind, e.content, e.occurred_at"
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def expire(session: AsyncConnection, now: datetime, *, waiting: timedelta) -> None:
    """Delete what nobody became known for."""
    await session.execute(
        text("delete from engagement where lead_id is null and recorded_at < :before"), {"before": now - waiting}
    )


class Tally(NamedTuple):
    """How many arrivals of a door went into a state, and the last time one did."""

    door: str
    state: str
    arrivals: int
    last_at: datetime


async def tallies(session: AsyncConnection) -> list[Tally]:
    """Arrivals by door and state."""
    rows = await session.execute(text("select door, state, count, last_at from arrival_tally"))
    return [Tally(*row) for row in rows]


async def count_again(session: AsyncConnection, door: str, state: str, change: int, now: datetime) -> None:
    """Correct the count of a door's arrivals in one state."""
    await session.execute(
        text(
            "insert into arrival_tally as t (door, state, count, last_at) values (:door, :state, :change, :now)"
            " on conflict (door, state) do update set count = t.count + excluded.count"
        ),
        {"door": door, "state": state, "change": change, "now": now},
    )
