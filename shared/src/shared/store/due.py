"""Rows that wait for their time, in any service's table that has a partition, a key and the instant to look again."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shared.runtime.work import Work


def postponing(table: str, key: str, at: str) -> Callable[[Work, int, datetime], Awaitable[UUID | None]]:
    """A timer's `postpone`: the row of a lane that is due first waits longer. Its business instants stay as they are."""
    statement = text(
        f"update {table} set {at} = :until where {key} = (select {key} from {table}"
        f" where partition = :partition and {at} <= :now order by {at} limit 1 for update skip locked) returning {key}"
    )

    async def postpone(work: Work, partition: int, until: datetime) -> UUID | None:
        return await work.session.scalar(statement, {"until": until, "partition": partition, "now": work.now})

    return postpone
