"""Door 2, nurture: the steps of a lead's cadences, said and to come."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from sla_watcher import run_store, store
from sla_watcher.domain.runs import Run, StepState, state_of
from sla_watcher.whose import is_anothers


class Shown(msgspec.Struct, frozen=True):
    """One step. `content` is the most specific piece; `reason` says why a run was stopped."""

    lead_id: UUID
    cadence: str
    episode: int
    step: int
    day: int
    content: str
    fallbacks: tuple[str, ...]
    due_at: datetime
    state: StepState
    said_at: datetime | None
    reason: str | None
    policy_version: int


def add_nurture(router: APIRouter, desk: Desk) -> None:
    """The path of a lead's nurture."""

    @router.get("/v1/nurture")
    async def steps(lead_id: UUID, principal: Annotated[Principal, Depends(caller)]) -> Response:
        """The steps of a lead's cadences: waiting, said, stopped or skipped.

        A rep sees those of leads that are or were the rep's; a manager bound to teams none that only others had.
        """
        async with desk.read() as session:
            _allow(principal, (await store.holders(session, [lead_id])).get(lead_id, set()))
            runs = await run_store.shown(session, lead_id)
        items = [each for run in runs for each in _steps(run)]
        return Response(msgspec.json.encode({"items": items, "next": None}), media_type="application/json")


def _allow(principal: Principal, had: Collection[tuple[str, str]]) -> None:
    """Raise Problem 404 where the lead was never the caller's."""
    if principal.role == "rep" and all(owner != principal.rep for owner, _ in had):
        raise Problem(404, "no lead with this id is or was yours", code="no-lead")
    if is_anothers(principal, had):
        raise Problem(404, "no lead with this id is or was your teams'", code="no-lead")


def _steps(run: Run) -> Iterator[Shown]:
    for step in run.steps:
        best, *plainer = step.pieces or (step.content,)
        yield Shown(
            lead_id=run.lead_id,
            cadence=run.cadence,
            episode=run.episode,
            step=step.number,
            day=step.day,
            content=best,
            fallbacks=tuple(plainer),
            due_at=step.due_at,
            state=state_of(run, step),
            said_at=step.said_at,
            reason=run.reason,
            policy_version=run.policy_version,
        )
