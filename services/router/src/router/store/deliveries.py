"""Subscriptions, and deliveries from the transaction of their event to their end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.domain.subscriptions import GIVE_UP, Letter, Subscription
from shared.runtime.ids import new_id

if TYPE_CHECKING:
    from asyncpg import Connection

_LEASE: Final = "interval '60 seconds'"
_OPEN: Final = "select subscription_id, events, owner, team from subscription where ended_at is null"
# of one lead in one queue only the first is due: the others wait behind it, in the order in which it all happened
_KEEP: Final = (
    "insert into delivery (delivery_id, partition, queue, kind, subscription_id, rep, lead_id, event_id, event, body,"
    " created_at, give_up_at, next_at) select n.id, n.partition, n.queue, n.kind, n.subscription_id, n.rep, n.lead_id,"
    " n.event_id, n.event, n.body, $1::timestamptz, $2::timestamptz, case when n.behind or exists (select 1 from delivery d"
    " where d.lead_id = n.lead_id and d.queue = n.queue and d.state = 'pending') then null else $1::timestamptz end"
    " from unnest($3::uuid[], $4::int[], $5::boolean[], $6::text[], $7::text[], $8::uuid[], $9::text[], $10::uuid[],"
    " $11::uuid[], $12::text[], $13::bytea[]) with ordinality"
    " n(id, partition, behind, queue, kind, subscription_id, rep, lead_id, event_id, event, body, place)"
    " order by n.place"
)
_TAKE: Final = text(
    "with due as (select delivery_id, row_number() over (partition by queue order by next_at, position) as place"
    " from (select delivery_id, queue, next_at, position from delivery where state = 'pending' and next_at <= :now"
    " and (taken_until is null or taken_until < clock_timestamp()) and queue <> all(cast(:busy as text[]))"
    " order by next_at limit 1000) first)"
    f" update delivery d set taken_until = clock_timestamp() + {_LEASE}, attempts = d.attempts + 1"
    " from due where due.delivery_id = d.delivery_id and due.place <= :each"
    " and (d.taken_until is null or d.taken_until < clock_timestamp()) and d.delivery_id in"
    " (select delivery_id from due where place <= :each limit :limit)"
    " returning d.delivery_id, d.queue, d.kind, d.subscription_id, d.rep, d.lead_id, d.event_id, d.event, d.body,"
    " d.attempts, d.give_up_at"
)
_NEXT_DUE: Final = text(
    "select p, (select min(next_at) from delivery where partition = p and state = 'pending' and next_at is not null)"
    " from unnest(cast(:partitions as int[])) p"
)
# ids are made in the order of time, so that only the oldest rows are looked at, without an index on their end
_PRUNE: Final = text(
    "delete from delivery where delivery_id in (select delivery_id from delivery where delivery_id in"
    " (select delivery_id from delivery order by delivery_id limit 4 * cast(:most as int))"
    " and state <> 'pending' and ended_at < :before order by delivery_id limit :most for update skip locked)"
)
KEPT: Final = timedelta(days=30)
"""How long a delivery that has ended, well or not, can be looked at and sent again."""
_SHOWN: Final = (
    "delivery_id, kind, subscription_id, rep, lead_id, event_id, event, state, attempts, created_at, next_at, ended_at,"
    " answer, problem"
)


class Taken(NamedTuple):
    """A delivery in a sender's hands, with the address and secret of its subscription."""

    id: UUID
    queue: str
    kind: str
    subscription_id: UUID | None
    rep: str | None
    lead_id: UUID
    event_id: UUID
    event: str
    body: bytes
    attempts: int
    give_up_at: datetime
    url: str | None = None
    secret: str | None = None


async def subscriptions(connection: "Connection") -> list[Subscription]:
    """Those that are open."""
    return [Subscription(row[0], frozenset(row[1]), row[2], row[3]) for row in await connection.fetch(_OPEN)]


