"""One origin for the five processes: a thin streaming proxy over the table of routes."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI, Request
from prometheus_client import generate_latest
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from baton.data_dir import session_secret
from baton.page.pages import Pages
from baton.passing import Passing
from baton.process import listen, run
from baton.settings import Settings
from baton.shared_policies import shared_policy_routes
from shared.contracts.topology import SERVICES
from shared.http.app import Body, BodyRefused
from shared.http.problems import Problem, answer_problem, document
from shared.http.routes import Route, route_of
from shared.telemetry.meters import Meters

# the host stays: a service compares it with the page that a session's request comes from
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authorization"}
)


def addresses(settings: Settings) -> dict[str, str]:
    """Where each service answers: BATON_<SERVICE>_URL, else this host's ports behind the gateway's own."""
    return {
        name: settings.service_url(name) or f"http://127.0.0.1:{settings.port + 1 + number}"
        for number, name in enumerate(SERVICES)
    }


def app(settings: Settings, upstream: Mapping[str, httpx.AsyncClient], meters: Meters) -> ASGIApp:
    """The gateway's app."""
    made = FastAPI(title="Baton", openapi_url=None, docs_url=None, redoc_url=None)
    made.add_exception_handler(Problem, answer_problem)
    made.add_exception_handler(BodyRefused, _too_much)
    made.include_router(shared_policy_routes(lambda name: upstream[name]))
    zone = ZoneInfo(settings.timezone)
    made.include_router(Pages(lambda name: upstream[name], session_secret(settings), zone, settings.is_secure).routes())

    @made.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @made.get("/health/ready")
    async def ready(response: Response) -> dict[str, object]:
        words = {name: await _readiness(client) for name, client in upstream.items()}
        if any(word != "ready" for word in words.values()):
            response.status_code = 503
            response.headers["Retry-After"] = "2"
        return {"status": "waiting" if response.status_code == 503 else "ready", "services": words}

    @made.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(meters.registry), media_type="text/plain; version=0.0.4")

    async def proxied(request: Request) -> Response:
        route = route_of(request.method, request.url.path)
        request.scope.setdefault("state", {})["route"] = route.template
        return await _pass_on(request, upstream[route.service], route.service)

    made.add_route("/{path:path}", proxied, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    return _bounded(Passing(made, lambda name: upstream[name]))


def _bounded(app: ASGIApp) -> ASGIApp:
    """To the gateway's own ways in a body is bounded here; the services bound theirs, which are passed on unread."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (route := _own(scope)) is not None:
            receive = Body(scope, receive, route.max_body_bytes)
        await app(scope, receive, send)

    return serve


def _own(scope: Scope) -> Route | None:
    try:
        route = route_of(scope["method"], scope["path"])
    except Problem:  # said by the app itself
        return None
    return route if route.service == "gateway" else None


async def _too_much(_request: Request, error: Exception) -> Response:
    if not isinstance(error, BodyRefused):
        raise error
    return document(error.problem)


async def _readiness(client: httpx.AsyncClient) -> str:
    try:
        answer = await client.get("/health/ready", timeout=3)
    except httpx.TransportError:
        return "does not answer"
    return "ready" if answer.status_code == 200 else "waiting"


async def _pass_on(request: Request, client: httpx.AsyncClient, service: str) -> Response:
    headers = [(key, value) for key, value in request.headers.raw if key.decode().lower() not in _HOP_BY_HOP]
    onward = client.build_request(
        request.method,
        httpx.URL(path=request.url.path, query=request.url.query.encode()),
        headers=headers,
        content=request.stream() if request.method in {"POST", "PUT", "PATCH"} else None,
    )
    try:
        answer = await client.send(onward, stream=True)
    except httpx.TransportError as error:
        raise Problem(
            503, f"{service} does not answer now; try again shortly", code="service-away", headers={"Retry-After": "2"}
        ) from error
    kept = {key: value for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP}
    return StreamingResponse(answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose))


async def gateway(settings: Settings) -> None:
    """Serve the one origin until a signal comes."""
    door = listen(settings.host, settings.port)
    meters = Meters()
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
    upstream = {
        name: httpx.AsyncClient(base_url=url, limits=limits, timeout=httpx.Timeout(30, connect=2))
        for name, url in addresses(settings).items()
    }
    try:
        await run(app(settings, upstream, meters), {}, door, meters=meters)
    finally:
        for client in upstream.values():
            await client.aclose()
