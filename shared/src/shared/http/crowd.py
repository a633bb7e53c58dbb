"""How many requests a process works at: one more than that is told at once to come again, and costs nothing."""

from collections.abc import Awaitable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import Problem, document
from shared.telemetry.meters import Meters

MOST_AT_ONCE = 1024
_PROBES = ("/health/", "/metrics")  # always answered: a watcher must not take a crowd for a death


class Crowd:
    """ASGI middleware: 503 with Retry-After for whoever comes when `most` are being worked at; counts what is answered."""

    def __init__(self, app: ASGIApp, meters: Meters, most: int = MOST_AT_ONCE) -> None:
        self.app = app
        self.meters = meters
        self.most = most
        self.at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or send it away."""
        if scope["type"] != "http" or scope["path"].startswith(_PROBES):
            await self.app(scope, receive, send)
        elif self.at_once >= self.most:
            self.meters.answered(scope["method"], None, 503)
            await document(_crowded(self.most))(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.at_once += 1
        streams = False
        state: dict[str, Any] = scope.setdefault("state", {})  # the app notes the route in it

        def watching(message: Message) -> Awaitable[None]:
            nonlocal streams
            if message["type"] == "http.response.start":
                self.meters.answered(scope["method"], state.get("route"), message["status"])
                if _is_stream(message):
                    streams = True  # open for hours and mostly idle: no part of the crowd
                    self.at_once -= 1
            return send(message)

        try:
            await self.app(scope, receive, watching)
        finally:
            self.at_once -= not streams


def _is_stream(start: Message) -> bool:
    return any(key == b"content-type" and value.startswith(b"text/event-stream") for key, value in start["headers"])


def _crowded(most: int) -> Problem:
    return Problem(
        503,
        f"{most} requests are being worked at already; nothing of this one was kept, send it again shortly",
        code="crowded",
        headers={"Retry-After": "1"},
    )
