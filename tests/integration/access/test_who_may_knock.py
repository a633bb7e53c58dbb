"""The Doorkeeper before every route, for every role and every kind of token: what passes, and as whom."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import httpx
import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from baton.gateway import app as gateway
from baton.settings import Settings
from shared.contracts.topology import SERVICES
from shared.http.access import ROLES, Key, KeyRing, Principal, new_token
from shared.http.app import Doorkeeper
from shared.http.routes import PUBLIC, ROUTES, Route
from shared.http.sessions import COOKIE, SAFE, new_session
from shared.runtime.clock import system_clock
from shared.telemetry.meters import Meters

SECRET: Final = b"of this test"
NOW: Final = system_clock()
OURS: Final = (b"origin", b"http://baton.test")
FOREIGN: Final = (b"origin", b"http://evil.test")
RIGHTS: Final = [route for route in ROUTES if route.roles is not PUBLIC]


@dataclass
class House:
    """The Doorkeeper in front of an app that says as whom it was called."""

    tokens: dict[str, str] = field(default_factory=dict[str, str])
    ring: KeyRing = field(default_factory=KeyRing)
    handled: list[Principal | None] = field(default_factory=list[Principal | None])

    def __post_init__(self) -> None:
        keys: dict[str, Key] = {}
        for key_id, role, expires_at in [
            *((role, role, None) for role in sorted(ROLES)),
            ("over", "admin", NOW - timedelta(seconds=1)),
            ("soon-over", "admin", NOW + timedelta(hours=1)),
        ]:
            self.tokens[key_id], sha256 = new_token(key_id)
            principal = Principal(key_id, role, "ann" if role == "rep" else None)
            keys[key_id] = Key(key_id, sha256, principal, expires_at)
        self.tokens["revoked"], _ = new_token("revoked")
        self.tokens["forged"] = self.tokens["admin"][:-1] + ("A" if self.tokens["admin"][-1] != "A" else "B")
        self.ring = KeyRing("", keys, SECRET)

    async def app(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.handled.append(scope["state"].get("principal"))
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def knock(self, method: str, path: str, *headers: tuple[bytes, bytes]) -> tuple[int, Mapping[str, Any]]:
        """A request; its status and the problem, if it is one. 299 is the app's own."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"host", b"baton.test"), *headers], "scheme": "http", "http_version": "1.1",
            "server": ("baton.test", 80), "client": ("127.0.0.1", 1), "root_path": "", "state": {},
        }  # fmt: skip
        keeper = Doorkeeper(self.app, dict.fromkeys(SERVICES, self.ring))
        await keeper(scope, receive, send)
        said = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], orjson.loads(said) if said else {}

    async def with_token(self, route: Route, key_id: str) -> tuple[int, Mapping[str, Any]]:
        return await self.knock(route.method, path_of(route), bearer_of(self.tokens[key_id]))


def path_of(route: Route) -> str:
    return re.sub(r"{\w+}", "an-id", route.template)


def bearer_of(token: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token}".encode()


def cookie_of(key_id: str, secret: bytes = SECRET) -> tuple[bytes, bytes]:
    return b"cookie", f"{COOKIE}={new_session(secret, key_id, system_clock())}".encode()


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_role_passes_exactly_where_the_table_names_it(role: str) -> None:
    house = House()
    for route in RIGHTS:
        house.handled.clear()
        status, said = await house.with_token(route, role)
        if role in route.roles:
            assert status == 299, (route, said)
            assert [who.key_id for who in house.handled if who] == [role]
        else:
            assert (status, said["type"]) == (403, "urn:baton:problem:role"), route
            assert not house.handled


@pytest.mark.parametrize("key_id", ["over", "revoked", "forged"])
async def test_a_token_that_opens_nothing_opens_no_route(key_id: str) -> None:
    house = House()
    for route in RIGHTS:
        assert (await house.with_token(route, key_id))[0] == 401, route
    assert not house.handled


@pytest.mark.parametrize(
    "header",
    [None, b"", b"Bearer", b"Bearer ", b"Bearer baton_admin_", b"Basic YWRtaW46YWRtaW4=", b"Bearer \xff\xfe", b"admin"],
)
async def test_without_a_token_no_route_opens(header: bytes | None) -> None:
    house = House()
    for route in RIGHTS:
        given = () if header is None else ((b"authorization", header),)
        assert (await house.knock(route.method, path_of(route), *given))[0] == 401, route
    assert not house.handled


