"""Each service counts every `lead.captured` it consumed, in the transaction of its position: the audit compares."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from shared.contracts import Unreadable
from shared.runtime.streams import Record

if TYPE_CHECKING:
    from asyncpg import Connection

Cells = Mapping[tuple[int, datetime], tuple[int, int]]

_ADD = """
insert into capture_tally as t (partition, minute, count, xor)
select * from unnest($1::int[], $2::timestamptz[], $3::bigint[], $4::bigint[])
on conflict (partition, minute) do update set count = t.count + excluded.count, xor = t.xor # excluded.xor
"""


class _When(msgspec.Struct):
    recorded_at: datetime


_DECODER = msgspec.json.Decoder(_When)


def hash_of(lead_id: UUID) -> int:
    """A 32-bit hash of a lead id; minutes of leads are compared by count and xor."""
    return zlib.crc32(b"tally" + lead_id.bytes)


def counted(records: Iterable[Record]) -> Cells:
    """The `lead.captured` among these records, by partition and minute: how many, and the xor of their hashes."""
    cells: dict[tuple[int, int], tuple[int, int]] = {}
    for record in records:
        if record.stream.topic == "lead.captured" and (minute := _minute(record)) is not None:
            cell = (record.stream.partition, minute)
            count, xor = cells.get(cell, (0, 0))
            cells[cell] = (count + 1, xor ^ hash_of(record.lead_id))
    return {
        (partition, datetime.fromtimestamp(minute * 60, UTC)): count for (partition, minute), count in cells.items()
    }


def _minute(record: Record) -> int | None:
    """The minute since 1970; None where the record says none: such a one is parked, and the audit shows it as that."""
    try:
        event = record.event()
    except Unreadable:
        try:
            return int(_DECODER.decode(record.value).recorded_at.timestamp() // 60)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
    return int(event.recorded_at.timestamp() // 60) if event is not None else None


async def add(connection: "Connection", cells: Cells) -> None:
    """Add counts and xors to the tally."""
    if not cells:
        return
    ordered = sorted(cells)
    await connection.execute(
        _ADD,
        [cell[0] for cell in ordered],
        [cell[1] for cell in ordered],
        [cells[cell][0] for cell in ordered],
        [cells[cell][1] for cell in ordered],
    )
