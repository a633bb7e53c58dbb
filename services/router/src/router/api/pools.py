"""Where leads without an owner are: the pools, claims from them, and the waiting."""

from datetime import datetime, time
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import Caller, Paged, answer, carry_out, done, found, listed, passed, scope_of
from router.cases import Case, Offering
from router.domain import ownership
from router.domain.desk import full, local_day
from router.domain.dossier import place
from router.domain.facts import Actor, Refused
from router.domain.policy import Pool, Rep, Routing, Team
from router.domain.rules import step_of
from router.store import lists
from router.turn import Turn
from shared.contracts.handoffs import Considered, Decision
from shared.http.commands import Ask, Asked, Body
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id


class Claim(Body):
    """Which lead. A manager claims for a rep by naming them."""

    lead_id: UUID
    owner: str | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of pools and of the waiting."""

    @router.get("/v1/pools/{pool}")
    async def pool_of(principal: Caller, pool: Pool, page: Paged) -> Response:
        """The leads in a pool; of one that may be claimed from, with a pass to each score. Reps see no other pool."""
        async with desk.read() as session:
            published = await desk.transactions.policies.current(session, "routing", desk.clock())
            claimed = _is_claimed(published.value.routing, pool)
            if principal.role == "rep" and not claimed:
                detail = f"nobody claims from the {pool} pool, so it is not shown to reps"
                raise Problem(403, detail, code="not-claimable")
            items = await lists.pool(session, pool, page)
        shown = [passed(desk, principal, item, "score") for item in items] if claimed else items
        return listed(shown, page, "lead_id")

    @router.post("/v1/pools/{pool}/claim")
    async def claim(ask: Asked, pool: Pool, said: Claim) -> Response:
        """A rep takes a lead from a pool, within their caps and the pool's."""
        rep = _claimant(ask, said)
        handoff_id = new_id()

        async def change(turn: Turn, case: Case) -> None:
            here = place(case.dossier)
            if here.kind != "pool" or here.detail != pool:
                done(Refused("not_in_pool", f"the lead is not in the {pool} pool: {here}"))
            await _claim(turn, case, ask, rep, pool, handoff_id)

        async def reply(session: AsyncConnection, case: Case) -> Answer:
            return answer(found(await lists.handoff(session, handoff_id), "handoff"), case.lead_id, 201)

        return await carry_out(desk, ask, said.lead_id, change, reply)

    @router.get("/v1/waiting")
    async def waiting(principal: Caller, page: Paged, reason: str | None = None) -> Response:
        """The leads that nobody could take yet, and why; for a manager of teams theirs, with a pass to each."""
        scope = lists.Scope() if principal.role == "sdr" else scope_of(principal)
        async with desk.read() as session:
            items = await lists.waiting(session, scope, page, reason=reason)
        return listed([passed(desk, principal, item, "lead") for item in items], page, "lead_id")


def _is_claimed(routing: Routing, pool: Pool) -> bool:
    rule = routing.pools.get(pool)
    return rule is not None and rule.claim


def _claimant(ask: Ask, said: Claim) -> str:
    rep = said.owner or ask.principal.rep
    if rep is None:
        raise Problem(422, "say for which rep: owner", code="no-owner", missing=["owner"])
    if not ask.principal.may_act_for(rep):
        raise Problem(403, "you claim for yourself only", code="not-owner")
    return rep


async def _claim(turn: Turn, case: Case, ask: Ask, rep_id: str, pool: Pool, handoff_id: UUID) -> None:
    team_id, team, rep = member(turn, rep_id)
    if ask.principal.teams and ask.principal.role == "manager" and team_id not in ask.principal.teams:
        raise Problem(403, f"{rep_id} is not of your teams", code="not-owner")
    await turn.hold({team_id})  # caps are read only after the lock
    number = turn.desks[team_id].next_number
    _within_caps(turn, team_id, team, rep)
    midnight = datetime.combine(local_day(team, turn.now), time(), tzinfo=team.zone_info)
    today, still_open = await _claims(turn, rep_id, pool, midnight)
    no_room = ownership.claim_room(turn.rules.policy.routing, pool, claimed_today=today, claimed_open=still_open)
    if no_room is not None:
        done(no_room)
    decision = Decision(
        number=number,
        rule=f"pool:{pool}",
        strategy="pull",
        policy_version=turn.rules.policy.version,
        considered=(Considered(rep=rep_id),),
    )
    case.offerings[handoff_id] = Offering(decision, rep.calendar or team.calendar, team.manager, pool)
    step = ownership.claim(
        case.dossier,
        handoff_id=handoff_id,
        team=team_id,
        by=Actor(rep_id),
        at=turn.now,
        policy=turn.rules.policy.routing,
        step=step_of(turn.rules.policy, team_id),
    )
    case.take(done(step))
    turn.take_on(team_id, rep_id)


def member(turn: Turn, rep_id: str) -> tuple[str, Team, Rep]:
    """A rep with their team.

    Raises Problem 422 for a name that the routing policy does not have.
    """
    team_id = turn.rules.policy.team_of.get(rep_id)
    team = turn.rules.policy.team(team_id) if team_id is not None else None
    rep = team.rep(rep_id) if team is not None else None
    if team_id is None or team is None or rep is None or not rep.active:
        raise Problem(422, f"the routing policy has no active rep {rep_id!r}", code="unknown-rep")
    return team_id, team, rep


def _within_caps(turn: Turn, team_id: str, team: Team, rep: Rep) -> None:
    reached = full(rep, team, turn.desks[team_id], turn.now, turn.rules.hours)
    if reached is not None:
        raise Problem(409, f"{rep.id} is at the cap: {reached.reason}", code=reached.reason.replace("_", "-"))


async def _claims(turn: Turn, rep_id: str, pool: Pool, midnight: datetime) -> tuple[int, int]:
    row = await turn.connection.fetchrow(lists.CLAIMS, rep_id, pool, midnight)
    return (row[0], row[1]) if row is not None else (0, 0)
