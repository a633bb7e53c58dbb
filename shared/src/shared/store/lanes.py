"""The consumer's side tables: lanes with their version, leases, positions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.streams import Position, Record, Stream

if TYPE_CHECKING:
    from asyncpg import Connection

LEASE_S = 10.0

_KEEP = """
insert into position_in (topic, partition, epoch, seq, log_offset)
select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[])
on conflict (topic, partition)
do update set epoch = excluded.epoch, seq = excluded.seq, log_offset = excluded.log_offset
"""


class LaneState(NamedTuple):
    """What an owner knows of its lanes: the fence, how far each stream was taken, who is parked."""

    versions: dict[int, int]
    positions: dict[Stream, Position]
    hints: dict[Stream, int]
    parked: set[UUID]


async def load(session: AsyncConnection, partitions: Sequence[int], topics: Sequence[str]) -> LaneState:
    """The lanes' state, read under their locks: waits for a COMMIT still under way."""
    lanes = {"lanes": sorted(partitions)}
    rows = await session.execute(
        text(
            "select partition, version from lane where partition = any(cast(:lanes as int[]))"
            " order by partition for update"
        ),
        lanes,
    )
    versions = {row.partition: row.version for row in rows}
    positions = {Stream(topic, partition): Position(0, 0) for topic in topics for partition in partitions}
    hints: dict[Stream, int] = {}
    for row in await session.execute(
        text(
            "select topic, partition, epoch, seq, log_offset from position_in"
            " where partition = any(cast(:lanes as int[]))"
        ),
        lanes,
    ):
        stream = Stream(row.topic, row.partition)
        if stream in positions:
            positions[stream] = Position(row.epoch, row.seq)
            if row.log_offset is not None:
                hints[stream] = row.log_offset
    parked = await session.scalars(
        text(
            "select distinct lead_id from parked where partition = any(cast(:lanes as int[]))"
            " and state in ('parked', 'behind')"
        ),
        lanes,
    )
    return LaneState(versions, positions, hints, set(parked))


async def keep_positions(connection: "Connection", last: Mapping[Stream, Record]) -> None:
    """Write how far each stream was taken; plain updates, since the lane's version is the fence."""
    await connection.execute(
        _KEEP,
        [stream.topic for stream in last],
        [stream.partition for stream in last],
        [record.epoch for record in last.values()],
        [record.seq for record in last.values()],
        [record.log_offset for record in last.values()],
    )


async def positions(session: AsyncConnection) -> dict[Stream, Position]:
    """How far the service has taken every stream, all lanes."""
    rows = await session.execute(text("select topic, partition, epoch, seq from position_in"))
    return {Stream(row.topic, row.partition): Position(row.epoch, row.seq) for row in rows}


async def beat(session: AsyncConnection, instance: str, lease_s: float = LEASE_S) -> tuple[int, int]:
    """Say that this instance lives; its place among those that do, and how many they are."""
    await session.execute(
        text(
            "insert into instance (id, expires_at) values (:id, clock_timestamp() + make_interval(secs => :ttl))"
            " on conflict (id) do update set expires_at = excluded.expires_at"
        ),
        {"id": instance, "ttl": lease_s},
    )
    await session.execute(text("delete from instance where expires_at < clock_timestamp() - interval '60 seconds'"))
    alive = (await session.scalars(text("select id from instance where expires_at > clock_timestamp()"))).all()
    return sum(other < instance for other in alive), max(1, len(alive))


async def succeed(session: AsyncConnection, instance: str) -> None:
    """Free at once what an earlier start of the same instance (`name#start`) has left, instead of after its expiry.

    Asked once, at a start. Should that one live after all, it is one instance more from its next beat on, and what it
    does to these lanes meanwhile the lanes' versions refuse.
    """
    name, marked, _ = instance.rpartition("#")
    if not marked:
        return
    mine = {"id": instance, "name": name}
    await session.execute(
        text(
            "update lease set owner = null, expires_at = null where owner <> :id"
            " and regexp_replace(owner, '#[^#]*$', '') = :name and owner like '%#%'"
        ),
        mine,
    )
    await session.execute(
        text("delete from instance where id <> :id and regexp_replace(id, '#[^#]*$', '') = :name and id like '%#%'"),
        mine,
    )


async def renew(session: AsyncConnection, instance: str, lease_s: float = LEASE_S) -> set[int]:
    """Renew every lease that is still this instance's; which they are."""
    rows = await session.scalars(
        text(
            "update lease set expires_at = clock_timestamp() + make_interval(secs => :ttl) where owner = :id"
            " and expires_at > clock_timestamp() returning partition"
        ),
        {"id": instance, "ttl": lease_s},
    )
    return set(rows)


async def acquire(session: AsyncConnection, instance: str, wanted: int, lease_s: float = LEASE_S) -> set[int]:
    """Take up to `wanted` leases that nobody holds."""
    rows = await session.scalars(
        text(
            "with free as (select partition from lease where owner is null or expires_at <= clock_timestamp()"
            " order by partition limit :wanted for update skip locked)"
            " update lease l set owner = :id, expires_at = clock_timestamp() + make_interval(secs => :ttl)"
            " from free where l.partition = free.partition returning l.partition"
        ),
        {"id": instance, "ttl": lease_s, "wanted": wanted},
    )
    return set(rows)


async def release(session: AsyncConnection, instance: str, partitions: Sequence[int]) -> None:
    """Give leases back."""
    await session.execute(
        text(
            "update lease set owner = null, expires_at = null where owner = :id"
            " and partition = any(cast(:partitions as int[]))"
        ),
        {"id": instance, "partitions": list(partitions)},
    )


async def retire(session: AsyncConnection, instance: str) -> None:
    """This instance is gone: others take its lanes at once."""
    await session.execute(text("update lease set owner = null, expires_at = null where owner = :id"), {"id": instance})
    await session.execute(text("delete from instance where id = :id"), {"id": instance})
