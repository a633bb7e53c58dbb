"""What every way in does: find the door, read the request, have it committed. No task and no model per request."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

import msgspec
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Receive, Scope, Send

from intake.admission import Item, NotProven, OneLead, Request
from intake.capture import Placed
from intake.domain.policy import Door
from intake.domain.proof import Arrival
from intake.domain.refusals import Refused
from intake.intake import Intake
from intake.rules import Rules
from shared.http.app import BodyRefused
from shared.http.problems import Problem
from shared.runtime.desk import Desk

_MAX_KEY_CHARS = 255


D_co = TypeVar("D_co", bound=Door, covariant=True)


class Knock(msgspec.Struct, Generic[D_co], frozen=True, gc=False):
    """A request before its body is read: the door, the rules in force and the headers in lower case."""

    door: D_co
    rules: Rules
    headers: Mapping[str, str]


def headers_of(http: HttpRequest) -> dict[str, str]:
    """The headers; ASGI gives them in lower case."""
    return {key.decode("latin-1"): value.decode("latin-1") for key, value in http.scope["headers"]}


async def knock(intake: Intake, desk: Desk, http: HttpRequest, name: str, *kinds: type[D_co]) -> Knock[D_co]:
    """Find a door of these kinds. Raises Problem 404."""
    rules = await intake.book.current(desk)
    door = rules.door(name)
    if door is None:
        rules = await intake.book.doubted(desk)
        door = rules.door(name)
    if type(door) not in kinds:  # a model's isinstance costs as much as ten comparisons
        intake.refuse("-", "no-door")
        raise Problem(404, "there is no such door here; GET /v1/doors lists them", code="no-door")
    return Knock(cast("D_co", door), rules, headers_of(http))


async def receive(
    intake: Intake, desk: Desk, http: HttpRequest, knocked: Knock[Door], *, caller: str, token: str | None = None
) -> tuple[Request, list[Item], Rules]:
    """The request and its items. Raises NotProven, Refused, and Problem where the body is too large or slow."""
    raw = await body_of(http)
    name = knocked.door.name
    command = idempotency_key(knocked.headers)
    path = http.scope["path"]
    signed = knocked.door.kind == "generic" and knocked.door.verify is not None
    request = Request(
        name,
        Arrival(raw, knocked.headers, http.method, _url(intake, http) if signed else "", token),
        knocked.headers.get("content-type", ""),
        desk.clock(),
        f"intake:{caller}:{path}:{command}" if command is not None else None,
    )
    try:
        return request, await intake.reading.admit(knocked.rules, knocked.door, request), knocked.rules
    except NotProven:
        # perhaps a secret was changed a moment ago
        rules = await intake.book.doubted(desk)
        door = rules.door(name)
        if rules is knocked.rules or door is None:
            raise
        return request, await intake.reading.admit(rules, door, request), rules


def _url(intake: Intake, http: HttpRequest) -> str:
    """The public URL, as who signs a request knows it."""
    return str(http.url) if intake.public_url is None else intake.public_url.rstrip("/") + http.scope["path"]


async def body_of(http: HttpRequest) -> bytes:
    """The body, once it is whole. Raises what the shell refuses it with."""
    pieces: list[bytes] = []
    while True:
        try:
            message = await http.receive()
        except BodyRefused as refused:
            raise refused.problem from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def keep(intake: Intake, request: Request, items: list[Item], rules: Rules) -> list[Placed]:
    """Have the items committed. Raises Problem 503 where too much waits, or the disk is nearly full."""
    intake.ready_to_write()
    return await intake.committer.keep(request, items, rules) if items else []


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The Idempotency-Key. Raises Problem 400."""
    key = headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _MAX_KEY_CHARS:
        raise Problem(400, f"an Idempotency-Key has 1 to {_MAX_KEY_CHARS} characters", code="bad-key")
    return key


def problem_of(intake: Intake, door: str, error: Exception) -> Problem:
    """The answer to a request that was not taken; it is counted under its door."""
    match error:
        case NotProven():
            intake.refuse(door, "unproven" if error.status == 401 else "no-secret")
            if error.status == 401:
                return Problem(401, "the sender is not proven; nothing was kept", code="unproven", headers=_CHALLENGE)
            return Problem(
                503, f"{error.reason}; set it, see /v1/doors", code="no-secret", headers={"Retry-After": "60"}
            )
        case OneLead():
            intake.refuse(door, "one-lead")
            return Problem(error.status, error.detail, code="one-lead")
        case Refused():
            intake.refuse(door, "unreadable")
            extra: dict[str, Any] = {name: text for name, text in (("where", error.where), ("fix", error.fix)) if text}
            return Problem(error.status, f"{error.title}: {error.detail}", code="unreadable", **extra)
        case Problem():
            intake.refuse(door, error.code or str(error.status))
            return error
        case _:
            raise error


def json_answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> ASGIApp:
    """A JSON response of ready bytes; the framework's own class takes longer than all of a door's checks."""
    lines = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if headers:
        lines += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    return answer


_CHALLENGE = {"WWW-Authenticate": "Signature"}
