"""Notes: what people typed about a lead. They stay here, in no event, and go with the lead's erasure."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import Caller, answer, carry_out, found, json
from router.api.leads import guard
from router.cases import Case
from router.store import doing, lists
from router.store.desk_work import Note
from router.turn import Turn
from shared.http.commands import Asked, Body
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id


class Noting(Body):
    """The text."""

    text: Annotated[str, Field(min_length=1, max_length=10_000)]


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of notes."""

    @router.get("/v1/leads/{lead_id}/notes")
    async def notes(principal: Caller, lead_id: UUID) -> Response:
        """All that was typed about a lead, oldest first: on contacts, rejections, the checklist, tasks, and by itself."""
        async with desk.read() as session:
            guard(principal, found(await lists.dossier(session, lead_id), "lead"))
            items = await doing.notes_of(session, lead_id)
        return json({"items": items, "next": None})

    @router.post("/v1/leads/{lead_id}/notes")
    async def note(ask: Asked, lead_id: UUID, said: Noting) -> Response:
        """One note more."""
        subject = str(new_id())

        async def change(turn: Turn, case: Case) -> None:
            guard(ask.principal, case.dossier)
            turn.notes.append(Note(lead_id, "note", subject, said.text, ask.principal.actor))

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            kept = [each for each in await doing.notes_of(session, case.lead_id) if each["subject"] == subject]
            return answer(kept[0], case.lead_id, 201)

        return await carry_out(desk, ask, lead_id, change, reply)
