"""A lead's progress: contacts, status, and the checklist that is kept across handoffs."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import READS_NOTES, Caller, Text, actor, allow, answer, carry_out, done, found, json
from router.api.handoffs import Contact, log_contact
from router.cases import Case
from router.domain import progress
from router.domain.dossier import Dossier, owner_of
from router.domain.policy import CHECKLIST, Routing
from router.domain.progress import PICKLISTS
from router.domain.whose import is_anothers
from router.store import lists
from router.store.desk_work import Note
from router.turn import Turn
from shared.http.access import Principal
from shared.http.commands import Asked, Body, Word
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk

Choice = bool | Literal["yes", "no"] | None


class Move(Body):
    """One or more steps forward, invalid with a typed reason, or from invalid back to new on proof."""

    status: Literal["new", "contacted", "interested", "activated", "invalid"]
    reason: Word | None = None
    proof: Text | None = None


class Checklist(Body):
    """Answers; what is left out stays, null takes an answer back."""

    pain_point: Text | None = None
    current_solution: Text | None = None
    timeframe: Literal["1_month", "3_months", "long_term"] | None = None
    definite_project: Choice = None
    budget: Literal["yes", "no", "pending"] | None = None
    budget_range: Text | None = Field(default=None, description="Kept beside the answer; not required")
    decision_maker: Choice = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of a lead."""

    @router.post("/v1/leads/{lead_id}/contacts")
    async def contact(ask: Asked, lead_id: UUID, said: Contact) -> Response:
        """One attempt, on the lead's latest handoff; an SDR's with a lead that nobody has stands on its own."""
        return await log_contact(desk, ask, lead_id, said)

    @router.post("/v1/leads/{lead_id}/status")
    async def status(ask: Asked, lead_id: UUID, said: Move) -> Response:
        """Move the lead."""

        async def change(turn: Turn, case: Case) -> None:
            guard(ask.principal, case.dossier)
            step = progress.move(
                case.dossier, said.status, by=actor(ask), at=turn.now, reason=said.reason, proof=said.proof
            )
            case.take(done(step))
            if said.proof:
                turn.notes.append(Note(lead_id, "proof", said.status, said.proof, ask.principal.actor))

        async def reply(_session: AsyncConnection, case: Case) -> Answer:
            return answer({"lead_id": lead_id, "status": case.dossier.status}, lead_id)

        return await carry_out(desk, ask, lead_id, change, reply)

    _checklist(router, desk)


def guard(principal: Principal, dossier: Dossier) -> None:
    """An owned lead is touched by its owner, a manager of the team, or marketing and SDRs as their roles allow.

    What nobody has, a rep touches only where they had it before, a manager of some teams where no others alone had it
    or are to have it. Raises Problem 403.
    """
    teams = principal.bound_teams
    held = owner_of(dossier)
    if held is not None and principal.role in ("rep", "manager"):
        allow(principal, *held)
    if held is None and principal.role == "rep" and all(known.owner != principal.rep for known in dossier.handoffs):
        raise Problem(403, "this lead is not yours: claim it from its pool, or ask your manager", code="not-owner")
    if held is None and teams is not None and is_anothers(dossier, teams):
        raise Problem(403, "this lead is or was another team's: have it claimed from its pool", code="not-owner")


def _checklist(router: APIRouter, desk: Desk) -> None:
    @router.get("/v1/leads/{lead_id}/checklist")
    async def checklist(principal: Caller, lead_id: UUID) -> Response:
        """The answers, by whom and when, and what is missing for an opportunity."""
        async with desk.read() as session:
            dossier = found(await lists.dossier(session, lead_id), "lead")
            guard(principal, dossier)
            notes = await lists.notes(session, lead_id) if principal.role in READS_NOTES else {}
            published = await desk.transactions.policies.current(session, "routing", desk.clock())
        return json(_shown(lead_id, dossier, notes, published.value.routing))

    @router.patch("/v1/leads/{lead_id}/checklist")
    async def fill(ask: Asked, lead_id: UUID, said: Checklist) -> Response:
        """Fill fields, or take answers back."""
        given = said.model_dump(exclude_unset=True)
        answers = {name: _word(value) for name, value in given.items() if name in CHECKLIST}

        async def change(turn: Turn, case: Case) -> None:
            guard(ask.principal, case.dossier)
            policy = turn.rules.policy.routing
            case.take(done(progress.fill(case.dossier, answers, by=actor(ask), at=turn.now, policy=policy)))
            turn.notes.extend(
                Note(lead_id, "checklist", name, value or "", ask.principal.actor)
                for name, value in given.items()
                if name not in PICKLISTS
            )

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            notes = await lists.notes(session, lead_id)
            published = await desk.transactions.policies.current(session, "routing", desk.clock())
            return answer(_shown(lead_id, case.dossier, notes, published.value.routing), lead_id)

        return await carry_out(desk, ask, lead_id, change, reply)


def _word(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)


def _shown(lead_id: UUID, dossier: Dossier, notes: dict[tuple[str, str], str], routing: Routing) -> dict[str, Any]:
    lacking = progress.missing(dossier, routing)
    fields = {
        name: {
            "value": kept.value if name in PICKLISTS else notes.get(("checklist", name)),
            "by": kept.by,
            "at": kept.at,
        }
        for name, kept in dossier.checklist.items()
    }
    return {
        "lead_id": lead_id,
        "fields": fields,
        "budget_range": notes.get(("checklist", "budget_range")) or None,
        "missing": lacking,
        "complete": not lacking,
    }
