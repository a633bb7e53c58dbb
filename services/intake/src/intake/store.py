"""Intake's tables: the few set-based statements of a group commit. What the API reads is in queries.py."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import orjson

from intake.domain.people import Key

if TYPE_CHECKING:
    from asyncpg import Connection

# Each key is looked up by itself: a join would read the whole table as long as that is small or not yet analysed.
_LOOK: Final = """
select 0 as what, seen_key, submission_id, lead_id, state as word, null::text as value, digest, seen_until, 0 as version
  from submission where seen_key = any($1::bytea[])
union all
select 1, null, null, k.lead_id, w.kind, w.value, null, null, 0
  from unnest($2::text[], $3::text[]) as w(kind, value)
  cross join lateral (select lead_id from identity_key where kind = w.kind and value = w.value limit 1) k
union all
select 2, null, null, null, kind, null, null, null, max(version)
  from policy where kind in ('doors', 'fields') and effective_from <= $4 group by kind
"""
_LOCK: Final = """
select lead_id, fields::text as fields, attributes::text as attributes, erased_at
from lead where lead_id = any($1::uuid[]) order by lead_id for update
"""
_GIVE_UP: Final = "update submission set seen_key = null where seen_key = any($1::bytea[]) and seen_until <= $2"
_CHANGE: Final = """
update lead l set fields = c.fields, attributes = c.attributes, updated_at = $4::timestamptz
from unnest($1::uuid[], $2::jsonb[], $3::jsonb[]) as c(lead_id, fields, attributes) where l.lead_id = c.lead_id
"""
# One statement, so that a group costs one round trip; the rows come sorted, so that groups wait in one order. Instants
# come as seconds and JSON as text: the driver takes several times as long for their own types.
_KEEP: Final = """
with claimed as (
  insert into identity_key (kind, value, lead_id) select * from unnest($1::text[], $2::text[], $3::uuid[])
  on conflict do nothing returning kind, value, lead_id
), woken as (
  update engagement e set lead_id = c.lead_id, key_kind = null, key_value = null from claimed c
  where e.lead_id is null and e.key_kind = c.kind and e.key_value = c.value
  returning e.engagement_id, e.lead_id, e.kind, e.content, e.occurred_at
), kept as (
  insert into submission (submission_id, door, seen_key, seen_until, digest, lead_id, state, reason, vendor_id,
    content_type, raw, part, fields, received_at)
  select s.submission_id, s.door, s.seen_key, to_timestamp(s.seen_until_s), s.digest, s.lead_id, s.state, s.reason,
    s.vendor_id, s.content_type, s.raw, coalesce(s.part, false), s.fields::jsonb, to_timestamp(s.received_s)
  from unnest($4::uuid[], $5::text[], $6::bytea[], $7::float8[], $8::bytea[], $9::uuid[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::bytea[], $15::boolean[], $16::text[], $17::float8[])
    as s(submission_id, door, seen_key, seen_until_s, digest, lead_id, state, reason, vendor_id, content_type, raw,
      part, fields, received_s)
  on conflict do nothing returning submission_id
), made as (
  insert into lead (lead_id, partition, submission_id, door, captured_at, fields, attributes, marketing_owner, is_test,
    recorded_at, updated_at)
  select n.lead_id, n.partition, n.submission_id, n.door, to_timestamp(n.captured_s), n.fields::jsonb,
    n.attributes::jsonb, n.marketing_owner, coalesce(n.is_test, false), $27::timestamptz, $27::timestamptz
  from unnest($18::uuid[], $19::int[], $20::uuid[], $21::text[], $22::float8[], $23::text[], $24::text[],
    $25::text[], $26::boolean[])
    as n(lead_id, partition, submission_id, door, captured_s, fields, attributes, marketing_owner, is_test)
), counted as (
  insert into arrival_tally as t (door, state, count, last_at)
  select c.*, $27::timestamptz from unnest($28::text[], $29::text[], $30::bigint[]) as c
  on conflict (door, state) do update set count = t.count + excluded.count, last_at = excluded.last_at
), tallied as (
  insert into capture_tally as t (partition, minute, count, xor)
  select * from unnest($31::int[], $32::timestamptz[], $33::bigint[], $34::bigint[])
  on conflict (partition, minute) do update set count = t.count + excluded.count, xor = t.xor # excluded.xor
)
select (select count(*) from claimed) as claimed, (select count(*) from kept) as kept,
  (select jsonb_agg(w)::text from woken w) as woken
"""


class Kept(NamedTuple):
    """A submission that was kept before, as a repeat meets it."""

    submission_id: UUID
    lead_id: UUID | None
    state: str
    digest: bytes | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a group finds: submissions seen before, owners of identity keys, versions of the policies."""

    seen: Mapping[bytes, Kept]
    owners: Mapping[Key, UUID]
    versions: tuple[int, int]


class SubmissionRow(NamedTuple):
    """A row of `submission`, in the order of the statement."""

    submission_id: UUID
    door: str
    seen_key: bytes
    seen_until_s: float | None
    digest: bytes | None
    lead_id: UUID | None
    state: str
    reason: str | None
    vendor_id: str | None
    content_type: str
    raw: bytes | None
    part: bool | None  # None for no: a column of nothing else costs nothing
    fields: str | None
    received_s: float


class LeadRow(NamedTuple):
    """A row of `lead`, in the order of the statement."""

    lead_id: UUID
    partition: int
    submission_id: UUID
    door: str
    captured_s: float
    fields: str
    attributes: str
    marketing_owner: str | None
    is_test: bool | None  # as `part`


@dataclass(slots=True)
class Writes:
    """All that one group writes."""

    claims: dict[Key, UUID] = field(default_factory=dict[Key, UUID])
    submissions: list[SubmissionRow] = field(default_factory=list[SubmissionRow])
    leads: list[LeadRow] = field(default_factory=list[LeadRow])
    changes: list[tuple[UUID, str, str]] = field(default_factory=list[tuple[UUID, str, str]])
    counts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    tally: dict[tuple[int, datetime], tuple[int, int]] = field(
        default_factory=dict[tuple[int, datetime], tuple[int, int]]
    )


class Written(NamedTuple):
    """What a group's statement did: fewer claims or submissions than were asked for mean that somebody was faster."""

    claims: int
    submissions: int
    woken: list[dict[str, Any]]


class KnownLead(NamedTuple):
    """A lead's row, locked."""

    fields: dict[str, Any]
    attributes: dict[str, Any]
    erased: bool


async def look(connection: "Connection", seen: Sequence[bytes], keys: Sequence[Key], now: datetime) -> Look:
    """What is there already, in one statement."""
    rows = await connection.fetch(_LOOK, seen, [key.kind for key in keys], [key.value for key in keys], now)
    kept: dict[bytes, Kept] = {}
    owners: dict[Key, UUID] = {}
    versions: dict[str, int] = {}
    for row in rows:
        what = row[0]
        if what == 0:
            kept[row[1]] = Kept(row[2], row[3], row[4], row[6], row[7])
        elif what == 1:
            owners[Key(row[4], row[5])] = row[3]
        else:
            versions[row[4]] = row[8]
    return Look(kept, owners, (versions.get("doors", 0), versions.get("fields", 0)))


async def lock_leads(connection: "Connection", lead_ids: Iterable[UUID]) -> dict[UUID, KnownLead]:
    """These leads, locked in ascending order."""
    rows = await connection.fetch(_LOCK, sorted(lead_ids))
    return {row[0]: KnownLead(orjson.loads(row[1]), orjson.loads(row[2]), row[3] is not None) for row in rows}


async def give_up(connection: "Connection", expired: Sequence[bytes], now: datetime) -> None:
    """Free keys whose window has passed, so that the same may be submitted again."""
    await connection.execute(_GIVE_UP, sorted(expired), now)


async def write(connection: "Connection", writes: Writes, now: datetime) -> Written:
    """Write all of a group."""
    if writes.changes:
        await connection.execute(_CHANGE, *_columns(writes.changes, 3), now)
    claimed = sorted(writes.claims, key=" ".join)  # as they are sorted by kind and value, and much faster
    counts = sorted(writes.counts.items())
    cells = sorted(writes.tally.items())
    submissions = sorted(writes.submissions, key=attrgetter("seen_key"))
    [row] = await connection.fetch(
        _KEEP,
        [key.kind for key in claimed],
        [key.value for key in claimed],
        [writes.claims[key] for key in claimed],
        *_columns(submissions, 14),
        *_columns(writes.leads, 9),
        now,
        [door for (door, _), _ in counts],
        [state for (_, state), _ in counts],
        [count for _, count in counts],
        [partition for (partition, _), _ in cells],
        [minute for (_, minute), _ in cells],
        [count for _, (count, _) in cells],
        [xor for _, (_, xor) in cells],
    )
    return Written(row[0], row[1], orjson.loads(row[2]) if row[2] else [])


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    """The arrays of an unnest. It fills up shorter ones with nulls, and the driver looks at each element for long."""
    if not rows:
        return [[] for _ in range(width)]
    return [
        [] if column[0] is None and column.count(None) == len(rows) else column for column in zip(*rows, strict=True)
    ]
