"""The producer's side tables: who consumes which stream and how far, restores announced, marks."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.streams import Announcement, Position, Stream


async def report_consumed(session: AsyncConnection, service: str, positions: Mapping[Stream, Position]) -> None:
    """Note what a registered consumer durably holds; one that was removed is not taken up again by its report."""
    if not positions:
        return
    await session.execute(
        text(
            "update consumer c set epoch = r.epoch, seq = r.seq, reported_at = clock_timestamp()"
            " from unnest(cast(:topics as text[]), cast(:partitions as int[]), cast(:epochs as bigint[]),"
            " cast(:seqs as bigint[])) as r(topic, partition, epoch, seq)"
            " where c.service = :service and c.topic = r.topic and c.partition = r.partition"
            " and (c.epoch <> r.epoch or c.seq < r.seq or c.reported_at < clock_timestamp() - interval '30 seconds')"
        ),
        {
            "service": service,
            "topics": [stream.topic for stream in positions],
            "partitions": [stream.partition for stream in positions],
            "epochs": [position.epoch for position in positions.values()],
            "seqs": [position.seq for position in positions.values()],
        },
    )


async def register(session: AsyncConnection, service: str, topics: Sequence[str], partitions: int) -> None:
    """Enter a consumer in the register at the very start of each stream; one that is there keeps its place."""
    await session.execute(
        text(
            "insert into consumer (service, topic, partition, epoch, seq)"
            " select :service, t.topic, p.partition, 0, 0 from unnest(cast(:topics as text[])) as t(topic)"
            " cross join generate_series(0, :last) as p(partition) on conflict do nothing"
        ),
        {"service": service, "topics": list(topics), "last": partitions - 1},
    )


async def announcements(session: AsyncConnection) -> dict[Stream, list[Announcement]]:
    """Every restore that this producer has announced, oldest first."""
    rows = await session.execute(
        text("select topic, partition, old_epoch, old_last, new_epoch from epoch_out order by announced_at, topic")
    )
    found: dict[Stream, list[Announcement]] = {}
    for row in rows:
        found.setdefault(Stream(row.topic, row.partition), []).append(
            Announcement(row.old_epoch, row.old_last, row.new_epoch)
        )
    return found


async def begin_epoch(session: AsyncConnection, epoch: int) -> int:
    """After a restore: announce the end of each stream's epoch and number anew from 1. Returns the streams' count."""
    result = await session.execute(
        text(
            "with old as (select topic, partition, epoch, last_seq from stream_out order by 1, 2 for update),"
            " said as (insert into epoch_out (topic, partition, old_epoch, old_last, new_epoch)"
            " select topic, partition, epoch, last_seq, :epoch from old)"
            " update stream_out s set epoch = :epoch, last_seq = 0 from old"
            " where (s.topic, s.partition) = (old.topic, old.partition)"
        ),
        {"epoch": epoch},
    )
    return result.rowcount
