"""The tables of imports: a file's bytes, how far it is read, and what became of each row."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple
from uuid import UUID

import msgspec
import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.imports.file import Format

if TYPE_CHECKING:
    from asyncpg import Connection

STATES: Final = ("captured", "further", "repeat", "parked", "ignored")
_ROWS = """
insert into import_row (import_id, number, state, reason, submission_id, lead_id)
select $1, r.* from unnest($2::int[], $3::text[], $4::text[], $5::uuid[], $6::uuid[]) as r
"""
_MOVE = """
update import set next_row = $3, counts = $4::text::jsonb where import_id = $1 and next_row = $2 and state = 'reading'
returning true
"""


class Upload(NamedTuple):
    """A file as it was sent, before its reading."""

    import_id: UUID
    door: str
    file_name: str
    digest: str
    size_bytes: int
    how: Format
    total: int | None
    constants: Mapping[str, str]
    command: str | None
    made_by: str


class RowResult(NamedTuple):
    """What became of one row."""

    number: int
    state: str
    reason: str | None
    submission_id: UUID
    lead_id: UUID | None


async def begin(session: AsyncConnection, upload: Upload, now: datetime) -> bool:
    """Keep that there is an import; False where it, or one of the same command, is kept already."""
    query = text(
        "insert into import (import_id, door, file_name, digest, bytes, format, constants, state, total, command,"
        " made_by, started_at) values (:import_id, :door, :file_name, :digest, :bytes, cast(:format as jsonb),"
        " cast(:constants as jsonb), 'reading', :total, :command, :made_by, :now)"
        " on conflict do nothing returning import_id"
    )
    values = {
        "import_id": upload.import_id,
        "door": upload.door,
        "file_name": upload.file_name,
        "digest": upload.digest,
        "bytes": upload.size_bytes,
        "format": msgspec.json.encode(upload.how).decode(),
        "constants": orjson.dumps(upload.constants).decode(),
        "total": upload.total,
        "command": upload.command,
        "made_by": upload.made_by,
        "now": now,
    }
    return await session.scalar(query, values) is not None


async def keep_piece(session: AsyncConnection, import_id: UUID, number: int, piece: bytes) -> None:
    """Keep a part of the file's bytes."""
    query = text("insert into import_piece values (:id, :number, :bytes)")
    await session.execute(query, {"id": import_id, "number": number, "bytes": piece})


async def bring(session: AsyncConnection, import_id: UUID, file: BinaryIO) -> None:
    """Write the kept bytes into a file, a part at a time."""
    number, query = 0, text("select bytes from import_piece where import_id = :id and number = :number")
    while (piece := await session.scalar(query, {"id": import_id, "number": number})) is not None:
        file.write(piece)
        number += 1


async def the_import(session: AsyncConnection, import_id: UUID) -> Row[Any] | None:
    """One import."""
    return (await session.execute(text("select * from import where import_id = :id"), {"id": import_id})).one_or_none()


async def of_command(session: AsyncConnection, command: str) -> Row[Any] | None:
    """The import that an Idempotency-Key began."""
    query = text("select import_id, digest, door, state from import where command = :command")
    return (await session.execute(query, {"command": command})).one_or_none()


async def being_read(session: AsyncConnection) -> list[tuple[UUID, int]]:
    """Imports that are not at their end, with their next row, oldest first."""
    rows = await session.execute(text("select import_id, next_row from import where state = 'reading' order by 1"))
    return [(row[0], row[1]) for row in rows]


async def several(session: AsyncConnection, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Imports, the newest first."""
    where = "where import_id < :before" if before is not None else ""
    query = text(f"select * from import {where} order by import_id desc limit :limit")
    return (await session.execute(query, {"limit": limit, **({"before": before} if before else {})})).all()


async def describe(session: AsyncConnection, import_id: UUID, columns: Sequence[object], total: int | None) -> None:
    """Note what stands in the headings, and how many rows there are."""
    query = text(
        "update import set columns = cast(:columns as jsonb), total = coalesce(:total, total) where import_id = :id"
    )
    await session.execute(query, {"id": import_id, "columns": orjson.dumps(list(columns)).decode(), "total": total})


async def move(connection: "Connection", import_id: UUID, here: int, there: int, counts: Mapping[str, int]) -> bool:
    """Move on from one row to another; False where somebody else did, or the import is at its end."""
    return bool(await connection.fetchval(_MOVE, import_id, here, there, orjson.dumps(counts).decode()))


async def keep_rows(connection: "Connection", import_id: UUID, rows: Sequence[RowResult]) -> None:
    """Keep what became of rows."""
    await connection.execute(_ROWS, import_id, *map(list, zip(*rows, strict=True)))


async def end(session: AsyncConnection, import_id: UUID, state: str, problems: Sequence[str], now: datetime) -> None:
    """The file is read, or can't be: its bytes go, with all that they say of people."""
    await session.execute(
        text(
            "update import set state = :state, problems = cast(:problems as jsonb), finished_at = :now"
            " where import_id = :id and state = 'reading'"
        ),
        {"id": import_id, "state": state, "problems": orjson.dumps(list(problems)).decode(), "now": now},
    )
    await session.execute(text("delete from import_piece where import_id = :id"), {"id": import_id})


async def prune_rows(session: AsyncConnection, before: datetime, most: int) -> int:
    """Delete what became of the rows of files whose reading ended before; how many. The files' counts stay."""
    query = text(
        "delete from import_row where (import_id, number) in (select r.import_id, r.number from import i"
        " join import_row r using (import_id) where i.state <> 'reading' and i.finished_at < :before"
        " limit :most for update of r skip locked)"
    )
    return (await session.execute(query, {"before": before, "most": most})).rowcount


async def rows_of(
    session: AsyncConnection, import_id: UUID, state: str | None, after: int, limit: int
) -> Sequence[Row[Any]]:
    """Rows in the file's order; `state_now` is what a row's submission is meanwhile (a parked one may be a lead)."""
    chosen = "and r.state = :state" if state is not None else ""
    query = text(
        "select r.number as row, r.state, s.state as state_now, r.reason, r.submission_id,"
        " coalesce(s.lead_id, r.lead_id) as lead_id from import_row r left join submission s using (submission_id)"
        f" where r.import_id = :id and r.number > :after {chosen} order by r.number limit :limit"
    )
    values = {"id": import_id, "after": after, "limit": limit, **({"state": state} if state else {})}
    return (await session.execute(query, values)).all()
