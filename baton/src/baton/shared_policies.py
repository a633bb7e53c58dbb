"""Policies that several services keep: published to each of them, with a word on who has it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import httpx
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from shared.contracts.topology import SERVICES
from shared.http.problems import Problem
from shared.http.routes import route_of

KEPT_BY: Final = {"access": SERVICES, "calendars": ("router", "sla-watcher")}

_PASSED_ON: Final = frozenset({b"authorization", b"cookie", b"origin", b"host", b"if-match"})
ClientOf = Callable[[str], httpx.AsyncClient]


def shared_policy_routes(client_of: ClientOf) -> APIRouter:
    """`/v1/policies/access` and `/v1/policies/calendars` of the one origin."""
    router = APIRouter(tags=["policies"])

    def add(kind: str) -> None:
        async def get_policy(request: Request) -> Response:
            keeper = KEPT_BY[kind][0]
            return _passed_on(await _asked(client_of(keeper), keeper, _path(keeper, kind), request))

        async def put_policy(request: Request) -> Response:
            refused = await _refused(client_of(KEPT_BY[kind][0]), KEPT_BY[kind][0], request)
            if refused is not None:
                return refused
            body = await request.body()
            tried = await to_all(body, request, {"dry_run": "1"})
            if tried.status_code >= HTTPStatus.BAD_REQUEST or "dry_run" in request.query_params:
                return tried  # refused by one, published to none
            return await to_all(body, request, {})

        async def to_all(body: bytes, request: Request, more: dict[str, str]) -> Response:
            who: dict[str, object] = {}
            worst = 200
            for keeper in KEPT_BY[kind]:
                who[keeper], status = await _publish(client_of(keeper), keeper, kind, body, request, more)
                worst = max(worst, status)
            return Response(
                orjson.dumps({"kind": kind, "services": who}), status_code=worst, media_type="application/json"
            )

        router.add_api_route(f"/v1/policies/{kind}", get_policy, methods=["GET"], name=f"read {kind}")
        router.add_api_route(f"/v1/policies/{kind}", put_policy, methods=["PUT"], name=f"publish {kind} to all")

    for kind in KEPT_BY:
        add(kind)
    return router


async def _refused(client: httpx.AsyncClient, keeper: str, request: Request) -> Response | None:
    """No to whoever may not publish this, before anything of the body is read: a gateway knows no keys, a keeper does.

    Raises Problem.
    """
    answer = await _asked(client, keeper, f"/v1/ops/{keeper}/me", request)
    if answer.is_error:
        return _passed_on(answer)
    role, roles = orjson.loads(answer.content)["role"], route_of("PUT", request.url.path).roles
    if role not in roles:
        raise Problem(403, f"the role {role} may not PUT this; it takes {', '.join(sorted(roles))}", code="role")
    return None


async def _asked(client: httpx.AsyncClient, keeper: str, path: str, request: Request) -> httpx.Response:
    try:
        return await client.get(path, headers=_authorization(request))
    except httpx.TransportError as error:
        raise Problem(
            503, f"{keeper} does not answer now; try again shortly", code="service-away", headers={"Retry-After": "2"}
        ) from error


async def _publish(
    client: httpx.AsyncClient, keeper: str, kind: str, body: bytes, request: Request, more: dict[str, str]
) -> tuple[object, int]:
    try:
        answer = await client.put(
            _path(keeper, kind), params={**request.query_params, **more}, content=body, headers=_authorization(request)
        )
    except httpx.TransportError:
        return {"error": "does not answer; publish again when it is back"}, 503
    return orjson.loads(answer.content), answer.status_code


def _path(keeper: str, kind: str) -> str:
    return f"/v1/ops/{keeper}/policies/{kind}"


def _authorization(request: Request) -> list[tuple[bytes, bytes]]:
    """What a keeper needs to know of the caller and their page, and of the version that the change is based on."""
    return [(name, value) for name, value in request.headers.raw if name in _PASSED_ON]


def _passed_on(answer: httpx.Response) -> Response:
    return Response(answer.content, status_code=answer.status_code, media_type=answer.headers.get("content-type"))
