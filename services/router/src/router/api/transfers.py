"""Leads that pass from hand to hand: returned, passed on by an SDR, transferred, assigned by hand, put into a pool."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import Change, Text, actor, allow, answer, carry_out, done, found, typed
from router.api.choosing import ByHand, choose, give, remark
from router.api.handoffs import allow_on
from router.api.leads import guard
from router.cases import Case
from router.domain import by_hand, verdicts
from router.domain.dossier import open_handoff, open_opportunity_of, owner_of, place
from router.domain.facts import Refused, Step
from router.domain.policy import Pool
from router.domain.whose import is_anothers
from router.store import doing, lists
from router.turn import Turn
from shared.http.commands import Ask, Asked, Body, Word
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id


class Returning(Body):
    """Why the owner gives it back: no word on the lead itself, else it is a rejection."""

    reason: Word
    comment: Text | None = None


class PassingOn(Body):
    """What the SDR thinks of the lead."""

    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    comment: Text | None = None


class ToPool(Body):
    """Which pool, and why."""

    pool: Pool
    reason: Word = "by_hand"
    comment: Text | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths on which a lead changes hands."""
    _letting_go(router, desk)
    _transferring(router, desk)
    _assigning(router, desk)


async def handoff_lead(desk: Desk, handoff_id: UUID) -> UUID:
    """The lead of a handoff.

    Raises Problem 404 where there is none.
    """
    async with desk.read() as session:
        return found(await lists.lead_of(session, "handoff", handoff_id), "handoff")


def _letting_go(router: APIRouter, desk: Desk) -> None:
    async def let_go(ask: Ask, handoff_id: UUID, change: Change) -> Response:
        async def reply(session: AsyncConnection, case: Case) -> Answer:
            shown = found(await lists.handoff(session, handoff_id), "handoff")
            held = owner_of(case.dossier)
            after = {"now": str(place(case.dossier)), "next_owner": held[0] if held else None}
            return answer({**shown, "status": case.dossier.status, **after}, case.lead_id)

        return await carry_out(desk, ask, await handoff_lead(desk, handoff_id), change, reply)

    @router.post("/v1/handoffs/{handoff_id}/return")
    async def give_back(ask: Asked, handoff_id: UUID, said: Returning) -> Response:
        """The owner gives it back: the next rep gets it, or it goes where the policy says."""

        async def change(turn: Turn, case: Case) -> None:
            policy = turn.rules.policy.routing
            allow_on(ask, case, handoff_id)
            reason = typed(said.reason, policy.return_reasons)
            case.take(
                done(
                    verdicts.return_handoff(
                        case.dossier, handoff_id, reason=reason, by=actor(ask), at=turn.now, policy=policy
                    )
                )
            )
            remark(turn, case, ask, "return", handoff_id, said.comment)

        return await let_go(ask, handoff_id, change)

    @router.post("/v1/handoffs/{handoff_id}/pass-on")
    async def pass_on(ask: Asked, handoff_id: UUID, said: PassingOn) -> Response:
        """An SDR has pre-screened the lead and found it good: routing looks for its rep."""

        async def change(turn: Turn, case: Case) -> None:
            allow_on(ask, case, handoff_id)
            step = by_hand.pass_on(
                case.dossier,
                handoff_id,
                by=actor(ask),
                at=turn.now,
                policy=turn.rules.policy.routing,
                rating=said.rating,
            )
            case.take(done(step))
            remark(turn, case, ask, "pass-on", handoff_id, said.comment)

        return await let_go(ask, handoff_id, change)


def _transferring(router: APIRouter, desk: Desk) -> None:
    @router.post("/v1/handoffs/{handoff_id}/transfer")
    async def transfer(ask: Asked, handoff_id: UUID, said: ByHand) -> Response:
        """A manager gives the open handoff to another rep: a new handoff, a new clock, both told."""
        after = new_id()

        async def change(turn: Turn, case: Case) -> None:
            allow_on(ask, case, handoff_id)
            work = open_handoff(case.dossier)
            if work is None or work.id != handoff_id:
                turned = open_opportunity_of(case.dossier) is not None
                hint = "it became an opportunity: POST /v1/opportunities/{id}/transfer" if turned else "it is closed"
                done(Refused("handoff_closed", f"only an open handoff is transferred; {hint}"))
            await hand_over(turn, case, ask, said, after)

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            return answer(found(await lists.handoff(session, after), "handoff"), case.lead_id, 201)

        return await carry_out(desk, ask, await handoff_lead(desk, handoff_id), change, reply)

    @router.post("/v1/opportunities/{opportunity_id}/transfer")
    async def transfer_opportunity(ask: Asked, opportunity_id: UUID, said: ByHand) -> Response:
        """A manager gives the open opportunity to another rep, at the stage where it is."""
        async with desk.read() as session:
            lead_id = found(await lists.lead_of(session, "opportunity", opportunity_id), "opportunity")

        async def change(turn: Turn, case: Case) -> None:
            deal = found(
                next((one for one in case.dossier.opportunities if one.id == opportunity_id), None), "opportunity"
            )
            allow(ask.principal, deal.owner, deal.team)
            if not deal.is_open:
                done(Refused("opportunity_closed", f"the opportunity is {deal.stage}: there is nothing to transfer"))
            await hand_over(turn, case, ask, said, new_id())

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            return answer(found(await lists.opportunity(session, opportunity_id), "opportunity"), case.lead_id)

        return await carry_out(desk, ask, lead_id, change, reply)


