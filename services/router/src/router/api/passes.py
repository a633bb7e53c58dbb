"""A caller's pass to one lead: what the one origin asks for, so that whoever reads there need not carry it."""

from uuid import UUID

from fastapi import APIRouter, Response

from router.api.asking import Caller, json, pass_of
from router.domain.whose import NO_TEAMS, opened_to
from router.store import lists
from shared.runtime.desk import Desk


def add(router: APIRouter, desk: Desk) -> None:
    """The path of passes."""

    @router.get("/v1/leads/{lead_id}/pass")
    async def pass_to(principal: Caller, lead_id: UUID) -> Response:
        """The pass by which intake and scorer show a lead to a rep or to a manager of teams; null for who has none.

        `opens` says what of it: the `lead`, or its `score` alone.
        """
        opens = None
        if not principal.sees_all_leads:
            async with desk.read() as session:
                dossier = await lists.dossier(session, lead_id)
                published = await desk.transactions.policies.current(session, "routing", desk.clock())
            if dossier is not None:
                rep = principal.rep if principal.role == "rep" else None
                teams = principal.bound_teams or NO_TEAMS
                opens = opened_to(dossier, published.value.routing, rep=rep, teams=teams)
        given = None if opens is None else pass_of(desk, principal, lead_id, opens)
        return json({"lead_id": lead_id, "opens": opens, "pass": given})
