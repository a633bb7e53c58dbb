"""Handoffs: the lists, one with its decision record, and the owner's word on it: accept, reject, contacts."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import (
    READS_NOTES,
    Caller,
    Instant,
    Paged,
    Text,
    actor,
    allow,
    answer,
    at_most,
    carry_out,
    done,
    found,
    json,
    listed,
    passed,
    scope_of,
)
from router.cases import Case
from router.domain import by_hand, verdicts
from router.domain.attempts import Attempt
from router.domain.dossier import Dossier, handoff_by_id, owner_of
from router.domain.facts import Refused, Step
from router.domain.progress import missing
from router.store import lists
from router.store.desk_work import Note
from router.turn import Turn
from shared.http.commands import Ask, Asked, Body, Word
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id

State = Literal["open", "offered", "accepted", "working", "closed"]
Channel = Literal["phone", "wechat", "wecom", "zalo", "email", "sms", "visit", "demo", "other"]
Decide = Callable[[Turn, Case], Step | Refused]
Result = Literal["reached", "no_answer", "wrong_number", "call_back", "replied", "refused"]


class Rejection(Body):
    """Why not, with a rating of 1 to 5. The comment stays in the notes."""

    reason: Word
    comment: Text | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None


class Contact(Body):
    """One attempt to reach the lead. Without an instant it is now."""

    channel: Channel
    result: Result
    occurred_at: Instant | None = None
    note: Text | None = None
    next_step_at: Instant | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of handoffs."""
    _reads(router, desk)
    _verdicts(router, desk)


def _reads(router: APIRouter, desk: Desk) -> None:
    @router.get("/v1/handoffs")
    async def handoffs(
        principal: Caller,
        page: Paged,
        owner: str | None = None,
        state: State | None = None,
        lead_id: UUID | None = None,
    ) -> Response:
        """Handoffs, oldest first; `open` are all that are not closed. A rep, or a manager of teams, gets a pass to each lead."""
        async with desk.read() as session:
            items = await lists.handoffs(
                session, scope_of(principal, owner), page, owner=owner, state=state, lead_id=lead_id
            )
        return listed([passed(desk, principal, item, "lead") for item in items], page, "handoff_id")

    @router.get("/v1/handoffs/{handoff_id}")
    async def handoff(principal: Caller, handoff_id: UUID) -> Response:
        """One handoff: why this owner, the contacts, the lead's checklist; a pass as in the list."""
        async with desk.read() as session:
            shown = found(await lists.handoff(session, handoff_id), "handoff")
            allow(principal, shown["owner"], shown["team"])
            dossier = found(await lists.dossier(session, shown["lead_id"]), "lead")
            notes = await lists.notes(session, shown["lead_id"]) if principal.role in READS_NOTES else {}
            published = await desk.transactions.policies.current(session, "routing", desk.clock())
        shown["contacts"] = contacts_of(dossier, handoff_id, notes)
        shown["comment"] = notes.get(("rejection", str(handoff_id)))
        shown["status"] = dossier.status
        shown["missing"] = missing(dossier, published.value.routing)
        return json(passed(desk, principal, shown, "lead"))


