"""`/v1/ops/{service}/clock`: where the service's clock stands, what is due next and how far all is consumed.

Whoever plays a story moves every service to one instant and waits until each has consumed what was emitted.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import Response

from shared.http.problems import Problem
from shared.runtime.clock import ClockRefused, HurriedClock
from shared.runtime.desk import Desk
from shared.runtime.service import Service
from shared.runtime.streams import Position, Stream
from shared.store import lanes, outbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

KEPT_AS = "clock"
"""The setting that keeps a standing clock over restarts."""


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to stand; null: go with real time."""

    at: datetime | None


def clock_routes(desk: Desk, service: Service, clock: HurriedClock) -> APIRouter:
    """The two endpoints of one service."""
    router = APIRouter(prefix=f"/v1/ops/{service.name}", tags=["operations"])

    @router.get("/clock")
    async def read() -> Response:
        async with desk.read() as session:
            return Response(
                msgspec.json.encode(await _state(session, desk, service, clock)), media_type="application/json"
            )

    @router.put("/clock")
    async def move(request: Request) -> Response:
        try:
            to = msgspec.json.decode(await request.body(), type=Move).at
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise Problem(400, f'send {{"at": "2026-01-05T09:00:00Z"}} or {{"at": null}}: {error}') from error
        if to is not None and to.tzinfo is None:
            raise Problem(400, "the instant needs its offset, such as 2026-01-05T09:00:00Z")
        try:
            clock.allow(to)
            async with desk.work() as work:  # kept first: nothing may happen at an instant that a kill forgets
                await keep_standing(work.session, to)
            clock.move(to)
        except ClockRefused as error:
            raise Problem(409, str(error), code="clock-refused") from error
        return Response(msgspec.json.encode({"service": service.name, "standing": to}), media_type="application/json")

    return router


async def keep_standing(session: "AsyncConnection", at: datetime | None) -> None:
    """Keep where the clock stands, so that a restart goes on there."""
    if at is None:
        await session.execute(text("delete from setting where name = :name"), {"name": KEPT_AS})
        return
    await session.execute(
        text("insert into setting values (:name, :at) on conflict (name) do update set value = excluded.value"),
        {"name": KEPT_AS, "at": at.isoformat()},
    )


async def kept_standing(session: "AsyncConnection") -> datetime | None:
    """Where the clock stood when the process ended; None: it goes with real time."""
    kept = await session.scalar(text("select value from setting where name = :name"), {"name": KEPT_AS})
    return None if kept is None else datetime.fromisoformat(kept)


async def _state(session: "AsyncConnection", desk: Desk, service: Service, clock: HurriedClock) -> dict[str, object]:
    due = [
        at for timer in service.timers for at in (await timer.next_due(session, range(desk.partitions))).values()
    ]  # fmt: skip
    consumed = {
        stream: at for stream, at in (await lanes.positions(session)).items() if stream.topic in service.consumes
    }
    return {
        "service": service.name,
        "now": clock(),
        "standing": clock.standing is not None,
        "next_due": min(due, default=None),
        "emitted": _said(await outbox.heads(session)),
        "consumed": _said(consumed),
    }


def _said(positions: Mapping[Stream, Position]) -> dict[str, list[int]]:
    return {f"{stream.topic}/{stream.partition}": [at.epoch, at.seq] for stream, at in positions.items()}
