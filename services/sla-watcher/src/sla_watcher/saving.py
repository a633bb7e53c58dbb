"""Saving the sla policy: a calendar that it names must be one of the calendars policy in force."""

from typing import cast

import orjson
from fastapi import APIRouter, Depends, Request

from shared.http.policies import policy_routes
from shared.runtime.calendars import CALENDARS
from shared.runtime.desk import Desk
from shared.runtime.service import Service
from sla_watcher.policies import SLA, parse


def saving(desk: Desk) -> APIRouter:
    """The paths of the policies that everyone has, each save of the sla policy checked against the calendars."""

    async def checked(request: Request) -> None:
        if request.method != "PUT" or not request.url.path.endswith(f"/policies/{SLA.kind}"):
            return
        body = _mapping(await request.body())
        if body is None:
            return
        async with desk.read() as session:
            calendars = await desk.transactions.policies.current(session, CALENDARS.kind, desk.clock())
        parse(body, calendars.value)

    router = APIRouter()
    paths = policy_routes(desk, Service(desk.service, "sla_watcher", policies=(SLA, CALENDARS)))
    router.include_router(paths, dependencies=[Depends(checked)])
    return router


def _mapping(raw: bytes) -> dict[str, object] | None:
    """The policy; None for what is none, which its own path refuses."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, object]", body) if isinstance(body, dict) else None
