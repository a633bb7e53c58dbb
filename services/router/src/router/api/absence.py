"""A rep who is away: the switch that they or their manager throws, and their open work given to others."""

import dataclasses
from typing import Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import actor, answer, carry_out, done, json
from router.api.choosing import ByHand, remark
from router.api.pools import member
from router.api.transfers import hand_over
from router.cases import Case
from router.domain import by_hand
from router.domain.desk import Desk as TeamDesk
from router.domain.desk import unavailable
from router.domain.dossier import open_handoff, owner_of, place
from router.domain.policy import Rep, Team
from router.domain.rules import Policy
from router.policies import hours_of
from router.store import doing, lists
from router.turn import Call, Turn, begin, finish
from shared.http.access import Principal
from shared.http.commands import Ask, Asked, Body, Word
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import derived_id, new_id
from shared.runtime.work import Work

_DESK: Final = msgspec.json.Decoder(TeamDesk)
# a rep belongs to no lead; commands are kept under one, whose lane's lock makes switches wait in line
_REPS: Final = derived_id("reps")
_MOST: Final = 500


class Availability(Body):
    """Away or back, and why."""

    available: bool
    reason: Word | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of absence."""

    @router.put("/v1/reps/{rep}/availability")
    async def switch(ask: Asked, rep: str, said: Availability) -> Response:
        """Takes leads, or does not. What is open stays; a manager gives it to others (POST …/transfer)."""
        if not ask.principal.may_act_for(rep):
            raise Problem(403, "you switch yourself only; your manager switches others", code="not-owner")

        async def act(work: Work) -> Answer:
            turn = await begin(work)
            team_id, _, who = member(turn, rep)
            _allow(ask.principal, rep, team_id)
            await turn.hold({team_id})
            held = turn.desks[team_id]
            off = held.switched_off - {rep} if said.available else held.switched_off | {rep}
            turn.desks[team_id] = replace(held, switched_off=off)
            if said.available and rep in held.switched_off:
                turn.calls.append(Call(team_id, _room(who, turn.desks[team_id])))
            record = doing.Switch(rep, team_id, said.available, said.reason, ask.principal.actor, held.next_number)
            await doing.keep_switch(turn.connection, new_id(), record, turn.now)
            await finish(turn, work)
            shown = {"id": rep, **record._asdict(), "at": turn.now}
            return Answer(200, msgspec.json.encode({name: value for name, value in shown.items() if name != "number"}))

        kept = await desk.command(ask.command_id, ask.body, _REPS, act)
        return Response(kept.body, kept.status, media_type="application/json")

    @router.post("/v1/reps/{rep}/transfer")
    async def give_away(ask: Asked, rep: str, said: ByHand) -> Response:
        """All open work of a rep to the rep or team named; else by routing, where the rep is away."""
        plan = await _plan(desk, ask, rep, said)
        moved: list[dict[str, Any]] = []
        left: list[dict[str, Any]] = []
        for lead_id in plan:
            one = dataclasses.replace(ask, path=f"{ask.path}/{lead_id}")
            try:
                after = await _give_one(desk, one, lead_id, rep, said)
                moved.append(msgspec.json.decode(after.body))
            except Problem as problem:
                left.append({"lead_id": lead_id, "code": problem.code, "detail": problem.detail})
        return json({"rep": rep, "moved": moved, "left": left, "more": len(plan) == _MOST})


def _allow(principal: Principal, rep: str, team_id: str) -> None:
    if principal.role == "manager" and principal.teams and team_id not in principal.teams:
        raise Problem(403, f"{rep} is not of your teams", code="not-owner")


def _room(rep: Rep, desk: TeamDesk) -> int:
    """How many of the waiting to call: who finds no room passes the call on."""
    return _MOST if rep.capacity.open is None else max(1, rep.capacity.open - desk.load(rep.id).open)


async def _plan(desk: Desk, ask: Ask, rep: str, said: ByHand) -> list[UUID]:
    """The leads that are to be given away, fixed by the first try of the command."""

    async def act(work: Work) -> Answer:
        policy: Policy = (await work.policy("routing")).value
        team_id = policy.team_of.get(rep)
        if team_id is not None:
            _allow(ask.principal, rep, team_id)
        if said.to is None and said.team is None:
            await _must_be_away(work, policy, rep, team_id)
        return Answer(200, msgspec.json.encode(await doing.open_leads_of(work.session, rep, _MOST)))

    kept = await desk.command(ask.command_id, ask.body, _REPS, act)
    return msgspec.json.decode(kept.body, type=list[UUID])


async def _must_be_away(work: Work, policy: Policy, rep_id: str, team_id: str | None) -> None:
    """Routing would give the work back to a rep who takes leads. One who left the policy is away."""
    if team_id is None:
        return
    team = policy.team(team_id)
    rep = team.rep(rep_id)
    kept = (await lists.desks(work.session)).get(team_id)
    held = _DESK.decode(kept) if kept else TeamDesk(team_id)
    if rep is not None and not await _is_away(work, rep, team, held):
        detail = f"{rep_id} takes leads still: switch them off first (PUT /v1/reps/{rep_id}/availability), or name to"
        raise Problem(409, detail, code="not-away")


async def _is_away(work: Work, rep: Rep, team: Team, held: TeamDesk) -> bool:
    hours = hours_of((await work.policy("calendars")).value)
    found = unavailable(rep, team, held, work.now, hours)
    return found is not None and found.reason in ("inactive", "switched_off", "on_leave")


async def _give_one(desk: Desk, ask: Ask, lead_id: UUID, rep: str, said: ByHand) -> Response:
    async def change(turn: Turn, case: Case) -> None:
        held = owner_of(case.dossier)
        if held is None or held[0] != rep:
            raise Problem(409, f"{rep} does not have it any more", code="not-owner")
        if said.to is not None or said.team is not None:
            await hand_over(turn, case, ask, said, new_id())
        elif open_handoff(case.dossier) is not None:
            case.take(done(by_hand.reroute(case.dossier, reason=said.reason, by=actor(ask), at=turn.now)))
            remark(turn, case, ask, "transfer", lead_id, said.comment)
        else:  # an opportunity is not routed: the team's next one goes on with it
            team = turn.rules.policy.team_of.get(rep, held[1])
            next_of = ByHand(team=team, reason=said.reason, comment=said.comment)
            await hand_over(turn, case, ask, next_of, new_id())

    async def reply(_session: AsyncConnection, case: Case) -> Answer:
        held = owner_of(case.dossier)
        after = {"lead_id": lead_id, "now": str(place(case.dossier)), "owner": held[0] if held else None}
        return answer(after, lead_id)

    return await carry_out(desk, ask, lead_id, change, reply)