async def hand_over(turn: Turn, case: Case, ask: Ask, said: ByHand, handoff_id: UUID) -> None:
    """Give a lead's open work to somebody else; `handoff_id` is the new handoff's, where there is to be one."""
    work = open_handoff(case.dossier)
    deal = open_opportunity_of(case.dossier)
    held = owner_of(case.dossier)
    if said.to is not None and held is not None and said.to == held[0]:
        done(Refused("same_owner", f"{said.to} has it already: name somebody else"))
    chosen = await choose(turn, case, ask, said)
    step = by_hand.transfer(
        case.dossier,
        handoff_id=handoff_id,
        to=chosen.rep,
        team=chosen.team,
        reason=said.reason,
        by=actor(ask),
        at=turn.now,
        step=chosen.step,
    )
    case.take(done(step))
    give(turn, case, handoff_id, chosen)
    before = work.id if work is not None else found(deal, "opportunity").handoff_id
    await doing.hand_on_tasks(
        turn.connection,
        case.lead_id,
        before,
        after=handoff_id if work is not None else before,
        owner=chosen.rep,
        team=chosen.team,
    )
    remark(turn, case, ask, "transfer", before, said.comment)


def _allow_taking(ask: Ask, case: Case) -> None:
    """What is in a pool is anybody's; what waits for a team, or was won by one, a manager of others does not take.

    Raises Problem 403.
    """
    teams = ask.principal.bound_teams
    if teams is not None and place(case.dossier).kind != "pool" and is_anothers(case.dossier, teams):
        raise Problem(403, "this lead is another team's: ask its manager", code="not-owner")


def _assigning(router: APIRouter, desk: Desk) -> None:
    @router.post("/v1/leads/{lead_id}/assign")
    async def assign_by_hand(ask: Asked, lead_id: UUID, said: ByHand) -> Response:
        """A manager gives a lead that nobody has to a rep, or to a team's next one."""
        handoff_id = new_id()

        async def change(turn: Turn, case: Case) -> None:
            refusal = by_hand.assignable(case.dossier)
            if refusal is not None:
                done(refusal)
            _allow_taking(ask, case)
            chosen = await choose(turn, case, ask, said)
            if ask.principal.teams and chosen.team not in ask.principal.teams:
                raise Problem(403, f"team {chosen.team} is not yours: ask its manager", code="not-owner")
            step = by_hand.give(
                case.dossier,
                handoff_id=handoff_id,
                to=chosen.rep,
                team=chosen.team,
                by=actor(ask),
                at=turn.now,
                step=chosen.step,
            )
            case.take(done(step))
            give(turn, case, handoff_id, chosen)
            remark(turn, case, ask, "assign", handoff_id, said.comment)

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            return answer(found(await lists.handoff(session, handoff_id), "handoff"), case.lead_id, 201)

        return await carry_out(desk, ask, lead_id, change, reply)

    @router.post("/v1/leads/{lead_id}/pool")
    async def to_pool(ask: Asked, lead_id: UUID, said: ToPool) -> Response:
        """Marketing or an SDR moves a lead that nobody has; an SDR what they screen; a manager takes one back."""

        async def change(turn: Turn, case: Case) -> None:
            guard(ask.principal, case.dossier)
            policy = turn.rules.policy.routing
            reason = typed(said.reason, policy.by_hand_reasons)
            moved: Step | Refused = by_hand.to_pool(
                case.dossier, said.pool, reason=reason, by=actor(ask), at=turn.now, policy=policy
            )
            case.take(done(moved))
            remark(turn, case, ask, "pool", said.pool, said.comment)

        async def reply(_session: AsyncConnection, case: Case) -> Answer:
            return answer({"lead_id": lead_id, "now": str(place(case.dossier))}, lead_id)

        return await carry_out(desk, ask, lead_id, change, reply)
