"""The gateway's own ways in: who comes is known before a body is read, and no body is longer than the table says."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx
import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from baton.gateway import app as gateway
from baton.settings import Settings
from shared.contracts.topology import SERVICES
from shared.http.access import Key, KeyRing, Principal, new_token
from shared.http.app import Doorkeeper
from shared.http.routes import MAX_BODY_BYTES
from shared.telemetry.meters import Meters

PIECE: Final = b"x" * 65_536


@dataclass
class Behind:
    """The five services: each says who comes and takes what is published."""

    published: list[bytes] = field(default_factory=list[bytes])
    read_bytes: int = 0
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/me"):
            said = {"role": scope["state"]["principal"].role}
        else:
            self.published.append(await Request(scope, receive).body())
            said = {"version": 1}
        await Response(orjson.dumps(said), media_type="application/json")(scope, receive, send)

    async def endless(self) -> AsyncIterator[bytes]:
        """A body of a hundred times what is allowed."""
        while self.read_bytes < 100 * MAX_BODY_BYTES:
            self.read_bytes += len(PIECE)
            yield PIECE

    def ring(self) -> KeyRing:
        keys: dict[str, Key] = {}
        for role in ("admin", "manager", "viewer"):
            self.tokens[role], sha256 = new_token(role)
            keys[role] = Key(role, sha256, Principal(role, role), None)
        return KeyRing("", keys)


@asynccontextmanager
async def through(behind: Behind) -> AsyncGenerator[httpx.AsyncClient]:
    keeper = Doorkeeper(behind.app, dict.fromkeys(SERVICES, behind.ring()))
    upstream = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app=keeper), base_url="http://127.0.0.1:1")
        for name in SERVICES
    }
    transport = httpx.ASGITransport(app=gateway(Settings(), upstream, Meters()))
    async with httpx.AsyncClient(transport=transport, base_url="http://baton.test") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("kind", ["access", "calendars"])
@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("viewer", 403)])
async def test_of_whoever_may_not_publish_no_body_is_read(kind: str, who: str, status: int) -> None:
    behind = Behind()
    async with through(behind) as client:
        headers = bearer(behind.tokens.get(who, "baton_nobody_x"))
        answer = await client.put(f"/v1/policies/{kind}", content=behind.endless(), headers=headers)
    assert (answer.status_code, behind.read_bytes, behind.published) == (status, 0, [])


async def test_a_policy_longer_than_the_bound_is_refused_and_goes_to_nobody() -> None:
    behind = Behind()
    async with through(behind) as client:
        headers = bearer(behind.tokens["admin"])
        answer = await client.put("/v1/policies/access", content=behind.endless(), headers=headers)
        told = await client.put("/v1/policies/access", content=b"x" * (MAX_BODY_BYTES + 1), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:baton:problem:body-too-large")
    assert told.status_code == 413
    assert behind.read_bytes <= MAX_BODY_BYTES + len(PIECE)
    assert behind.published == []


async def test_the_form_of_signing_in_is_bounded() -> None:
    behind = Behind()
    async with through(behind) as client:
        headers = {"Origin": "http://baton.test", "Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/sign-in", content=behind.endless(), headers=headers)
    assert answer.status_code == 413
    assert behind.read_bytes <= MAX_BODY_BYTES + len(PIECE)


async def test_who_may_publishes_to_every_keeper() -> None:
    behind = Behind()
    async with through(behind) as client:
        headers = bearer(behind.tokens["manager"])
        answer = await client.put("/v1/policies/calendars", content=b"{}", headers=headers)
    assert (answer.status_code, sorted(answer.json()["services"])) == (200, ["router", "sla-watcher"])
    assert behind.published == [b"{}"] * 4  # tried at both, then published at both
