"""Erasure of a person, and its receipt: complete when every registered consumer's position is past the event."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from intake import erasure, queries
from intake.api.answers import answer, cursor_of, page, shown
from intake.api.arriving import idempotency_key
from intake.api.leads import no_lead
from shared.contracts import LeadErased
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id
from shared.runtime.work import Work

Caller = Annotated[Principal, Depends(caller)]
PURGEABLE = "demo"
"""The one tag whose leads may be taken out of every figure."""


def add_erasures(router: APIRouter, desk: Desk) -> None:
    """Add the paths to a router."""

    @router.delete("/v1/leads/{lead_id}/personal-data")
    async def erase(lead_id: UUID, request: Request, principal: Caller, *, purge: bool = False) -> Response:  # pyright: ignore[reportUnusedFunction]
        erasure_id = new_id()

        async def act(work: Work) -> Answer:
            return await _erase(work, desk.lane(lead_id), lead_id, erasure_id, principal.actor, purge=purge)

        key = idempotency_key(request.headers)
        command = f"intake:erase:{lead_id}:{key}" if key else str(erasure_id)
        done = await desk.command(command, str(lead_id).encode(), lead_id, act)
        return Response(done.body, done.status, media_type="application/json")

    @router.get("/v1/erasures")
    async def several(  # pyright: ignore[reportUnusedFunction]
        cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> Response:
        async with desk.read() as session:
            rows = await erasure.several(session, cursor_of(cursor), limit)
        return page([_receipt(row) for row in rows], limit, "erasure_id")

    @router.get("/v1/erasures/{erasure_id}")
    async def one(erasure_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        async with desk.work() as work:
            row = await erasure.the_erasure(work.session, erasure_id)
            if row is None:
                raise Problem(404, "there is no such erasure", code="no-erasure")
            if row.completed_at is not None:
                return answer(_receipt(row))
            services = await erasure.progress(work.session, row, _parked_in(desk, row.lead_id))
            done = all(each["state"] == "erased" for each in services)
            if done:
                await erasure.complete(work.session, erasure_id, services, work.now)
        at = work.now if done else None
        return answer({**_receipt(row), "complete": done, "completed_at": shown(at), "services": services})


async def _erase(work: Work, lane: int, lead_id: UUID, erasure_id: UUID, actor: str, *, purge: bool) -> Answer:
    await queries.forget_parked(work.session, lead_id)
    row = await queries.the_lead(work.session, lead_id, lock=True)
    if row is None:
        raise no_lead()
    known = await erasure.of_lead(work.session, lead_id)
    if purge and (known.purge is False if known is not None else PURGEABLE not in row.fields.get("tags", ())):
        detail = f"only leads with the tag {PURGEABLE!r} can be purged: others stay in the figures, without a name"
        raise Problem(409, detail, code="not-purgeable")
    if known is None:
        # of a lead that was erased before receipts were kept the event's place is not known, only that it is past
        emitting = row.erased_at is None
        erased_at = row.erased_at or work.now
        await erasure.keep(
            work.session, erasure_id, lead_id, lane, emitting=emitting, purge=purge, by=actor, at=erased_at
        )
        if emitting:
            await queries.forget(work.session, lead_id, work.now)
            work.emit([LeadErased(lead_id=lead_id, occurred_at=work.now, recorded_at=work.now, purge=purge)])
    else:
        erasure_id, erased_at = known.erasure_id, known.erased_at
    told = {"lead_id": lead_id, "erasure_id": erasure_id, "erased_at": shown(erased_at), "receipt": f"/v1/erasures/{erasure_id}"}  # fmt: skip
    return Answer(202, orjson.dumps(told, default=str))


def _parked_in(desk: Desk, lead_id: UUID) -> set[str]:
    """The services that hold a record of this lead aside: what they consumed of it may not have been handled."""
    return {report.service for report in desk.reports() if lead_id in report.parked_leads or report.parked_unlisted > 0}


def _receipt(row: Any) -> dict[str, Any]:
    return {
        "erasure_id": row.erasure_id,
        "lead_id": row.lead_id,
        "erased_at": shown(row.erased_at),
        "purge": row.purge,
        "asked_by": row.asked_by,
        "complete": row.completed_at is not None,
        "completed_at": shown(row.completed_at),
        "services": row.services or [],
    }
