"""Saving the sla and nurture policies: a calendar that they name must be one of the calendars policy in force."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from shared.http.policies import policy_routes
from shared.runtime.calendars import CALENDARS
from shared.runtime.desk import Desk
from shared.runtime.service import Service
from sla_watcher.policies import CADENCES, SLA, parse, parse_cadences

_CHECKED: Final[Mapping[str, Callable[[Mapping[str, Any], Collection[str]], object]]] = {
    SLA.kind: parse,
    CADENCES.kind: parse_cadences,
}


def add_saving(router: APIRouter, desk: Desk) -> None:
    """The paths of the policies that everyone has, each save of what names calendars checked against them."""

    async def checked(request: Request) -> None:
        _, _, kind = request.url.path.rpartition("/policies/")
        check = _CHECKED.get(kind)
        if request.method != "PUT" or check is None:
            return
        body = _mapping(await request.body())
        if body is None:
            return
        async with desk.read() as session:
            calendars = await desk.transactions.policies.current(session, CALENDARS.kind, desk.clock())
        check(body, calendars.value)

    for path in policy_routes(desk, Service(desk.service, "sla_watcher", policies=(SLA, CADENCES, CALENDARS))).routes:
        if isinstance(path, APIRoute):
            router.add_api_route(
                path.path,
                path.endpoint,
                methods=list(path.methods or ()),
                name=path.name,
                dependencies=[Depends(checked)],
            )


def _mapping(raw: bytes) -> dict[str, object] | None:
    """The policy; None for what is none, which its own path refuses."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, object]", body) if isinstance(body, dict) else None