def contacts_of(dossier: Dossier, handoff_id: UUID, notes: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """A handoff's contacts, with what was noted where the reader may see it."""
    return [
        {
            "contact_id": made.id,
            "by": made.by,
            "channel": made.channel,
            "result": made.result,
            "occurred_at": made.occurred_at,
            "recorded_at": made.recorded_at,
            "next_step_at": made.next_step_at,
            "unproven": made.unproven,
            "note": notes.get(("contact", str(made.id))),
        }
        for made in dossier.contacts
        if made.handoff_id == handoff_id
    ]


def _verdicts(router: APIRouter, desk: Desk) -> None:
    async def lead_of(handoff_id: UUID) -> UUID:
        async with desk.read() as session:
            return found(await lists.lead_of(session, "handoff", handoff_id), "handoff")

    async def judge(ask: Ask, handoff_id: UUID, decide: Decide, note: Note | None = None) -> Response:
        async def change(turn: Turn, case: Case) -> None:
            allow_on(ask, case, handoff_id)
            case.take(done(decide(turn, case)))
            if note is not None:
                turn.notes.append(note)

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            shown = found(await lists.handoff(session, handoff_id), "handoff")
            return answer({**shown, "status": case.dossier.status}, case.lead_id)

        return await carry_out(desk, ask, await lead_of(handoff_id), change, reply)

    @router.post("/v1/handoffs/{handoff_id}/accept")
    async def accept(ask: Asked, handoff_id: UUID) -> Response:
        """The owner takes it."""
        return await judge(
            ask, handoff_id, lambda turn, case: verdicts.accept(case.dossier, handoff_id, by=actor(ask), at=turn.now)
        )

    @router.post("/v1/handoffs/{handoff_id}/reject")
    async def reject(ask: Asked, handoff_id: UUID, said: Rejection) -> Response:
        """The owner's no; what follows from the reason is policy."""
        note = None
        if said.comment:
            note = Note(await lead_of(handoff_id), "rejection", str(handoff_id), said.comment, ask.principal.actor)
        return await judge(
            ask,
            handoff_id,
            lambda turn, case: verdicts.reject(
                case.dossier,
                handoff_id,
                reason=said.reason,
                rating=said.rating,
                by=actor(ask),
                at=turn.now,
                policy=turn.rules.policy.routing,
            ),
            note,
        )

    @router.post("/v1/handoffs/{handoff_id}/contacts")
    async def contact(ask: Asked, handoff_id: UUID, said: Contact) -> Response:
        """One attempt: accepts the handoff, sets *contacted* and meets the clock in one act."""
        return await log_contact(desk, ask, await lead_of(handoff_id), said, handoff_id)


def allow_on(ask: Ask, case: Case, handoff_id: UUID) -> None:
    """Let pass who may act on this handoff.

    Raises Problem 403 or 404.
    """
    handoff = found(handoff_by_id(case.dossier, handoff_id), "handoff")
    allow(ask.principal, handoff.owner, handoff.team)


async def log_contact(desk: Desk, ask: Ask, lead_id: UUID, said: Contact, handoff_id: UUID | None = None) -> Response:
    """Log a contact on a handoff, or on the lead's latest one where none is named."""
    contact_id = new_id()

    async def change(turn: Turn, case: Case) -> None:
        attempt = Attempt(
            contact_id,
            said.channel,
            said.result,
            at_most(said.occurred_at, turn.now),
            actor(ask),
            turn.now,
            said.next_step_at,
            turn.rules.policy.routing.max_backdate_h,
        )
        latest = case.dossier.handoffs[-1] if case.dossier.handoffs else None
        cleaning = latest is None or (ask.principal.role == "sdr" and not ask.principal.may_act_for(latest.owner))
        if handoff_id is None and cleaning and owner_of(case.dossier) is None:
            case.take(done(by_hand.phoned(case.dossier, attempt)))
        else:
            on = handoff_id or found(latest, "handoff").id
            allow_on(ask, case, on)
            case.take(done(verdicts.contact(case.dossier, on, attempt)))
        if said.note:
            turn.notes.append(Note(case.lead_id, "contact", str(contact_id), said.note, ask.principal.actor))

    async def reply(_session: AsyncConnection, case: Case) -> Answer:
        made = next(known for known in case.dossier.contacts if known.id == contact_id)
        handoff = handoff_by_id(case.dossier, made.handoff_id)
        body = {
            "contact_id": contact_id,
            "handoff_id": handoff.id if handoff else None,
            "lead_id": case.lead_id,
            "state": handoff.state if handoff else None,
            "status": case.dossier.status,
            "occurred_at": made.occurred_at,
            "unproven": made.unproven,
        }
        return answer(body, case.lead_id, 201)

    return await carry_out(desk, ask, lead_id, change, reply)