async def keep(connection: "Connection", letters: Sequence[tuple[int, Letter]], now: datetime) -> None:
    """Write deliveries, each with its lane, in the transaction of their events. The lanes are locked."""
    seen: set[tuple[UUID, str]] = set()
    rows: list[tuple[Any, ...]] = []
    for partition, letter in letters:
        place = (letter.lead_id, letter.queue)
        rows.append((new_id(), partition, place in seen, *letter))
        seen.add(place)
    if rows:
        await connection.execute(_KEEP, now, now + GIVE_UP, *map(list, zip(*rows, strict=True)))


async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> list[tuple[int, datetime | None]]:
    """The earliest delivery of each lane."""
    return [(row[0], row[1]) for row in await session.execute(_NEXT_DUE, {"partitions": list(partitions)})]


async def take(session: AsyncConnection, now: datetime, *, busy: Sequence[str], each: int, limit: int) -> list[Taken]:
    """What is due and in nobody's hands, at most `each` of a queue; ours until the lease ends."""
    rows = await session.execute(_TAKE, {"now": now, "busy": list(busy), "each": each, "limit": limit})
    taken = [Taken(*row) for row in rows]
    known = await _addresses(session, [letter.subscription_id for letter in taken if letter.subscription_id])
    return [letter._replace(**known.get(letter.subscription_id, {})) for letter in taken]


async def _addresses(session: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID | None, dict[str, str]]:
    if not ids:
        return {}
    rows = await session.execute(
        text(
            "select subscription_id, url, secret from subscription where ended_at is null"
            " and subscription_id = any(cast(:ids as uuid[]))"
        ),
        {"ids": list(ids)},
    )
    return {row[0]: {"url": row[1], "secret": row[2]} for row in rows}


async def again(session: AsyncConnection, letter: Taken, at: datetime, answer: int | None, problem: str) -> None:
    """It failed: not before `at` again."""
    await session.execute(
        text(
            "update delivery set next_at = :at, taken_until = null, answer = :answer, problem = :problem"
            " where delivery_id = :id and state = 'pending'"
        ),
        {"id": letter.id, "at": at, "answer": answer, "problem": problem},
    )


async def ended(
    session: AsyncConnection, letter: Taken, state: str, now: datetime, answer: int | None, problem: str | None
) -> None:
    """It is over, well or not: the next of its lead in its queue is due. The lead's lane is locked."""
    await session.execute(
        text(
            "update delivery set state = :state, ended_at = :now, next_at = null, taken_until = null,"
            " answer = :answer, problem = :problem where delivery_id = :id and state = 'pending'"
        ),
        {"id": letter.id, "state": state, "now": now, "answer": answer, "problem": problem},
    )
    await session.execute(
        text(
            "update delivery set next_at = :now where next_at is null and delivery_id = (select delivery_id"
            " from delivery where lead_id = :lead and queue = :queue and state = 'pending' order by position limit 1)"
        ),
        {"lead": letter.lead_id, "queue": letter.queue, "now": now},
    )


async def cancel_mail(connection: "Connection", lead_ids: Sequence[UUID], now: datetime) -> None:
    """Nobody is written to about an erased lead any more. Their lanes are locked."""
    if lead_ids:
        await connection.execute(
            "update delivery set state = 'cancelled', ended_at = $2, next_at = null where kind = 'email'"
            " and state = 'pending' and lead_id = any($1::uuid[])",
            list(lead_ids),
            now,
        )


async def add(session: AsyncConnection, values: dict[str, Any]) -> None:
    """A new subscription."""
    await session.execute(
        text(
            "insert into subscription (subscription_id, url, events, secret, owner, team, created_by, created_at)"
            " values (:subscription_id, :url, :events, :secret, :owner, :team, :created_by, :created_at)"
        ),
        values,
    )


