"""Door 2: the clocks, for who may see them."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from sla_watcher import store
from sla_watcher.acting import add_commands
from sla_watcher.caring import add_nurture
from sla_watcher.cursors import read_cursor, write_cursor
from sla_watcher.domain import State
from sla_watcher.telling import shown
from sla_watcher.whose import is_anothers


def api(desk: Desk) -> APIRouter:
    """The router, for a desk."""
    router = APIRouter(tags=["clocks"])
    add_commands(router, desk)
    add_nurture(router, desk)

    @router.get("/v1/clocks")
    async def list_clocks(
        principal: Annotated[Principal, Depends(caller)],
        state: State | None = None,
        owner: str | None = None,
        lead_id: UUID | None = None,
        due_before: AwareDatetime | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: str | None = None,
    ) -> Response:
        """Clocks by due instant. A rep sees those of the rep's own handoffs, a manager of some teams theirs.

        A clock that began before anybody had the lead is no team's: such a manager does not see it where others alone
        had the lead since. So a page may hold fewer than `limit` and still have a next.
        """
        question = store.Question(
            state=state,
            owner=_owner(principal, owner),
            lead_id=lead_id,
            due_before=due_before,
            teams=principal.teams,
            after=read_cursor(cursor),
        )
        async with desk.read() as session:
            found = await store.asked_for(session, question, limit + 1)
            page = found[:limit]
            before = [] if principal.bound_teams is None else [each.lead_id for each in page if each.team is None]
            had = await store.holders(session, before)
        items = [
            shown(each)
            for each in page
            if each.team is not None or not is_anothers(principal, had.get(each.lead_id, ()))
        ]
        more = write_cursor(page[-1]) if len(found) > limit else None
        return Response(msgspec.json.encode({"items": items, "next": more}), media_type="application/json")

    return router


def _owner(principal: Principal, asked: str | None) -> str | None:
    """Whose clocks are shown, None for everybody's.

    Raises Problem 403 for a rep who asks for another's.
    """
    if principal.role != "rep":
        return asked
    if asked not in (None, principal.rep):
        raise Problem(403, "a rep's key shows that rep's own clocks; leave `owner` out", code="not-yours")
    return principal.rep or ""
