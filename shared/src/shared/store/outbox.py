"""The outbox: numbers and writes events as the last statement before COMMIT, reads them back, and drops what all hold.

One statement advances `stream_out` and inserts the rows, under the stream's row lock until the commit, so commit order
is sequence order and no number is skipped or seen late.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import Event, encode
from shared.runtime.ids import quick
from shared.runtime.streams import Position, Record, Stream, partition_of, stream

if TYPE_CHECKING:
    from asyncpg import Connection

GENERATIONS = 3

_WRITE = """
with wanted as (
  select * from unnest($1::text[], $2::int[], $3::bigint[]) with ordinality as w(topic, partition, n, slot)
), held as (
  select s.topic, s.partition, s.last_seq, w.n, w.slot from stream_out s join wanted w using (topic, partition)
  order by s.topic, s.partition for update of s
), advanced as (
  update stream_out s set last_seq = h.last_seq + h.n from held h
  where s.topic = h.topic and s.partition = h.partition
  returning s.topic, s.partition, s.epoch, h.last_seq as base, h.slot
), written as (
  insert into outbox (topic, partition, epoch, seq, generation, id, lead_id, value)
  select a.topic, a.partition, a.epoch, a.base + e.k, g.current, e.id, e.lead_id, e.value
  from unnest($4::bigint[], $5::bigint[], $6::uuid[], $7::uuid[], $8::bytea[]) as e(slot, k, id, lead_id, value)
  join advanced a using (slot) cross join outbox_generation g
)
select slot, epoch, base from advanced
"""

_READ = """
select f.slot, o.epoch, o.seq, o.id, o.lead_id, o.value
from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) with ordinality
  as f(topic, partition, epoch, after, slot)
cross join lateral (
  select * from outbox where topic = f.topic and partition = f.partition and epoch = f.epoch and seq > f.after
  order by seq limit $5
) o
"""


async def write(connection: "Connection", emitted: Sequence[tuple[UUID, Event]], partitions: int) -> list[Record]:
    """Number these events and put them into the outbox; the records as consumers will see them."""
    streams: dict[Stream, int] = {}
    counts: list[int] = []
    placed: list[tuple[int, int, UUID, UUID, bytes, Event]] = []
    for event_id, event in emitted:
        lead_id = quick(event.lead_id)
        slot = streams.setdefault(stream(event.wire, partition_of(lead_id, partitions)), len(counts))
        if slot == len(counts):
            counts.append(0)
        counts[slot] += 1
        placed.append((slot, counts[slot], event_id, lead_id, encode(event), event))
    rows = await connection.fetch(
        _WRITE,
        [each.topic for each in streams],
        [each.partition for each in streams],
        counts,
        [each[0] + 1 for each in placed],
        [each[1] for each in placed],
        [each[2] for each in placed],
        [each[3] for each in placed],
        [each[4] for each in placed],
    )
    if len(rows) != len(streams):
        raise LookupError(f"no numbered stream for some of {sorted(streams)}: are they in the map of who emits what?")
    bases = {slot - 1: (epoch, base) for slot, epoch, base in rows}
    starts = [(each, *bases[slot]) for each, slot in streams.items()]
    records: list[Record] = []
    for slot, k, event_id, lead_id, value, event in placed:
        into, epoch, base = starts[slot]
        records.append(Record(into, epoch, base + k, event_id, lead_id, value, None, event))
    return records


async def read(connection: "Connection", after: Mapping[Stream, Position], limit: int) -> list[Record]:
    """The records behind these positions, in order, at most `limit` a stream.

    A reader at epoch 0 has never seen the stream: it starts at the oldest epoch that the outbox holds.
    """
    if not after:
        return []
    rows = await connection.fetch(
        _READ,
        [s.topic for s in after],
        [s.partition for s in after],
        [p.epoch for p in after.values()],
        [p.seq for p in after.values()],
        limit,
    )
    streams = list(after)
    return [
        Record(streams[slot - 1], epoch, seq, event_id, lead_id, value)
        for slot, epoch, seq, event_id, lead_id, value in rows
    ]


async def heads(session: AsyncConnection) -> dict[Stream, Position]:
    """The last number given in each stream."""
    rows = await session.execute(text("select topic, partition, epoch, last_seq from stream_out"))
    return {Stream(row[0], row[1]): Position(row[2], row[3]) for row in rows}


async def floors(session: AsyncConnection) -> dict[Stream, Position]:
    """The highest number dropped from each stream."""
    rows = await session.execute(
        text("select f.topic, f.partition, f.epoch, f.floor from outbox_floor f join stream_out using"
             " (topic, partition, epoch)")
    )  # fmt: skip
    return {Stream(row[0], row[1]): Position(row[2], row[3]) for row in rows}


async def size(session: AsyncConnection) -> tuple[int, float]:
    """How many records the slowest registered consumer still lacks, and the present generation's age in seconds."""
    row = (
        await session.execute(
            text(
                "select coalesce(sum(greatest(0, s.last_seq - c.seq)), 0) as needed,"
                " (select extract(epoch from clock_timestamp() - rotated_at) from outbox_generation) as age_s"
                " from stream_out s join lateral (select min(case when epoch = s.epoch then seq else 0 end) as seq"
                " from consumer where (topic, partition) = (s.topic, s.partition)) c on c.seq is not null"
            )
        )
    ).one()
    return int(row.needed), float(row.age_s)


