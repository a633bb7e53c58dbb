"""`/v1/submissions`: what arrived and what became of it, and another try for what could not be mapped."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Row
from starlette.responses import Response

from intake import queries
from intake.api.answers import answer, cursor_of, masked, page, persistently, sees_people, shown
from intake.capture import Placed, Raced
from intake.replay import replay
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.runtime.work import Work

Caller = Annotated[Principal, Depends(caller)]
_STATES = ("captured", "further", "repeat", "awaiting", "parked", "ignored")


def add_submissions(router: APIRouter, desk: Desk) -> None:
    """Add the paths to a router."""

    @router.get("/v1/submissions")
    async def several(  # pyright: ignore[reportUnusedFunction]
        principal: Caller,
        door: str | None = None,
        state: str | None = None,
        lead_id: UUID | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        if state is not None and state not in _STATES:
            raise Problem(422, f"a state is one of {', '.join(_STATES)}", code="invalid")
        given = {"door": door, "state": state, "lead_id": lead_id}
        chosen = {name: value for name, value in given.items() if value is not None}
        async with desk.read() as session:
            rows = await queries.submissions_like(session, chosen, cursor_of(cursor), limit)
        return page([_submission(row, principal) for row in rows], limit, "submission_id")

    @router.get("/v1/submissions/{submission_id}")
    async def one(submission_id: UUID, principal: Caller) -> Response:  # pyright: ignore[reportUnusedFunction]
        async with desk.read() as session:
            row = await queries.the_submission(session, submission_id)
        if row is None:
            raise Problem(404, "there is no such submission", code="no-submission")
        return answer({**_submission(row, principal), **(_raw(row) if sees_people(principal) else {})})

    @router.post("/v1/submissions/{submission_id}/replay")
    async def again(submission_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        tries = 0

        async def act(work: Work) -> list[Placed]:
            nonlocal tries
            tries += 1
            return await replay(desk, work, submission_id, again=tries > 1)

        try:
            placed = await persistently(desk, act)
        except Raced:
            raise Problem(503, "it arrived again meanwhile; try again", headers={"Retry-After": "1"}) from None
        shown_items = [
            {
                "submission_id": submission_id if one.duplicate else one.submission_id,
                "lead_id": one.lead_id,
                "state": "repeat" if one.duplicate else one.state,
                "known": one.known,
            }
            for one in placed
        ]
        return answer({**shown_items[0], **({"submissions": shown_items} if len(shown_items) > 1 else {})})


def _submission(row: Row[Any], principal: Principal) -> dict[str, Any]:
    fields = row.fields or {}
    return {
        "submission_id": row.submission_id,
        "lead_id": row.lead_id,
        "door": row.door,
        "vendor_id": row.vendor_id,
        "state": row.state,
        "reason": row.reason,
        "fields": fields if sees_people(principal) else masked(fields),
        "received_at": shown(row.received_at),
    }


def _raw(row: Row[Any]) -> dict[str, Any]:
    if row.raw is None:
        return {"raw": None, "content_type": row.content_type}
    try:
        return {"raw": bytes(row.raw).decode(), "content_type": row.content_type}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(row.raw).decode(), "content_type": row.content_type}
