"""The parking lot: records that can't be handled, and the later records of their leads, in order."""

import hashlib
import traceback
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.ids import new_id
from shared.runtime.streams import Record


async def park(
    session: AsyncConnection, records: Sequence[Record], *, state: str, reason: str, digest: str = ""
) -> None:
    """Put records into the lot: `parked` for the cause, `behind` for those that wait behind it."""
    await session.execute(
        text(
            "insert into parked (id, partition, lead_id, topic, epoch, seq, event_id, value, state, reason, digest)"
            " values (:id, :partition, :lead_id, :topic, :epoch, :seq, :event_id, :value, :state, :reason, :digest)"
            " on conflict (topic, partition, epoch, seq) do nothing"
        ),
        [
            {
                "id": new_id(),
                "partition": record.stream.partition,
                "lead_id": record.lead_id,
                "topic": record.stream.topic,
                "epoch": record.epoch,
                "seq": record.seq,
                "event_id": record.id,
                "value": record.value,
                "state": state,
                "reason": reason,
                "digest": digest,
            }
            for record in records
        ],
    )


def digest_of(error: BaseException) -> str:
    """The same for the same fault: what it was and where, without values."""
    frames = traceback.extract_tb(error.__traceback__)
    places = "|".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.name}:{frame.lineno}" for frame in frames)
    return hashlib.sha256(f"{type(error).__name__}|{places}".encode()).hexdigest()[:16]


def words_of(error: BaseException) -> str:
    """What failed and where, in a line, without the values that it failed on (they could be personal)."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}{place}"


async def of_lead(session: AsyncConnection, lead_id: UUID) -> Sequence[UUID]:
    """The open parked records of a lead."""
    return (
        await session.scalars(
            text(
                "select id from parked where lead_id = :lead_id and state in ('parked', 'behind')"
                " order by parked_at, id"
            ),
            {"lead_id": lead_id},
        )
    ).all()


async def lately(session: AsyncConnection) -> int:
    """How many records were parked in the last ten minutes and are still there."""
    statement = "select count(*) from parked where state = 'parked' and parked_at > now() - interval '10 minutes'"
    return await session.scalar(text(statement)) or 0


async def leads(session: AsyncConnection) -> frozenset[UUID]:
    """Every lead with parked records."""
    rows = await session.scalars(text("select distinct lead_id from parked where state in ('parked', 'behind')"))
    return frozenset(rows)
