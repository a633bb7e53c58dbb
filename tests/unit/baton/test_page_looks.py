"""Windows of one key share a look at the services; another key has its own."""

import asyncio

import httpx

from baton.page.figures import Looks, Reader


async def test_twenty_windows_of_one_key_ask_the_services_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["cookie"])
        return httpx.Response(403)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://here") as http:
        ann, bo = (Reader(lambda _service: http, f"session={name}", name) for name in ("ann", "bo"))
        await ann.figures()
        one_look = len(asked)
        looks = Looks(lasts_s=60)
        await asyncio.gather(*(looks.figures(reader) for reader in [ann, bo] * 20))
        assert len(asked) == 3 * one_look
        assert {asked.count("session=ann"), asked.count("session=bo")} == {2 * one_look, one_look}


async def test_a_look_that_is_over_is_taken_again() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(403)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://here") as http:
        looks, reader = Looks(lasts_s=0), Reader(lambda _service: http, "session=ann", "ann")
        first, again = await looks.figures(reader), await looks.figures(reader)
        assert first is not again
