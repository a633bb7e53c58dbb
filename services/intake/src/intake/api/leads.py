"""`/v1/leads`: search, and one lead."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Row
from starlette.responses import Response

from intake import queries
from intake.api.answers import answer, cursor_of, masked, page, sees_people, shown
from intake.domain.identity import email_key, phone_key
from intake.domain.people import Key
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.passes import Pass, is_let_in
from shared.http.problems import Problem
from shared.runtime.clock import system_clock
from shared.runtime.desk import Desk

Caller = Annotated[Principal, Depends(caller)]


def add_leads(router: APIRouter, desk: Desk) -> None:
    """Add the paths to a router."""

    @router.get("/v1/leads")
    async def search(  # pyright: ignore[reportUnusedFunction]
        principal: Caller,
        email: str | None = None,
        phone: str | None = None,
        name: str | None = None,
        tag: str | None = None,
        country: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        if not sees_people(principal) and (email or phone or name):
            raise Problem(403, f"the role {principal.role} may not look for people", code="role")
        wanted = queries.Wanted(_keys(email, phone, country), name or None, cursor_of(cursor), limit, tag or None)
        return await _found(desk, principal, wanted, by_key=bool(email or phone))

    @router.get("/v1/leads/{lead_id}")
    async def one(lead_id: UUID, principal: Caller, given: Pass = "") -> Response:  # pyright: ignore[reportUnusedFunction]
        """One lead with its submissions. A rep or a manager of teams is shown who it is with router's pass, else not.

        Intake does not know who has a lead; router does, and signs the pass.
        """
        return answer(await shown_lead(desk, lead_id, principal, given))


async def shown_lead(desk: Desk, lead_id: UUID, principal: Principal, given: str = "") -> dict[str, Any]:
    """A lead as this caller may see it: with a pass, where they do not see all leads.

    Raises Problem 404 and 410.
    """
    async with desk.read() as session:
        row = await queries.the_lead(session, lead_id)
        if row is None:
            raise no_lead()
        if row.erased_at is not None:
            raise erased(row.erased_at)
        submissions = await queries.submissions_of(session, lead_id)
    let_in = is_let_in(desk.secrets, principal, lead_id, "lead", given, system_clock())
    return {**_lead(row, shows=sees_people(principal) and let_in), "submissions": submissions}


def erased(at: datetime) -> Problem:
    """The answer where the person was erased."""
    return Problem(410, "this person was erased", code="erased", erased_at=shown(at))


def no_lead() -> Problem:
    """The answer where there is no such lead."""
    return Problem(404, "there is no such lead", code="no-lead")


async def _found(desk: Desk, principal: Principal, wanted: queries.Wanted, *, by_key: bool) -> Response:
    if by_key and not wanted.keys:
        return answer({"items": [], "next": None})
    async with desk.read() as session:
        rows = await queries.leads_like(session, wanted)
    # a rep finds somebody by e-mail or phone, and reads a lead with a pass; nobody sells on the whole list of people,
    # and a manager of some teams has no more of the others' than their reps
    shows = sees_people(principal) and (by_key or principal.sees_all_leads)
    return page([_lead(row, shows=shows) for row in rows], wanted.limit, "lead_id")


def _keys(email: str | None, phone: str | None, country: str | None) -> tuple[Key, ...]:
    found = (email_key(email), phone_key(phone, country))
    return tuple(Key(prefix + key.kind, key.value) for key in found if key for prefix in ("", "test-"))


def _lead(row: Row[Any], *, shows: bool) -> dict[str, Any]:
    return {
        "lead_id": row.lead_id,
        "captured_at": shown(row.captured_at),
        "updated_at": shown(row.updated_at),
        "door": row.door,
        "fields": row.fields if shows else masked(row.fields),
        "attributes": row.attributes,
        "marketing_owner": row.marketing_owner,
        "is_test": row.is_test,
    }
