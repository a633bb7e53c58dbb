"""The HTTP shell of a process: deny by default, bounded bodies, problem documents, one app for one or all services."""

from collections.abc import Mapping, Sequence

import anyio
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.access import KeyRing, Principal, bearer
from shared.http.problems import Problem, answer_problem, document
from shared.http.routes import PUBLIC, find, methods_of
from shared.runtime.clock import system_clock
from shared.runtime.desk import KeyReused
from shared.runtime.failures import is_passing
from shared.runtime.policies import PolicyChanged, PolicyInvalid

MAX_BODY_BYTES = 256 * 1024
BODY_DEADLINE_S = 20.0


def caller(request: Request) -> Principal:
    """The principal of a request (FastAPI dependency)."""
    principal: Principal = request.scope["state"]["principal"]
    return principal


class Doorkeeper:
    """ASGI middleware: finds the route, checks the token and the role, bounds the body in size and time."""

    def __init__(self, app: ASGIApp, rings: Mapping[str, KeyRing]) -> None:
        self.app = app
        self.rings = rings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self.admit(scope)
            bounded = _bounded(scope, receive)
        except Problem as problem:
            await document(problem)(scope, receive, send)
            return
        await self.app(scope, bounded, send)

    def admit(self, scope: Scope) -> None:
        """Put the caller into the scope.

        Raises Problem 401, 403, 404 or 405.
        """
        route = find(scope["method"], scope["path"])
        if route is None:
            allowed = methods_of(scope["path"])
            if allowed:
                raise Problem(405, f"use {' or '.join(allowed)} here", headers={"Allow": ", ".join(allowed)})
            raise Problem(404, "there is nothing at this path; see /docs for what there is", code="no-route")
        scope.setdefault("state", {})["service"] = route.service
        if route.roles is PUBLIC:
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        token = bearer(headers)
        ring = self.rings.get(route.service) or next(iter(self.rings.values()))
        principal = ring.principal(token, system_clock())
        if principal is None:
            raise Problem(
                401,
                "this token is unknown, revoked or expired; `baton key create` makes a new one",
                code="bad-token",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        if principal.role not in route.roles:
            raise Problem(
                403,
                f"the role {principal.role} may not {scope['method']} this; it takes {', '.join(sorted(route.roles))}",
                code="role",
            )
        scope["state"]["principal"] = principal


def _bounded(scope: Scope, receive: Receive) -> Receive:
    for key, value in scope["headers"]:
        if key == b"content-length" and (not value.isdigit() or int(value) > MAX_BODY_BYTES):
            raise Problem(413, f"the body may have {MAX_BODY_BYTES} bytes at most", code="body-too-large")
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        try:
            with anyio.fail_after(BODY_DEADLINE_S):
                message = await receive()
        except TimeoutError:
            raise Problem(408, f"the body did not arrive within {BODY_DEADLINE_S:.0f} s", code="slow-body") from None
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            raise Problem(413, f"the body may have {MAX_BODY_BYTES} bytes at most", code="body-too-large")
        return message

    return counted


async def _answer_any(request: Request, error: Exception) -> Response:
    match error:
        case PolicyInvalid():
            problem = Problem(422, "the policy can't be published", code="policy-invalid", problems=error.problems)
        case PolicyChanged():
            problem = Problem(412, str(error), code="policy-changed")
        case KeyReused():
            problem = Problem(422, str(error), code="key-reused")
        case RequestValidationError():
            problems = [{"where": ".".join(map(str, each["loc"])), "what": each["msg"]} for each in error.errors()]
            problem = Problem(422, "the request does not fit; see problems", code="invalid", problems=problems)
        case _ if is_passing(error):
            problem = Problem(
                503, "the store does not answer now; try again shortly", code="store", headers={"Retry-After": "2"}
            )
        case _:
            raise error
    return await answer_problem(request, problem)


def build(
    routers: Sequence[APIRouter],
    rings: Mapping[str, KeyRing],
) -> ASGIApp:
    """The app of a process."""
    app = FastAPI(title="Baton", openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(Problem, answer_problem)
    for kind in (PolicyInvalid, PolicyChanged, KeyReused, RequestValidationError, Exception):
        app.add_exception_handler(kind, _answer_any)
    return Doorkeeper(app, rings)
