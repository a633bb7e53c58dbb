"""A stand-in for Meta's Graph API that a test tells what to answer, and that remembers what it was asked."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from baton.process import QuietServer

Answer = tuple[int, Any]


@dataclass
class Graph:
    """What it answers, by the id that is asked for; what it was asked."""

    url: str
    answers: dict[str, Answer | Callable[[Request], Answer]] = field(default_factory=dict[str, Any])
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    tokens: list[str] = field(default_factory=list[str])
    held: asyncio.Event | None = None
    """While it is not set, nothing is answered."""

    async def answer(self, request: Request) -> Response:
        """One request."""
        node = request.path_params["node"]
        self.asked.append((node, request.query_params.get("fields", "")))
        self.tokens.append(request.headers.get("authorization", ""))
        if self.held is not None:
            await self.held.wait()
        given = self.answers.get(node, (400, error(100, 33)))
        status, body = given if isinstance(given, tuple) else given(request)
        headers = {"location": "https://elsewhere.example/"} if 300 <= status < 400 else None
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return Response(raw, status, headers, media_type="application/json")

    def times(self, node: str) -> int:
        """How often an object was asked for."""
        return sum(1 for asked, _ in self.asked if asked == node)


def error(code: int, subcode: int = 0, **more: Any) -> dict[str, Any]:
    """Graph's way to refuse."""
    words = "Planted words of Graph about jane@example.com"
    return {"error": {"message": words, "type": "OAuthException", "code": code, "error_subcode": subcode, **more}}


@asynccontextmanager
async def a_graph() -> AsyncGenerator[Graph]:
    """Serve it on a free port of this machine."""
    door = socket.create_server(("127.0.0.1", 0))
    graph = Graph(f"http://127.0.0.1:{door.getsockname()[1]}")
    app = Starlette(routes=[Route("/{node:str}", graph.answer), Route("/{version:str}/{node:str}", graph.answer)])
    server = QuietServer(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve([door]))
    try:
        yield graph
    finally:
        if graph.held is not None:
            graph.held.set()
        server.should_exit = True
        await serving
        door.close()
