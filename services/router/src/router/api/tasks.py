"""Tasks: what an owner (or marketing) has to do next; set by hand too, and done."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import READS_NOTES, Caller, Instant, Paged, Text, answer, carry_out, found, listed, scope_of
from router.api.leads import guard
from router.cases import Case
from router.domain.dossier import open_handoff, open_opportunity_of, owner_of
from router.store import doing, lists
from router.store.desk_work import Note
from router.store.tasks import MARKETINGS, Task
from router.turn import Turn
from shared.http.access import Principal
from shared.http.commands import Ask, Asked, Body, Word
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id


class Setting(Body):
    """A task by hand: for oneself, or by a manager for the rep they name. What is typed stays in the notes."""

    lead_id: UUID
    kind: Word = "to_do"
    due_at: Instant | None = None
    note: Text | None = None
    owner: str | None = None


class Finishing(Body):
    """How it ended, if that matters."""

    outcome: Word | None = None
    note: Text | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of tasks."""
    _list(router, desk)
    _set(router, desk)
    _finish(router, desk)


def _list(router: APIRouter, desk: Desk) -> None:
    @router.get("/v1/tasks")
    async def tasks(
        principal: Caller,
        page: Paged,
        owner: str | None = None,
        lead_id: UUID | None = None,
        state: Literal["open", "done", "all"] = "open",
        kind: str | None = None,
        due_before: Instant | None = None,
    ) -> Response:
        """Tasks, oldest first: handoffs to take, dated next steps, high-value behaviour, what marketing must mend."""
        async with desk.read() as session:
            items = await lists.tasks(
                session,
                scope_of(principal, owner),
                page,
                owner=owner,
                lead_id=lead_id,
                state=state,
                kind=kind,
                due_before=due_before,
            )
            noted = principal.role in READS_NOTES and items
            notes = await doing.task_notes(session, [item["task_id"] for item in items]) if noted else {}
        shown = [{**item, "note": notes.get(str(item["task_id"]))} for item in items]
        return listed(shown, page, "task_id")


def _set(router: APIRouter, desk: Desk) -> None:
    @router.post("/v1/tasks")
    async def set_one(ask: Asked, said: Setting) -> Response:
        """A next step of one's own: what, when, with which lead."""
        task_id = new_id()

        async def change(turn: Turn, case: Case) -> None:
            guard(ask.principal, case.dossier)
            _due(said.due_at, turn.now)
            task = _task(ask, turn, case, said)
            await doing.add_task(turn.connection, task_id, task, turn.now)
            if said.note:
                turn.notes.append(Note(case.lead_id, "task", str(task_id), said.note, ask.principal.actor))

        return await carry_out(desk, ask, said.lead_id, change, _reply(task_id, 201))


def _due(due_at: datetime | None, now: datetime) -> None:
    if due_at is not None and due_at <= now:
        raise Problem(
            422, "a task is due in the future; leave due_at out for at once", code="due-past", missing=["due_at"]
        )


def _task(ask: Ask, turn: Turn, case: Case, said: Setting) -> Task:
    held = owner_of(case.dossier)
    owner = said.owner or ask.principal.rep or (held[0] if held else None) or ask.principal.actor
    if said.owner is not None and said.owner != ask.principal.actor and not ask.principal.may_act_for(said.owner):
        raise Problem(403, "you set tasks for yourself only; a manager sets them for others", code="not-owner")
    handoff, deal = open_handoff(case.dossier), open_opportunity_of(case.dossier)
    handoff_id = handoff.id if handoff else (deal.handoff_id if deal else None)
    return Task(case.lead_id, handoff_id, said.kind, owner, turn.rules.policy.team_of.get(owner), (), said.due_at)


def _finish(router: APIRouter, desk: Desk) -> None:
    @router.post("/v1/tasks/{task_id}/done")
    async def finish(ask: Asked, task_id: UUID, said: Finishing | None = None) -> Response:
        """It is done. Done twice is done once: who did it first stays."""
        async with desk.read() as session:
            task = found(await doing.task(session, task_id), "task")
        _allow(ask.principal, task)
        lead_id = UUID(int=task["lead_id"].int)
        told = said or Finishing()

        async def change(turn: Turn, case: Case) -> None:
            by = ask.principal.actor
            await doing.finish_task(turn.connection, task_id, by=by, outcome=told.outcome, now=turn.now)
            if told.note:
                turn.notes.append(Note(case.lead_id, "task", str(task_id), told.note, by))

        return await carry_out(desk, ask, lead_id, change, _reply(task_id, 200))


def _allow(principal: Principal, task: dict[str, Any]) -> None:
    """Let pass whose task it is, their manager, and marketing on what is marketing's.

    Raises Problem 403.
    """
    owner, team = task["owner"], task["team"]
    match principal.role:
        case "admin":
            allowed = True
        case "manager":
            teams = principal.bound_teams
            allowed = teams is None or team in teams or owner == principal.actor
        case "marketer":
            allowed = owner in (None, principal.actor) or task["kind"] in MARKETINGS
        case _:
            allowed = owner == principal.actor
    if not allowed:
        raise Problem(403, f"this task is {owner}'s, not yours", code="not-owner")


def _reply(task_id: UUID, status: int) -> Any:
    async def reply(session: AsyncConnection, case: Case) -> Answer:
        return answer(found(await doing.task(session, task_id), "task"), case.lead_id, status)

    return reply
