"""Opportunities: opened from an activated, complete lead, then stage by stage to won or lost."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import (
    Amount,
    Caller,
    Currency,
    Paged,
    actor,
    allow,
    answer,
    carry_out,
    done,
    found,
    listed,
    scope_of,
)
from router.api.leads import guard
from router.cases import Case
from router.domain import progress
from router.store import lists
from router.turn import Turn
from shared.http.commands import Asked, Body, Word
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id

Stage = Literal["initial", "proposal", "negotiation", "won", "lost"]


class Opening(Body):
    """Amounts are in the currency's minor unit."""

    lead_id: UUID
    amount_minor: Amount | None = None
    currency: Currency | None = None


class Staging(Body):
    """The next stage; won takes an amount (now or before), lost a typed reason."""

    stage: Stage
    amount_minor: Amount | None = None
    currency: Currency | None = None
    reason: Word | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of opportunities."""

    @router.get("/v1/opportunities")
    async def opportunities(
        principal: Caller,
        page: Paged,
        owner: str | None = None,
        stage: Stage | None = None,
        lead_id: UUID | None = None,
    ) -> Response:
        """Opportunities, oldest first."""
        async with desk.read() as session:
            items = await lists.opportunities(
                session, scope_of(principal, owner), page, owner=owner, stage=stage, lead_id=lead_id
            )
        return listed(items, page, "opportunity_id")

    @router.post("/v1/opportunities")
    async def open_one(ask: Asked, said: Opening) -> Response:
        """Open one; what is missing is named."""
        opportunity_id = new_id()

        async def change(turn: Turn, case: Case) -> None:
            guard(ask.principal, case.dossier)
            step = progress.open_opportunity(
                case.dossier,
                opportunity_id=opportunity_id,
                by=actor(ask),
                at=turn.now,
                policy=turn.rules.policy.routing,
                amount_minor=said.amount_minor,
                currency=said.currency,
            )
            case.take(done(step))

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            return answer(found(await lists.opportunity(session, opportunity_id), "opportunity"), case.lead_id, 201)

        return await carry_out(desk, ask, said.lead_id, change, reply)

    @router.post("/v1/opportunities/{opportunity_id}/stage")
    async def stage(ask: Asked, opportunity_id: UUID, said: Staging) -> Response:
        """Move it forward, win it or lose it."""
        async with desk.read() as session:
            lead_id = found(await lists.lead_of(session, "opportunity", opportunity_id), "opportunity")

        async def change(turn: Turn, case: Case) -> None:
            deal = next((known for known in case.dossier.opportunities if known.id == opportunity_id), None)
            allow(ask.principal, found(deal, "opportunity").owner, found(deal, "opportunity").team)
            step = progress.stage(
                case.dossier,
                opportunity_id,
                said.stage,
                by=actor(ask),
                at=turn.now,
                amount_minor=said.amount_minor,
                currency=said.currency,
                reason=said.reason,
            )
            case.take(done(step))

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            return answer(found(await lists.opportunity(session, opportunity_id), "opportunity"), case.lead_id)

        return await carry_out(desk, ask, lead_id, change, reply)
