"""The HTTP shell of a process: deny by default, bounded bodies, problem documents, one app for one or all services."""

import asyncio
import traceback
from collections.abc import Iterable, Mapping, Sequence

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import HTTPException as FastAPIHTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.access import KeyRing, Principal, bearer
from shared.http.bare import Endpoint, bare_endpoints, path_params
from shared.http.deadline import before
from shared.http.problems import Problem, answer_problem, document
from shared.http.routes import MAX_BODY_BYTES, PUBLIC, Route, route_of
from shared.http.sessions import SAFE, cookie_of, key_of_session, same_origin
from shared.runtime.clock import system_clock
from shared.runtime.desk import KeyReused
from shared.runtime.failures import is_passing, is_unkeepable
from shared.runtime.policies import PolicyChanged, PolicyInvalid
from shared.store.parked import digest_of, words_of

log = structlog.get_logger("http")

BODY_DEADLINE_S = 20.0
_SLOWEST_BYTES_S = 256 * 1024  # of a file: what is sent more slowly than this is no upload
_LONGEST_LENGTH_DIGITS = 12
_FRAMES = 6


def caller(request: Request) -> Principal:
    """The principal of a request (FastAPI dependency)."""
    principal: Principal = request.scope["state"]["principal"]
    return principal


class Doorkeeper:
    """ASGI middleware: finds the route, checks the token and the role, bounds the body in size and time.

    The hot ways in are `bare`: called past the framework, whose layers cost as much as a submission.
    """

    def __init__(
        self, app: ASGIApp, rings: Mapping[str, KeyRing], bare: Mapping[tuple[str, str], Endpoint] | None = None
    ) -> None:
        self.app = app
        self.rings = rings
        self.bare = bare or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            route = self.admit(scope)
        except Problem as problem:
            await document(problem)(scope, receive, send)
            return
        body = Body(scope, receive, route.max_body_bytes)
        endpoint = self.bare.get((route.method, route.template))
        if endpoint is None:
            await self._by_framework(scope, body, send)
        else:
            scope["path_params"] = path_params(route.template, scope["path"])
            answer = await _answer_of(endpoint, Request(scope, body))
            await answer(scope, receive, send)

    async def _by_framework(self, scope: Scope, body: "Body", send: Send) -> None:
        answered = started = False

        async def noting(message: Message) -> None:
            nonlocal answered, started
            if started and message.get("more_body") and not self._may_still(scope):
                answered = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                raise KeyOver
            started = True
            await send(message)
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            body.hold_to_headers()
            await self.app(scope, body, noting)
        except Problem as problem:
            await document(problem)(scope, body.receive, send)
        except Exception as error:
            if not answered:
                raise  # a stream broke off in the middle: the server ends the connection
            _note(scope, error)

    def admit(self, scope: Scope) -> Route:
        """Put the caller into the scope; the route it takes.

        Raises Problem 401, 403, 404 or 405.
        """
        route = route_of(scope["method"], scope["path"])
        scope.setdefault("state", {}).update(service=route.service, route=route.template)
        if route.roles is PUBLIC:
            return route
        principal = _principal(self._ring(scope), scope)
        if principal.role not in route.roles:
            raise Problem(
                403,
                f"the role {principal.role} may not {scope['method']} this; it takes {', '.join(sorted(route.roles))}",
                code="role",
            )
        scope["state"]["principal"] = principal
        return route

    def _ring(self, scope: Scope) -> KeyRing:
        return self.rings.get(scope["state"]["service"]) or next(iter(self.rings.values()))

    def _may_still(self, scope: Scope) -> bool:
        """Whether the caller of a long answer still is who it was when it began: a stream ends with its key."""
        principal = scope["state"].get("principal")
        if principal is None:
            return True
        try:
            return _principal(self._ring(scope), scope) == principal
        except Problem:
            return False


class KeyOver(Exception):
    """The key was revoked, changed or expired in the midst of an answer."""


