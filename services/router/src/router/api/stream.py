"""The list of open handoffs as it changes, pushed to a screen (server-sent events)."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.responses import StreamingResponse

from router.api.asking import Caller, scope_of
from router.store import lists
from router.store.lists import Page, Scope
from shared.runtime.desk import Desk

_PAUSE_S: Final = 1.0
_QUIET_S: Final = 15.0
_MOST: Final = 500


def add(router: APIRouter, desk: Desk) -> None:
    """The path of the stream."""

    @router.get("/v1/handoffs/stream")
    async def stream(principal: Caller, owner: str | None = None) -> StreamingResponse:
        """First all open handoffs, then each that is new or changed (`handoff`), or over (`closed`)."""
        told = changes(desk, scope_of(principal, owner), owner)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(told, media_type="text/event-stream", headers=headers)


async def changes(desk: Desk, scope: Scope, owner: str | None, *, pause_s: float = _PAUSE_S) -> AsyncGenerator[bytes]:
    """What to send: looked at every second, which is no more than a screen's own polling would cost."""
    known: dict[str, bytes] = {}
    quiet_s = 0.0
    yield b"retry: 2000\n\n"
    while True:
        async with desk.read() as session:
            rows = await lists.handoffs(session, scope, Page(None, _MOST), owner=owner, state="open", lead_id=None)
        now = {str(row["handoff_id"]): msgspec.json.encode(row) for row in rows}
        said = [message("handoff", key, row) for key, row in now.items() if known.get(key) != row]
        said += [message("closed", key, msgspec.json.encode({"handoff_id": key})) for key in known.keys() - now.keys()]
        for each in said:
            yield each
        known, quiet_s = now, 0.0 if said else quiet_s + pause_s
        if quiet_s >= _QUIET_S:
            quiet_s = 0.0
            yield b": still here\n\n"
        await asyncio.sleep(pause_s)


def message(kind: str, key: str, data: bytes) -> bytes:
    """One server-sent event."""
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), key.encode(), data)
