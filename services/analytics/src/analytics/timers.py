"""Door 3: a rebuild that was asked for goes on in chunks, each under its lane's lock; the figures stay right all along.

A chunk folds its leads anew from the kept events and moves their contributions into a new generation of cells. Readers
sum over generations, so nothing is missing or doubled meanwhile. What is left in the old generation when all leads
have gone is an error of the past, and is dropped.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics import store
from analytics.counting import recounted, total
from analytics.domain.basis import Basis
from analytics.domain.facts import NOTHING
from analytics.domain.fold import fold
from shared.contracts import Event, decode
from shared.runtime.desk import due_in_lane
from shared.runtime.service import Timer
from shared.runtime.work import Work

if TYPE_CHECKING:
    from asyncpg import Connection


def rebuilding(basis: Basis) -> Timer:
    """The timer that carries rebuilds on."""

    async def fire(work: Work, partition: int, limit: int) -> int:
        connection = await work.raw()
        generation = await _under_way(connection, partition, basis)
        if generation is None:
            return 0
        rows = await store.kept_before(connection, partition, generation, limit)
        told = await _events(connection, [row.lead_id for row in rows])
        counted = [recounted(row, fold(NOTHING, told[row.lead_id]), basis, generation) for row in rows]
        await store.keep(connection, [row for row, _ in counted], basis.text)
        await store.add(connection, total(changes for _, changes in counted))
        if len(rows) < limit:
            await _finish(connection, partition, generation, work.now)
        return len(rows)

    return Timer("rebuild", next_due, fire)


async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """A rebuild is due since it was asked for."""
    rows = await session.execute(
        text(
            "select partition, requested_at from rebuild"
            " where partition = any(cast(:partitions as int[])) and done_at is null"
        ),
        {"partitions": list(partitions)},
    )
    return due_in_lane([(row[0], row[1]) for row in rows])


async def _under_way(connection: "Connection", partition: int, basis: Basis) -> int | None:
    """The generation that the lane is being rebuilt into. Leads that have events and no row get one first."""
    job = await connection.fetchrow(
        "select generation, listed from rebuild where partition = $1 and done_at is null for update", partition
    )
    if job is None:
        return None
    if not job["listed"]:
        await connection.execute(
            "insert into lead_fact (lead_id, partition, basis, facts)"
            " select distinct lead_id, $1::int, $2::text, ''::bytea from event where partition = $1"
            " on conflict do nothing",
            partition,
            basis.text,
        )
        await connection.execute("update rebuild set listed = true where partition = $1", partition)
    generation: int = job["generation"]
    return generation


async def _events(connection: "Connection", lead_ids: Sequence[UUID]) -> Mapping[UUID, list[tuple[UUID, Event]]]:
    told: defaultdict[UUID, list[tuple[UUID, Event]]] = defaultdict(list)
    for lead_id, event_id, topic, value in await store.events_of(connection, lead_ids):
        event = decode(topic, value)
        if event is not None:
            told[lead_id].append((event_id, event))
    return told


async def _finish(connection: "Connection", partition: int, generation: int, now: datetime) -> None:
    await connection.execute("delete from rollup where partition = $1 and generation < $2", partition, generation)
    await connection.execute("update rebuild set done_at = $2 where partition = $1", partition, now)
