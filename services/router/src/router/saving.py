"""Saving routing and calendars: a calendar that routing names is one that the calendars policy has."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson
from fastapi import APIRouter, Depends, Request

from router.domain.rules import Policy
from router.policies import ROUTING, parse
from shared.http.policies import policy_routes
from shared.runtime.calendars import CALENDARS
from shared.runtime.calendars import parse as parse_calendars
from shared.runtime.desk import Desk
from shared.runtime.policies import PolicyInvalid
from shared.runtime.service import Service


def saving(desk: Desk) -> APIRouter:
    """The paths of the policies that everyone has, each save checked against the other policy in force."""

    async def checked(request: Request) -> None:
        kind = request.url.path.rpartition("/")[2]
        if request.method != "PUT" or kind not in (ROUTING.kind, CALENDARS.kind):
            return
        body = _mapping(await request.body())
        if body is None:
            return
        other = CALENDARS.kind if kind == ROUTING.kind else ROUTING.kind
        async with desk.read() as session:
            published = await desk.transactions.policies.current(session, other, desk.clock())
        if kind == ROUTING.kind:
            check(parse(body), published.value)
        else:
            check(published.value, parse_calendars(body))

    router = APIRouter()
    paths = policy_routes(desk, Service(desk.service, "router", policies=(ROUTING, CALENDARS)))
    router.include_router(paths, dependencies=[Depends(checked)])
    return router


def check(routing: Policy, calendars: Mapping[str, Any]) -> None:
    """Raise PolicyInvalid with every calendar that routing names and the calendars policy has not."""
    problems = [
        f"{where}: there is no calendar {name!r}; the calendars policy has {', '.join(sorted(calendars))}"
        for where, name in _named(routing)
        if name not in calendars
    ]
    if problems:
        raise PolicyInvalid(problems)


def _named(routing: Policy) -> Sequence[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for team_id, team in routing.routing.teams.items():
        if team.calendar is not None:
            found.append((f"teams.{team_id}.calendar", team.calendar))
        found += [(f"teams.{team_id}.reps.{rep.id}.calendar", rep.calendar) for rep in team.reps if rep.calendar]
    return found


def _mapping(raw: bytes) -> dict[str, object] | None:
    """The policy; None for what is none, which its own path refuses."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, object]", body) if isinstance(body, dict) else None
