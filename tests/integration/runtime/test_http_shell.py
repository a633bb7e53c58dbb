"""The HTTP shell: denied unless allowed, bounded bodies, and every answer of 400 and up a problem document."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Scope

from shared.http import app as shell
from shared.http.access import ACCESS, Key, KeyRing, Principal, new_token
from shared.http.app import build
from shared.http.operations import operations
from shared.http.policies import policy_routes
from shared.http.problems import Problem
from shared.http.routes import MAX_BODY_BYTES
from shared.runtime.clock import system_clock
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id
from shared.runtime.policies import Policies
from shared.runtime.transactions import Transactions
from shared.store.engine import engine
from tests.integration.runtime.world import PARTITIONS, World, scorer
from tests.support.proxy import a_proxy

SECRET_WORDS = "anna.nguyen@example.com"


class Wish(BaseModel):
    """A typed body: FastAPI parses it before the endpoint runs."""

    points: int


def ring() -> tuple[KeyRing, dict[str, str]]:
    """Keys by role, and their tokens."""
    keys: dict[str, Key] = {}
    tokens: dict[str, str] = {}
    for role in ("operator", "viewer", "marketer", "expired"):
        tokens[role], digest = new_token(role)
        expires = datetime(2020, 1, 1, tzinfo=UTC) if role == "expired" else None
        keys[role] = Key(role, digest, Principal(role, "admin" if expires else role), expires)
    tokens["admin"] = "the admin's"
    return KeyRing(hashlib.sha256(tokens["admin"].encode()).hexdigest(), keys), tokens


def made_up(desk: Desk) -> APIRouter:
    """Endpoints at paths of the table: one fails, one streams, one parses, one reads raw, one commands."""
    router = APIRouter()

    @router.get("/v1/scores/{lead_id}")
    async def failing(lead_id: str) -> Response:
        match lead_id:
            case "fails":
                raise LookupError(SECRET_WORDS)
            case "gone":
                raise Problem(410, "erased", code="erased")
            case "breaks-off":
                return StreamingResponse(breaking_off())
            case _:
                return StreamingResponse(slowly())

    @router.post("/v1/policies/scorecard/lint")
    async def typed(wish: Wish) -> Wish:
        return wish

    @router.post("/v1/policies/scorecard/publish")
    async def raw(request: Request) -> Response:
        body = await request.body()
        answer = await desk.command(
            request.headers["idempotency-key"], body, new_id_of_request(), lambda _work: answered(len(body))
        )
        return Response(answer.body, answer.status)

    return router


def new_id_of_request() -> Any:
    return new_id()


async def answered(count: int) -> Answer:
    return Answer(200, str(count).encode())


async def slowly() -> AsyncIterator[bytes]:
    for _ in range(6):
        await asyncio.sleep(0.05)
        yield b"piece"


async def breaking_off() -> AsyncIterator[bytes]:
    yield b"piece"
    raise LookupError(SECRET_WORDS)


@asynccontextmanager
async def client_of(app: ASGIApp, token: str) -> AsyncGenerator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://baton.test", headers=headers
    ) as made:
        yield made


def app_on(world: World, url: str | None = None, statement_s: float = 30) -> tuple[ASGIApp, dict[str, str]]:
    return app_of(world.transactions_on(url, statement_s=statement_s))


def app_without_store() -> tuple[ASGIApp, dict[str, str]]:
    """For what is answered before any store is asked."""
    nowhere = engine("postgresql://nobody@/nothing?host=/nowhere", application="test")
    return app_of(Transactions(nowhere, system_clock, PARTITIONS, Policies([ACCESS])))


def app_of(transactions: Transactions) -> tuple[ASGIApp, dict[str, str]]:
    desk = Desk("scorer", transactions, lambda _name: None)
    keys, tokens = ring()
    service = scorer()
    return build(
        [made_up(desk), policy_routes(desk, service), operations(desk, service, None)], {"scorer": keys}
    ), tokens


@pytest.fixture
def app() -> ASGIApp:
    return app_without_store()[0]


def a_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("admin", "GET", "/", 404),
        ("admin", "GET", "/openapi.json", 404),
        ("admin", "GET", "/v1/nothing", 404),
        ("admin", "GET", "/v1/ops/scorer/parked/", 404),
        ("admin", "GET", "/v1/ops/intake/tally", 404),
        ("admin", "PUT", "/v1/ops/scorer/policies/none-such", 404),
        ("", "GET", "/v1/ops/scorer/tally", 401),
        ("unknown", "GET", "/v1/ops/scorer/tally", 401),
        ("expired", "GET", "/v1/ops/scorer/tally", 401),
        ("viewer", "GET", "/v1/ops/scorer/tally", 403),
        ("marketer", "DELETE", "/v1/ops/scorer/consumers/router", 403),
        ("admin", "DELETE", "/v1/ops/scorer/tally", 405),
        ("admin", "POST", "/v1/scores/one", 405),
        ("", "DELETE", "/v1/ops/scorer/tally", 405),
    ],
)
async def test_what_is_not_allowed_is_denied(role: str, method: str, path: str, status: int) -> None:
    app, tokens = app_without_store()
    token = tokens.get(role, f"baton_{role}_nonsense" if role else "")
    async with client_of(app, token) as client:
        answer = await client.request(method, path)
    a_problem(answer, status)
    if status == 405:
        assert answer.headers["allow"] == "GET"
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_right_role_comes_in(world: World) -> None:
    app, tokens = app_on(world)
    async with client_of(app, tokens["operator"]) as client:
        assert (await client.get("/v1/ops/scorer/tally")).status_code == 200
        assert (await client.get("/v1/ops/scorer/lag")).json()["lag"] == 0
        assert (await client.get("/v1/ops/scorer/consumers")).status_code == 200
        a_problem(await client.get("/v1/ops/scorer/parked?limit=-1"), 422)
        a_problem(await client.get("/v1/ops/scorer/parked?cursor=yesterday"), 422)
        a_problem(await client.post("/v1/ops/scorer/parked/yesterday/release"), 422)
        a_problem(await client.delete("/v1/ops/scorer/consumers/nobody"), 404)


@pytest.mark.parametrize("path", ["publish", "lint"], ids=["raw", "typed"])
@pytest.mark.parametrize("said", [True, False], ids=["by header", "by count"])
async def test_a_body_over_the_bound_is_refused(path: str, *, said: bool) -> None:
    app, tokens = app_without_store()

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"points": 1, "more": "'
        for _ in range(MAX_BODY_BYTES // 1024):
            yield b"x" * 1024
        yield b'"}'

    body = b" " * (MAX_BODY_BYTES + 1) if said else pieces()
    async with client_of(app, tokens["marketer"]) as client:
        headers = {"idempotency-key": "k", "content-type": "application/json"}
        answer = await client.post(f"/v1/policies/scorecard/{path}", content=body, headers=headers)
    assert a_problem(answer, 413)["type"].endswith("body-too-large")


async def test_a_body_at_the_bound_comes_in(world: World) -> None:
    app, tokens = app_on(world)
    async with client_of(app, tokens["marketer"]) as client:
        answer = await client.post(
            "/v1/policies/scorecard/publish", content=b"x" * MAX_BODY_BYTES, headers={"idempotency-key": "k"}
        )
    assert answer.text == str(MAX_BODY_BYTES)


@pytest.mark.parametrize(("length", "status"), [(b"ten", 400), (b"-1", 400), (b"9" * 5000, 413), (b"300000", 413)])
async def test_a_false_length_is_refused(app: ASGIApp, length: bytes, status: int) -> None:
    sent = await raw_post(app, [{"type": "http.request", "body": b"", "more_body": False}], length=length)
    assert sent[0]["status"] == status


async def test_a_body_that_drips_is_cut_off_in_all_its_time(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "BODY_DEADLINE_S", 0.3)
    drops = [{"type": "http.request", "body": b"x", "more_body": True}] * 50
    with anyio.fail_after(2):
        sent = await raw_post(app, drops, pause_s=0.1)
    assert sent[0]["status"] == 408


async def test_a_long_answer_is_not_cut_off_by_the_bodys_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "BODY_DEADLINE_S", 0.1)
    app, tokens = app_without_store()
    async with client_of(app, tokens["viewer"]) as client:
        assert (await client.get("/v1/scores/streams")).text == "piece" * 6


async def test_a_fault_of_ours_is_a_problem_without_its_insides() -> None:
    app, tokens = app_without_store()
    async with client_of(app, tokens["viewer"]) as client:
        answer = await client.get("/v1/scores/fails")
        a_problem(await client.get("/v1/scores/gone"), 410)
    a_problem(answer, 500)
    for inside in (SECRET_WORDS, "LookupError", "Traceback", ".py"):
        assert inside not in answer.text


async def test_a_stream_that_breaks_off_is_not_passed_off_as_whole() -> None:
    app, tokens = app_without_store()
    async with client_of(app, tokens["viewer"]) as client:
        with pytest.raises(LookupError):
            await client.get("/v1/scores/breaks-off")


async def test_a_body_that_does_not_fit_is_a_problem_that_says_where() -> None:
    app, tokens = app_without_store()
    async with client_of(app, tokens["marketer"]) as client:
        wrong = await client.post("/v1/policies/scorecard/lint", json={"points": "many"})
        torn = await client.post(
            "/v1/policies/scorecard/lint", content=b"{", headers={"content-type": "application/json"}
        )
    assert a_problem(wrong, 422)["problems"][0]["where"] == "body.points"
    a_problem(torn, 422)


async def test_a_key_used_again_is_a_422(world: World) -> None:
    app, tokens = app_on(world)
    async with client_of(app, tokens["marketer"]) as client:
        path, headers = "/v1/policies/scorecard/publish", {"idempotency-key": "k"}
        first = await client.post(path, content=b"one", headers=headers)
        same = await client.post(path, content=b"one", headers=headers)
        other = await client.post(path, content=b"two", headers=headers)
    assert (first.text, same.text) == ("3", "3")
    assert a_problem(other, 422)["type"].endswith("key-reused")


async def test_a_store_that_is_away_is_a_503_and_comes_back(world: World) -> None:
    async with a_proxy(world.url) as (proxy, url):
        app, tokens = app_on(world, url)
        async with client_of(app, tokens["operator"]) as client:
            assert (await client.get("/v1/ops/scorer/tally")).status_code == 200
            proxy.away = True
            proxy.break_all()
            for _ in range(3):
                answer = await client.get("/v1/ops/scorer/tally")
                a_problem(answer, 503)
                assert int(answer.headers["retry-after"]) > 0
            proxy.away = False
            assert (await client.get("/v1/ops/scorer/tally")).status_code == 200


async def test_a_store_that_hangs_is_a_503(world: World) -> None:
    app, tokens = app_on(world, statement_s=0.5)
    async with world.transactions.engine.connect() as holder, client_of(app, tokens["admin"]) as client:
        await holder.execute(text("lock table policy in access exclusive mode"))
        answer = await client.get("/v1/ops/scorer/policies/access")
        await holder.rollback()
    assert a_problem(answer, 503)["type"].endswith("store")


async def raw_post(
    app: ASGIApp, messages: list[dict[str, Any]], *, length: bytes = b"", pause_s: float = 0.0
) -> list[Message]:
    """A request below any HTTP library, which would not send such a thing."""
    token = b"Bearer the admin's"
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/policies/scorecard/publish",
        "raw_path": b"",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"authorization", token), (b"idempotency-key", b"k")]
        + ([(b"content-length", length)] if length else []),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    left, sent = list(messages), list[Message]()

    async def receive() -> Message:
        await anyio.sleep(pause_s)
        return left.pop(0) if left else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append(message)

    await app(scope, receive, send)
    return sent
