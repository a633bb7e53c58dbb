"""A crowded process tells whoever comes too many to come again, and stays open for those who watch it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.http.crowd import Crowd
from shared.telemetry.meters import Meters


class _Slow:
    """An app that answers when it is let; streams begin at once."""

    def __init__(self) -> None:
        self.let, self.inside = asyncio.Event(), asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/stream":
            await StreamingResponse(self._pieces(), media_type="text/event-stream")(scope, receive, send)
            return
        if not scope["path"].startswith("/health"):
            self.inside.release()
            await self.let.wait()
        await Response(b"here")(scope, receive, send)

    async def _pieces(self) -> AsyncGenerator[bytes]:
        yield b"data: 1\n\n"
        self.inside.release()
        await self.let.wait()


async def _two_inside(crowd: Crowd, slow: _Slow, path: str, do: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(crowd), base_url="http://here") as http:
        busy = [asyncio.create_task(http.get(path)) for _ in range(2)]
        for _ in busy:
            await asyncio.wait_for(slow.inside.acquire(), 5)
        await do(http)
        slow.let.set()
        assert [answer.status_code for answer in await asyncio.gather(*busy)] == [200, 200]


async def test_one_too_many_is_told_when_to_come_again_and_let_in_then() -> None:
    slow = _Slow()
    crowd = Crowd(slow, Meters(), most=2)

    async def third(http: httpx.AsyncClient) -> None:
        answer = await http.get("/v1/leads")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"] == "urn:baton:problem:crowded"
        assert (await http.get("/health/live")).status_code == 200

    await _two_inside(crowd, slow, "/v1/leads", third)
    assert crowd.at_once == 0
    sent_away = crowd.meters.registry.get_sample_value(
        "baton_http_requests_total", {"method": "-", "route": "-", "status": "5xx"}
    )
    assert sent_away == 1
    async with httpx.AsyncClient(transport=httpx.ASGITransport(crowd), base_url="http://here") as http:
        assert (await http.get("/v1/leads")).status_code == 200


async def test_open_streams_are_no_part_of_the_crowd() -> None:
    slow = _Slow()
    crowd = Crowd(slow, Meters(), most=2)

    async def nobody_counts(http: httpx.AsyncClient) -> None:
        assert crowd.at_once == 0
        assert (await http.get("/health/live")).status_code == 200

    await _two_inside(crowd, slow, "/stream", nobody_counts)
    assert crowd.at_once == 0