async def listed(session: AsyncConnection, teams: Sequence[str] | None) -> list[dict[str, Any]]:
    """The open subscriptions (of some teams), without their secrets."""
    rows = await session.execute(
        text(
            "select subscription_id, url, events, owner, team, created_by, created_at, (select count(*) from delivery d"
            " where d.subscription_id = subscription.subscription_id and d.state = 'pending') as pending"
            " from subscription where ended_at is null and (cast(:teams as text[]) is null or team = any(:teams))"
            " order by subscription_id"
        ),
        {"teams": None if teams is None else list(teams)},
    )
    return [dict(row) for row in rows.mappings()]


async def end(session: AsyncConnection, subscription_id: UUID, now: datetime) -> None:
    """End a subscription and what is still to be delivered to it."""
    values = {"id": subscription_id, "now": now}
    await session.execute(
        text("update subscription set ended_at = :now where subscription_id = :id and ended_at is null"), values
    )
    await session.execute(
        text(
            "update delivery set state = 'cancelled', ended_at = :now, next_at = null where subscription_id = :id"
            " and state = 'pending'"
        ),
        values,
    )


async def page(
    session: AsyncConnection,
    *,
    state: str | None,
    subscription: UUID | None,
    teams: Sequence[str] | None,
    cursor: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Deliveries, oldest first."""
    given = {"state": state, "subscription": subscription, "cursor": cursor}
    where = {
        "state": "state = :state",
        "subscription": "subscription_id = cast(:subscription as uuid)",
        "cursor": "delivery_id > cast(:cursor as uuid)",
    }
    used: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    conditions = [where[name] for name in used]
    if teams is not None:
        conditions.append(
            "subscription_id in (select subscription_id from subscription where team = any(cast(:teams as text[])))"
        )
        used["teams"] = list(teams)
    chosen = f" where {' and '.join(conditions)}" if conditions else ""
    rows = await session.execute(
        text(f"select {_SHOWN} from delivery{chosen} order by delivery_id limit :limit"), {**used, "limit": limit}
    )
    return [dict(row) for row in rows.mappings()]


async def one(session: AsyncConnection, delivery_id: UUID) -> dict[str, Any] | None:
    """One delivery, with the team of its subscription."""
    row = (
        await session.execute(
            text(
                f"select {_SHOWN}, (select s.team from subscription s where s.subscription_id ="
                " delivery.subscription_id) as team from delivery where delivery_id = :id"
            ),
            {"id": delivery_id},
        )
    ).mappings().one_or_none()  # fmt: skip
    return None if row is None else dict(row)


async def replay(session: AsyncConnection, delivery_id: UUID, now: datetime) -> None:
    """Deliver it once more, under the same event id. Its lead's lane is locked."""
    await session.execute(
        text(
            "update delivery set state = 'pending', attempts = 0, next_at = :now, give_up_at = :give_up_at,"
            " taken_until = null, ended_at = null, problem = null where delivery_id = :id and state <> 'pending'"
        ),
        {"id": delivery_id, "now": now, "give_up_at": now + GIVE_UP},
    )


async def prune(session: AsyncConnection, before: datetime, most: int) -> int:
    """Delete what ended before; how many."""
    return (await session.execute(_PRUNE, {"before": before, "most": most})).rowcount


async def secrets_like(session: AsyncConnection, prefix: str) -> list[tuple[UUID, str]]:
    """Secrets that are kept in a way that begins so."""
    query = text("select subscription_id, secret from subscription where starts_with(secret, :prefix)")
    return [(row[0], row[1]) for row in await session.execute(query, {"prefix": prefix})]


async def keep_secret(session: AsyncConnection, subscription_id: UUID, now_kept: str, to_keep: str) -> None:
    """Keep a secret in place of what is kept of it now."""
    await session.execute(
        text("update subscription set secret = :new where subscription_id = :id and secret = :old"),
        {"id": subscription_id, "old": now_kept, "new": to_keep},
    )
