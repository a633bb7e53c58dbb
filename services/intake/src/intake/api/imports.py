"""`/v1/imports`: a file of rows is taken here and read in the background; what became of each row is told here."""

import asyncio
import csv
import hashlib
import io
from collections.abc import AsyncGenerator
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Row
from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from intake.api.answers import answer, cursor_of, page, persistently, shown
from intake.api.arriving import headers_of, idempotency_key
from intake.domain.import_row import CONSTANTS
from intake.domain.names import canonical_country
from intake.domain.policy import ImportDoor
from intake.domain.refusals import Refused
from intake.imports import store
from intake.imports.file import format_of
from intake.imports.reader import Reader
from intake.intake import Intake
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.runtime.ids import new_id
from shared.runtime.work import Work

Caller = Annotated[Principal, Depends(caller)]
_PIECE_BYTES = 1024 * 1024
_MAX_CONSTANT_CHARS = 200
_MAX_NAME_CHARS = 200
_REPORT_ROWS = 2_000
_OURS = frozenset({"door", "charset", "sheet"})


def add_imports(router: APIRouter, desk: Desk, intake: Intake, reader: Reader) -> None:
    """Add the paths to a router."""

    @router.post("/v1/imports")
    async def take(request: Request, principal: Caller) -> Response:  # pyright: ignore[reportUnusedFunction]
        intake.ready_to_write()
        key = idempotency_key(headers_of(request))
        command = f"intake:{principal.key_id}:/v1/imports:{key}" if key else None
        door, constants = await _door(desk, intake, request), _constants(request)
        form = await request.form(max_files=1, max_fields=10)
        try:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Problem(422, "send the file as multipart/form-data, in a field named file", code="no-file")
            import_id = await _keep(desk, principal, file, door.name, constants, command, request)
        finally:
            await form.close()
        reader.take(import_id)
        async with desk.read() as session:
            row = await store.the_import(session, import_id)
        return answer(_import(row) if row is not None else {"import_id": import_id}, 202)

    @router.get("/v1/imports")
    async def several(  # pyright: ignore[reportUnusedFunction]
        cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> Response:
        async with desk.read() as session:
            rows = await store.several(session, cursor_of(cursor), limit)
        return page([_import(row) for row in rows], limit, "import_id")

    @router.get("/v1/imports/{import_id}")
    async def one(import_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        return answer(_import(await _the_import(desk, import_id)))

    @router.get("/v1/imports/{import_id}/rows")
    async def rows(  # pyright: ignore[reportUnusedFunction]
        import_id: UUID,
        state: str | None = None,
        cursor: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        if state is not None and state not in store.STATES:
            raise Problem(422, f"a row's state is one of {', '.join(store.STATES)}", code="invalid")
        await _the_import(desk, import_id)
        async with desk.read() as session:
            found = await store.rows_of(session, import_id, state, cursor, limit)
        items = [_row(row) for row in found]
        return answer({"items": items, "next": str(items[-1]["row"]) if len(items) == limit else None})

    @router.get("/v1/imports/{import_id}/report.csv")
    async def report(import_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        await _the_import(desk, import_id)
        headers = {"Content-Disposition": f'attachment; filename="import-{import_id}.csv"'}
        return StreamingResponse(_report(desk, import_id), media_type="text/csv; charset=utf-8", headers=headers)


async def _door(desk: Desk, intake: Intake, request: Request) -> ImportDoor:
    name = request.query_params.get("door", "")
    rules = await intake.book.newest(desk)
    door = rules.door(name)
    if not isinstance(door, ImportDoor):
        doors = [each.name for each in rules.doors.doors.values() if isinstance(each, ImportDoor)]
        known = f"; there are {', '.join(doors)}" if doors else "; add one of kind import to the doors policy"
        raise Problem(404, f"there is no door of this name for files{known}", code="no-door")
    return door


def _constants(request: Request) -> dict[str, str]:
    """What the query says of every row of the file. Raises Problem 422."""
    found = {name: value.strip() for name, value in request.query_params.items() if name not in _OURS}
    for name, value in found.items():
        if name not in CONSTANTS:
            known = ", ".join(sorted(CONSTANTS))
            raise Problem(422, f"{name!r} is nothing that all rows can have; use one of {known}", code="invalid")
        if not value or len(value) > _MAX_CONSTANT_CHARS or "\x00" in value:
            raise Problem(422, f"{name} is a text of 1 to {_MAX_CONSTANT_CHARS} characters", code="invalid")
        if name == "country" and canonical_country(value) is None:
            raise Problem(422, "country is an ISO 3166 code of two letters, such as VN", code="invalid")
    return found


async def _keep(
    desk: Desk, principal: Principal, file: UploadFile, door: str, constants: dict[str, str], command: str | None,
    request: Request,
) -> UUID:  # fmt: skip
    """Look at the file and keep it; the import's id, also where the same command kept it before."""
    query = request.query_params
    raw = file.file
    digest, size_bytes = await asyncio.to_thread(_measured, raw)
    try:
        how, total = await asyncio.to_thread(format_of, raw, query.get("charset"), query.get("sheet"))
    except Refused as error:
        extra: dict[str, Any] = {name: text for name, text in (("where", error.where), ("fix", error.fix)) if text}
        raise Problem(error.status, f"{error.title}: {error.detail}", code="unreadable", **extra) from None
    name = (file.filename or "file")[-_MAX_NAME_CHARS:].replace("\x00", "")
    upload = store.Upload(new_id(), door, name, digest, size_bytes, how, total, constants, command, principal.actor)

    async def act(work: Work) -> UUID:
        if await store.begin(work.session, upload, work.now):
            raw.seek(0)
            number = 0
            while piece := await asyncio.to_thread(raw.read, _PIECE_BYTES):
                await store.keep_piece(work.session, upload.import_id, number, piece)
                number += 1
            return upload.import_id
        known = await store.of_command(work.session, command) if command is not None else None
        if known is not None and (known.digest, known.door) != (digest, door):
            raise Problem(422, "this Idempotency-Key was used with another file", code="key-reused")
        return known.import_id if known is not None else upload.import_id

    return await persistently(desk, act)


def _measured(file: BinaryIO) -> tuple[str, int]:
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest(), file.tell()


async def _the_import(desk: Desk, import_id: UUID) -> Row[Any]:
    async with desk.read() as session:
        row = await store.the_import(session, import_id)
    if row is None:
        raise Problem(404, "there is no such import", code="no-import")
    return row


def _import(row: Row[Any]) -> dict[str, Any]:
    counts = {state: row.counts.get(state, 0) for state in store.STATES}
    return {
        "import_id": row.import_id,
        "door": row.door,
        "file": row.file_name,
        "digest": row.digest,
        "bytes": row.bytes,
        "format": row.format,
        "constants": row.constants,
        "state": row.state,
        "total": row.total,
        "rows": sum(counts.values()),
        **counts,
        "problems": row.problems,
        "columns": row.columns,
        "made_by": row.made_by,
        "started_at": shown(row.started_at),
        "finished_at": shown(row.finished_at),
    }


def _row(row: Row[Any]) -> dict[str, Any]:
    return dict(zip(("row", "state", "state_now", "reason", "submission_id", "lead_id"), row, strict=True))


async def _report(desk: Desk, import_id: UUID) -> AsyncGenerator[str]:
    """All rows as CSV, a page at a time. No cell is a text of the file, so none is a formula."""
    yield "\ufeffrow,state,state_now,reason,submission_id,lead_id\r\n"
    after = 0
    while True:
        async with desk.read() as session:
            rows = await store.rows_of(session, import_id, None, after, _REPORT_ROWS)
        page_text = io.StringIO()
        csv.writer(page_text).writerows(rows)
        yield page_text.getvalue()
        if len(rows) < _REPORT_ROWS:
            return
        after = rows[-1].row
