"""Tasks: what an owner (or marketing) has to do next."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from router.api.asking import Caller, Paged, listed, scope_of
from router.store import lists
from shared.runtime.desk import Desk


def add(router: APIRouter, desk: Desk) -> None:
    """The path of tasks."""

    @router.get("/v1/tasks")
    async def tasks(
        principal: Caller,
        page: Paged,
        owner: str | None = None,
        lead_id: UUID | None = None,
        state: Literal["open", "done", "all"] = "open",
    ) -> Response:
        """Tasks, oldest first: handoffs to take, dated next steps, high-value behaviour, what marketing must mend."""
        async with desk.read() as session:
            items = await lists.tasks(
                session, scope_of(principal, owner), page, owner=owner, lead_id=lead_id, state=state
            )
        return listed(items, page, "task_id")
