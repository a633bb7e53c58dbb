"""Reps are part of the routing policy: adding, changing or removing one publishes its next version."""

import copy
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Response
from pydantic import ConfigDict

from router.api.asking import Caller, json
from router.domain.desk import Desk as TeamDesk
from router.domain.desk import Hours, local_day, monday_of, unavailable
from router.domain.policy import Rep, Team
from router.policies import check, hours_of, parse
from router.store import doing, lists
from shared.http.access import Principal
from shared.http.commands import Ask, Asked, Body
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import derived_id
from shared.runtime.work import Work

Document = dict[str, Any]
Edit = Callable[[Document], None]
_DESK: Final = msgspec.json.Decoder(TeamDesk)
# a rep belongs to no lead; commands are kept under one, and its lane's lock makes edits of the policy wait in line
_ROUTING: Final = derived_id("routing")


class Joining(Rep):
    """A rep with the team they join."""

    team: str


class Changes(Body):
    """What changes; what is left out stays. The fields are those of a rep in the policy."""

    model_config = ConfigDict(frozen=True, extra="allow")
    team: str | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of reps."""
    _list(router, desk)
    _join(router, desk)
    _change(router, desk)
    _leave(router, desk)


def _list(router: APIRouter, desk: Desk) -> None:
    @router.get("/v1/reps")
    async def reps(principal: Caller, team: str | None = None) -> Response:
        """All reps with their load today."""
        now = desk.clock()
        async with desk.read() as session:
            published = await desk.transactions.policies.current(session, "routing", now)
            calendars = await desk.transactions.policies.current(session, "calendars", now)
            kept = {name: _DESK.decode(row) for name, row in (await lists.desks(session)).items()}
            switched = await doing.switches(session)
        hours = hours_of(calendars.value)
        items = [
            _shown(rep, team_id, of_team, kept.get(team_id) or TeamDesk(team_id), Seen(now, hours, switched))
            for team_id, of_team in published.value.routing.teams.items()
            if team in (None, team_id) and (principal.role != "manager" or team_id in (principal.teams or {team_id}))
            for rep in of_team.reps
        ]
        return json({"items": items, "next": None})


def _join(router: APIRouter, desk: Desk) -> None:
    @router.post("/v1/reps")
    async def join(ask: Asked, said: Joining) -> Response:
        """A new rep: takes leads from now on, neither flooded nor behind."""
        entry = _document(said, exclude={"team"}, exclude_unset=True)

        def edit(document: Document) -> None:
            if _find(document, said.id) is not None:
                raise Problem(409, f"there is a rep {said.id!r} already; PATCH changes them", code="rep-exists")
            _members(document, said.team).append(entry)

        return await _publish(desk, ask, edit, said.id, {said.team}, 201)


def _change(router: APIRouter, desk: Desk) -> None:
    @router.patch("/v1/reps/{rep}")
    async def change(ask: Asked, rep: str, said: Changes) -> Response:
        """Change weight, caps, leave, `active` …, or the team."""
        given = dict(said.model_extra or {})  # as it came: whether it is a rep's, the policy's reader says
        if "id" in given:
            raise Problem(422, "a rep keeps the id: handoffs name it", code="rep-id")

        def edit(document: Document) -> None:
            team_id, entry = _known(document, rep)
            changed = {**entry, **given}
            members = _members(document, team_id)
            if said.team in (None, team_id):
                members[members.index(entry)] = changed
            else:
                members.remove(entry)
                _members(document, str(said.team)).append(changed)

        return await _publish(desk, ask, edit, rep, {said.team} if said.team else set())


def _leave(router: APIRouter, desk: Desk) -> None:
    @router.delete("/v1/reps/{rep}")
    async def leave(ask: Asked, rep: str) -> Response:
        """Take a rep out. Whoever has open work is refused: set `active: false` and have it passed on first."""
        async with desk.read() as session:
            routing = await desk.transactions.policies.current(session, "routing", desk.clock())
            member_of = _find(dict(routing.body), rep)
            _allow(ask.principal, {member_of[0]} if member_of else set())  # gone already: the command answers again
            held = await lists.open_work(session, rep)
        if held:
            detail = f"{rep} has {held} open; set active to false and give the work away first (POST /v1/reps/{rep}/transfer)"
            raise Problem(409, detail, code="open-work", open=held)

        def edit(document: Document) -> None:
            team_id, entry = _known(document, rep)
            _members(document, team_id).remove(entry)
            for domain in [each for each, owner in (document.get("accounts") or {}).items() if owner == rep]:
                del document["accounts"][domain]

        return await _publish(desk, ask, edit, rep, set())


async def _publish(desk: Desk, ask: Ask, edit: Edit, rep: str, teams: set[str], status: int = 200) -> Response:
    async def act(work: Work) -> Answer:
        current = await work.policy("routing")
        document: Document = copy.deepcopy(dict(current.body))
        _allow(ask.principal, teams | {team for team, _ in [_find(document, rep) or (None, None)] if team})
        edit(document)
        check(parse(document), (await work.policy("calendars")).value)
        version = await work.policies.publish(
            work.session, "routing", document, by=ask.principal.actor, at=work.now, after=current.version
        )
        entry = _find(document, rep)
        body = {"id": rep, "policy_version": version} | ({**entry[1], "team": entry[0]} if entry else {"removed": True})
        return Answer(status, msgspec.json.encode(body))

    answer = await desk.command(ask.command_id, ask.body, _ROUTING, act)
    return Response(answer.body, answer.status, media_type="application/json")


def _allow(principal: Principal, teams: set[str]) -> None:
    if principal.teams and not teams <= principal.teams:
        raise Problem(403, "this rep is not of your teams", code="not-owner")


def _members(document: Document, team_id: str) -> list[Document]:
    team = document.get("teams", {}).get(team_id)
    if team is None:
        raise Problem(422, f"the routing policy has no team {team_id!r}", code="unknown-team")
    members: list[Document] = team.setdefault("reps", [])
    return members


def _find(document: Document, rep: str) -> tuple[str, Document] | None:
    return next(
        (
            (team_id, entry)
            for team_id, team in document.get("teams", {}).items()
            for entry in team.get("reps", [])
            if entry["id"] == rep
        ),
        None,
    )


def _known(document: Document, rep: str) -> tuple[str, Document]:
    entry = _find(document, rep)
    if entry is None:
        raise Problem(404, f"the routing policy has no rep {rep!r}", code="unknown-rep")
    return entry


def _document(rep: Rep, *, exclude: set[str] | None = None, exclude_unset: bool = False) -> Document:
    """The rep as the policy spells one; a weight is a number there, exact to three places."""
    entry = rep.model_dump(mode="json", by_alias=True, exclude=exclude, exclude_unset=exclude_unset)
    return {**entry, "weight": float(rep.weight)} if "weight" in entry else entry


class Seen(NamedTuple):
    """The instant, the hours and the switches by which reps are shown."""

    now: datetime
    hours: Hours
    switched: Mapping[str, Mapping[str, Any]]


def _shown(rep: Rep, team_id: str, team: Team, kept: TeamDesk, seen: Seen) -> dict[str, Any]:
    load, day = kept.load(rep.id), local_day(team, seen.now)
    away = unavailable(rep, team, kept, seen.now, seen.hours)
    switch = seen.switched.get(rep.id)
    return {
        **_document(rep),
        "team": team_id,
        "available": rep.id not in kept.switched_off,
        "switched": {"by": switch["by"], "at": switch["at"], "reason": switch["reason"]} if switch else None,
        "takes_leads": away is None,
        "why_not": away.reason if away else None,
        "until": away.until if away else None,
        "load": {
            "open": load.open,
            "today": load.today if load.day == day else 0,
            "this_week": load.this_week if load.monday == monday_of(day) else 0,
        },
    }
