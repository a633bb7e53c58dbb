"""The one origin carries a reader's pass; for everybody else, and everything else, it changes nothing."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from baton.passing import Passing

LEAD = "01900000-0000-7000-8000-000000000001"


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(Request(scope).url.query)(scope, receive, send)


def _router(request: httpx.Request) -> httpx.Response:
    assert request.url.path == f"/v1/leads/{LEAD}/pass"
    match request.headers.get("authorization", ""):
        case "Bearer rep":
            return httpx.Response(200, json={"lead_id": LEAD, "opens": "lead", "pass": "lead.1.abc"})
        case "Bearer manager":
            return httpx.Response(200, json={"lead_id": LEAD, "opens": None, "pass": None})
        case "Bearer away":
            raise httpx.ConnectError("away")
        case _:
            return httpx.Response(401, json={})


@pytest.mark.parametrize(
    ("path", "token", "query"),
    [
        (f"/v1/leads/{LEAD}", b"Bearer rep", "pass=lead.1.abc"),
        (f"/v1/scores/{LEAD}?lang=vi", b"Bearer rep", "lang=vi&pass=lead.1.abc"),
        (f"/v1/leads/{LEAD}?pass=mine", b"Bearer rep", "pass=mine"),
        (f"/v1/leads/{LEAD}/timeline", b"Bearer rep", ""),
        ("/v1/leads", b"Bearer rep", ""),
        (f"/v1/leads/{LEAD}", b"Bearer manager", ""),
        (f"/v1/leads/{LEAD}", b"Bearer away", ""),
        (f"/v1/leads/{LEAD}", b"Bearer \xff\xe9", ""),
    ],
)
async def test_reads_of_one_lead_are_passed_on_with_the_readers_pass(path: str, token: bytes, query: str) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(_router), base_url="http://router") as router:
        app = Passing(_echo, lambda _service: router)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
            answer = await http.get(path, headers=[(b"authorization", token)])
    assert (answer.status_code, answer.text) == (200, query)
