"""Receipts of erasures: the place of each `lead.erased` in its stream, and which consumers are past it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

_TOPIC: Final = "lead.erased"


async def of_lead(session: AsyncConnection, lead_id: UUID) -> Row[Any] | None:
    """The erasure of a lead."""
    return (await session.execute(text("select * from erasure where lead_id = :id"), {"id": lead_id})).one_or_none()


async def the_erasure(session: AsyncConnection, erasure_id: UUID) -> Row[Any] | None:
    """One erasure; locked, so that its end is written once."""
    query = text("select * from erasure where erasure_id = :id for update")
    return (await session.execute(query, {"id": erasure_id})).one_or_none()


async def several(session: AsyncConnection, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Erasures, the newest first."""
    where = "where erasure_id < :before" if before is not None else ""
    query = text(f"select * from erasure {where} order by erasure_id desc limit :limit")
    return (await session.execute(query, {"limit": limit, **({"before": before} if before else {})})).all()


async def keep(
    session: AsyncConnection,
    erasure_id: UUID,
    lead_id: UUID,
    partition: int,
    *,
    emitting: bool,
    purge: bool,
    by: str,
    at: datetime,
) -> None:
    """Note the place that the event gets: the stream is locked till the commit, so the next number is its own."""
    await session.execute(
        text(
            "with head as (select epoch, last_seq from stream_out where topic = :topic and partition = :partition"
            " for update) insert into erasure (erasure_id, lead_id, partition, epoch, seq, purge, asked_by, erased_at)"
            " select :id, :lead, :partition, epoch, last_seq + :more, :purge, :by, :at from head"
        ),
        {
            "topic": _TOPIC,
            "id": erasure_id,
            "lead": lead_id,
            "partition": partition,
            "more": int(emitting),
            "purge": purge,
            "by": by,
            "at": at,
        },
    )


async def progress(session: AsyncConnection, row: Row[Any], parked_in: Collection[str]) -> list[dict[str, str]]:
    """Service by service: `erased`, `waiting`, or `parked` where the lead is held aside there.

    A consumer in a later epoch than the event's has read all of the event's: epochs follow one another.
    """
    rows = await session.execute(
        text(
            "select c.service, (c.epoch = :epoch and c.seq >= :seq) or (c.epoch <> :epoch and c.epoch ="
            " (select epoch from stream_out s where s.topic = c.topic and s.partition = c.partition)) as past"
            " from consumer c where c.topic = :topic and c.partition = :partition order by c.service"
        ),
        {"topic": _TOPIC, "partition": row.partition, "epoch": row.epoch, "seq": row.seq},
    )
    found = [{"service": "intake", "state": "erased"}]
    for service, past in rows:
        state = "waiting" if not past else "parked" if service in parked_in else "erased"
        found.append({"service": service, "state": state})
    return found


async def complete(
    session: AsyncConnection, erasure_id: UUID, services: Sequence[dict[str, str]], now: datetime
) -> None:
    """Close a receipt."""
    await session.execute(
        text("update erasure set completed_at = :now, services = cast(:services as jsonb) where erasure_id = :id"),
        {"id": erasure_id, "now": now, "services": orjson.dumps(services).decode()},
    )
