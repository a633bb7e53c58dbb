"""Policies that several services keep: published to each of them, with a word on who has it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import httpx
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from shared.contracts.topology import SERVICES

KEPT_BY: Final = {"access": SERVICES, "calendars": ("router", "sla-watcher")}

_PASSED_ON: Final = ("authorization", "cookie", "origin", "host", "if-match")
ClientOf = Callable[[str], httpx.AsyncClient]


def shared_policy_routes(client_of: ClientOf) -> APIRouter:
    """`/v1/policies/access` and `/v1/policies/calendars` of the one origin."""
    router = APIRouter(tags=["policies"])

    def add(kind: str) -> None:
        async def get_policy(request: Request) -> Response:
            keeper = KEPT_BY[kind][0]
            answer = await client_of(keeper).get(_path(keeper, kind), headers=_authorization(request))
            return _passed_on(answer)

        async def put_policy(request: Request) -> Response:
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


def _authorization(request: Request) -> dict[str, str]:
    """What a keeper needs to know of the caller and their page, and of the version that the change is based on."""
    return {name: request.headers[name] for name in _PASSED_ON if name in request.headers}


def _passed_on(answer: httpx.Response) -> Response:
    return Response(answer.content, status_code=answer.status_code, media_type=answer.headers.get("content-type"))