async def test_public_routes_take_anybody_and_make_nobody_of_them() -> None:
    house = House()
    public = [route for route in ROUTES if route.roles is PUBLIC]
    for route in public:
        for headers in ((), (bearer_of("baton_forged_x"),), (bearer_of(house.tokens["admin"]),), (cookie_of("admin"),)):
            assert (await house.knock(route.method, path_of(route), *headers))[0] == 299, route
    assert set(house.handled) == {None}


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_session_has_the_rights_of_its_key_and_no_other(role: str) -> None:
    house = House()
    for route in RIGHTS:
        by_token = (await house.with_token(route, role))[0]
        assert (await house.knock(route.method, path_of(route), cookie_of(role), OURS))[0] == by_token, route
    assert {who.key_id for who in house.handled if who} <= {role}


@pytest.mark.parametrize(
    "origin", [(), (FOREIGN,), ((b"origin", b"null"),), ((b"origin", b"http://baton.test.evil.test"),)]
)
async def test_another_page_changes_nothing_with_our_cookie(origin: tuple[tuple[bytes, bytes], ...]) -> None:
    house = House()
    for route in RIGHTS:
        status, said = await house.knock(route.method, path_of(route), cookie_of("admin"), *origin)
        if route.method in SAFE:
            assert status == (299 if "admin" in route.roles else 403), route
        else:
            assert (status, said["type"]) == (403, "urn:baton:problem:origin"), route
    assert all(who is not None and who.role == "admin" for who in house.handled)


async def test_a_session_ends_with_its_key() -> None:
    house = House()
    session = cookie_of("manager")
    assert (await house.knock("GET", "/v1/reps", session))[0] == 299
    house.ring.keys = {key_id: key for key_id, key in house.ring.keys.items() if key_id != "manager"}
    assert (await house.knock("GET", "/v1/reps", session))[0] == 401
    assert (await house.knock("GET", "/v1/reps", cookie_of("over")))[0] == 401
    assert (await house.knock("GET", "/v1/reps", cookie_of("admin", b"another secret")))[0] == 401
    soon = house.ring.keys["soon-over"]
    assert (await house.knock("GET", "/v1/reps", cookie_of("soon-over")))[0] == 299
    house.ring.keys = {"soon-over": replace(soon, expires_at=system_clock())}
    assert (await house.knock("GET", "/v1/reps", cookie_of("soon-over")))[0] == 401


async def test_a_wrong_token_is_not_made_good_by_a_session() -> None:
    house = House()
    assert (await house.knock("GET", "/v1/reps", bearer_of("baton_x_y"), cookie_of("admin"), OURS))[0] == 401


@pytest.mark.parametrize(
    "path", ["/v1/reps/", "//v1/reps", "/v1//reps", "/V1/reps", "/v1/reps/a/b", "/openapi.json", "/docs"]
)
async def test_what_the_table_does_not_have_reaches_no_handler(path: str) -> None:
    house = House()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        assert (await house.knock(method, path, bearer_of(house.tokens["admin"])))[0] in (404, 405), (method, path)
    assert not house.handled


async def test_a_stream_ends_soon_after_its_key_was_revoked() -> None:
    house = House()
    sent: list[Message] = []
    revoked = asyncio.Event()

    async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await revoked.wait()
        while True:
            await send({"type": "http.response.body", "body": b"next", "more_body": True})
            await asyncio.sleep(0)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http", "method": "GET", "path": "/v1/handoffs/stream", "headers": [bearer_of(house.tokens["rep"])],
    }  # fmt: skip
    running = asyncio.create_task(Doorkeeper(stream, {"router": house.ring})(scope, receive, send))
    await asyncio.sleep(0)
    house.ring.keys = {}
    revoked.set()
    await asyncio.wait_for(running, 5)
    assert [message.get("body") for message in sent] == [None, b"first", b""]
    assert sent[-1]["more_body"] is False


async def test_a_session_means_the_same_through_the_gateway() -> None:
    house = House()
    keeper = Doorkeeper(house.app, dict.fromkeys(SERVICES, house.ring))
    upstream = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app=keeper), base_url="http://127.0.0.1:1")
        for name in SERVICES
    }
    through = httpx.ASGITransport(app=gateway(Settings(), upstream, Meters()))
    cookie = {"cookie": cookie_of("admin")[1].decode()}
    async with httpx.AsyncClient(transport=through, base_url="http://baton.test", headers=cookie) as browser:
        assert (await browser.get("/v1/reps")).status_code == 299
        assert (await browser.post("/v1/reps")).status_code == 403
        assert (await browser.post("/v1/reps", headers={"origin": "http://evil.test"})).status_code == 403
        assert (await browser.post("/v1/reps", headers={"origin": "http://baton.test"})).status_code == 299
        assert (await browser.get("/v1/policies/access")).status_code == 299
        assert {who.key_id for who in house.handled if who} == {"admin"}