async def drop_consumed(session: AsyncConnection) -> bool:
    """Turn the generations: empty the oldest where every registered consumer holds all of it, then start a new one.

    True where a generation was emptied. Waits for no lock longer than a moment: a reader in the way means next time.
    """
    await session.execute(text("set local lock_timeout = '200ms'"))
    current: int = await session.scalar(text("select current from outbox_generation for update")) or 0
    oldest = (current + 1) % GENERATIONS
    table = f"outbox_{oldest}"
    await session.execute(text(f"lock table {table} in access exclusive mode"))
    tops = (
        await session.execute(
            text(
                "select * from (select s.topic, s.partition, s.epoch, (select max(o.seq)"
                f" from {table} o where (o.topic, o.partition, o.epoch) = (s.topic, s.partition, s.epoch)) as top"
                " from (select topic, partition, epoch from stream_out"
                " union select topic, partition, old_epoch from epoch_out) s) t where top is not null"
            )
        )
    ).all()
    if tops and not await _all_hold(session, tops):
        return False
    if tops:
        await session.execute(
            text(
                "insert into outbox_floor (topic, partition, epoch, floor) values (:topic, :partition, :epoch, :top)"
                " on conflict (topic, partition, epoch)"
                " do update set floor = greatest(outbox_floor.floor, excluded.floor)"
            ),
            [{"topic": t.topic, "partition": t.partition, "epoch": t.epoch, "top": t.top} for t in tops],
        )
        await session.execute(text(f"truncate {table}"))
    await session.execute(
        text("update outbox_generation set current = :next, rotated_at = clock_timestamp()"), {"next": oldest}
    )
    return bool(tops)


async def _all_hold(session: AsyncConnection, tops: Sequence[Any]) -> bool:
    rows = (await session.execute(text("select topic, partition, epoch, seq from consumer"))).all()
    reports: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for row in rows:
        reports.setdefault((row.topic, row.partition), []).append((row.epoch, row.seq))
    later = {
        (row.topic, row.partition, row.old_epoch): row.new_epoch
        for row in await session.execute(text("select topic, partition, old_epoch, new_epoch from epoch_out"))
    }
    return all(
        _holds(later, top, epoch, seq) for top in tops for epoch, seq in reports.get((top.topic, top.partition), [])
    )


def _holds(later: Mapping[tuple[str, int, int], int], top: Any, epoch: int, seq: int) -> bool:
    """Whether a consumer at (epoch, seq) holds everything up to `top`, in its own epoch or a later one."""
    if epoch == top.epoch:
        return seq >= top.top
    walked = top.epoch
    while (walked := later.get((top.topic, top.partition, walked), 0)) != 0:
        if walked == epoch:
            return True
    return False