def _principal(ring: KeyRing, scope: Scope) -> Principal:
    """Who asks: by the token, else by the session of the browser.

    Raises Problem 401 and 403.
    """
    now, headers = system_clock(), scope["headers"]
    given = _authorization(headers)
    session = "" if given else cookie_of(headers)
    if session:
        key_id = key_of_session(ring.session_secret, session, now)
        principal = None if key_id is None else ring.of_key(key_id, now)
        if principal is not None and scope["method"] not in SAFE and not same_origin(headers):
            raise Problem(403, "a session may change something only from this product's own page", code="origin")
    else:
        principal = ring.principal(bearer({"authorization": given.decode("latin-1")}), now)
    if principal is None:
        raise Problem(
            401,
            "this token is unknown, revoked or expired; `baton key create` makes a new one",
            code="bad-token",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    return principal


def _authorization(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    for key, value in headers:
        if key == b"authorization":
            return value
    return b""


class Body:
    """A request's body as the app receives it: bounded in bytes, by what is said and by what comes, and in time."""

    def __init__(self, scope: Scope, receive: Receive, max_bytes: int = MAX_BODY_BYTES) -> None:
        self.receive = receive
        self.max_bytes = max_bytes
        self.patience_s = BODY_DEADLINE_S + (max_bytes - MAX_BODY_BYTES) / _SLOWEST_BYTES_S
        self.seen_bytes = 0
        self.deadline_s: float | None = None
        self.whole = False
        self.refused: Problem | None = None  # for what the headers say
        for key, value in scope["headers"]:
            if key == b"content-length" and not value.isdigit():
                self.refused = Problem(400, "the content-length is no number", code="content-length")
            elif key == b"content-length" and (len(value) > _LONGEST_LENGTH_DIGITS or int(value) > max_bytes):
                self.refused = _too_large(max_bytes)

    def hold_to_headers(self) -> None:
        """Raise the Problem that the headers alone tell of; a bare endpoint meets it when it reads."""
        if self.refused is not None:
            raise self.refused

    async def __call__(self) -> Message:
        """The next piece; once the body is whole, whatever the server has to say."""
        if self.whole:
            return await self.receive()
        if self.refused is not None:
            raise BodyRefused(self.refused)
        self.deadline_s = self.deadline_s or asyncio.get_running_loop().time() + self.patience_s
        try:
            message = await before(self.deadline_s, self.receive())
        except TimeoutError:
            raise BodyRefused(
                Problem(408, f"the body did not arrive within {self.patience_s:.0f} s", code="slow-body")
            ) from None
        self.whole = message["type"] != "http.request" or not message.get("more_body", False)
        self.seen_bytes += len(message.get("body", b""))
        if self.seen_bytes > self.max_bytes:
            raise BodyRefused(_too_large(self.max_bytes))
        return message


class BodyRefused(FastAPIHTTPException):
    """A problem in the middle of the body, in the one shape that FastAPI lets through while it parses."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.detail)
        self.problem = problem


def _too_large(max_bytes: int) -> Problem:
    return Problem(413, f"the body may have {max_bytes} bytes at most", code="body-too-large")


def _note(scope: Scope, error: Exception) -> None:
    """Say what failed and where, without the values that it failed on: they could be personal."""
    if isinstance(error, KeyOver | ClientDisconnect) or is_unkeepable(error):  # the sender's own, and told so
        return
    if is_passing(error):
        log.warning("the store does not answer", service=scope["state"].get("service"), error=type(error).__name__)
        return
    stack = "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:])
    log.error("a request fails", fault=words_of(error), digest=digest_of(error), method=scope["method"], stack=stack)


async def _answer_of(endpoint: Endpoint, request: Request) -> ASGIApp:
    """What a bare endpoint answers, or what is to be said of its failure."""
    try:
        return await endpoint(request)
    except Problem as problem:
        return document(problem)
    except Exception as error:  # noqa: BLE001 - every failure becomes an answer
        _note(request.scope, error)
        return await _answer_any(request, error)


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
        case _ if is_unkeepable(error):
            problem = Problem(
                422,
                "the request holds a character, a number or a nesting that can't be kept (U+0000, half a surrogate"
                " pair, digits without end); clean it and send it again",
                code="unkeepable",
            )
        case _ if is_passing(error):
            problem = Problem(
                503, "the store does not answer now; try again shortly", code="store", headers={"Retry-After": "2"}
            )
        case BodyRefused():
            problem = error.problem
        case HTTPException():
            problem = Problem(error.status_code, str(error.detail), headers=error.headers)
        case _:
            problem = Problem(
                500,
                f"this failed here, and not by your fault; the log has it under {digest_of(error)}",
                code="internal",
                fault=digest_of(error),
            )
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
    for kind in (PolicyInvalid, PolicyChanged, KeyReused, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer_any)
    return Doorkeeper(app, rings, bare_endpoints(routers))
