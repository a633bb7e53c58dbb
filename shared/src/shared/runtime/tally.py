"""Each service counts every `lead.captured` it consumed, in the transaction of its position: the audit compares."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.streams import Record


class _When(msgspec.Struct):
    recorded_at: datetime


_DECODER = msgspec.json.Decoder(_When)


def hash_of(lead_id: UUID) -> int:
    """A 32-bit hash of a lead id; minutes of leads are compared by count and xor."""
    return zlib.crc32(b"tally" + lead_id.bytes)


async def count(session: AsyncConnection, captured: Sequence[Record]) -> None:
    """Add the `lead.captured` among these records to the tally of their partition and minute."""
    cells: dict[tuple[int, datetime], tuple[int, int]] = {}
    for record in captured:
        if record.stream.topic != "lead.captured":
            continue
        try:
            minute = _DECODER.decode(record.value).recorded_at.replace(second=0, microsecond=0)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # it says no minute; such a record is parked, and the audit shows it as that
        cell = (record.stream.partition, minute)
        counted, xor = cells.get(cell, (0, 0))
        cells[cell] = (counted + 1, xor ^ hash_of(record.lead_id))
    await add(session, cells)


async def add(session: AsyncConnection, cells: dict[tuple[int, datetime], tuple[int, int]]) -> None:
    """Add counts and xors to the tally."""
    if not cells:
        return
    ordered = sorted(cells)
    await session.execute(
        text(
            "insert into capture_tally as t (partition, minute, count, xor) select * from unnest("
            "cast(:partitions as int[]), cast(:minutes as timestamptz[]), cast(:counts as bigint[]),"
            " cast(:xors as bigint[])) on conflict (partition, minute)"
            " do update set count = t.count + excluded.count, xor = t.xor # excluded.xor"
        ),
        {
            "partitions": [cell[0] for cell in ordered],
            "minutes": [cell[1] for cell in ordered],
            "counts": [cells[cell][0] for cell in ordered],
            "xors": [cells[cell][1] for cell in ordered],
        },
    )
