"""`GET` and `PUT /v1/policies/{kind}` of a service: immutable versions with ETags, a dry run, problems in words.

`GET …/{kind}/history` lists the versions and checks the chain of their digests: a version changed afterwards shows.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Row, text
from starlette.responses import Response

from shared.http.access import Principal
from shared.http.app import caller
from shared.http.documents import document_of, version_of
from shared.http.problems import Problem
from shared.http.routes import find
from shared.runtime.desk import Desk
from shared.runtime.policies import PolicyDefinition, Published
from shared.runtime.service import Service


def policy_routes(desk: Desk, service: Service) -> APIRouter:
    """The policy paths of a service; which of them exist is the table of routes' word."""
    router = APIRouter(tags=["policies"])
    policies = desk.transactions.policies

    async def read(kind: str) -> Response:
        async with desk.read() as session:
            return _shown(await policies.current(session, kind, desk.clock()))

    async def publish(kind: str, request: Request, principal: Principal) -> Response:
        definition = policies.definitions[kind]
        body = document_of(await request.body())
        after = version_of(request.headers.get("if-match"))
        after = await _bounded(desk, definition, body, principal, after)
        lint = await _judged(desk, definition, body)
        if request.query_params.get("dry_run") == "1":
            return _json({"kind": kind, "dry_run": True, "lint": lint})
        async with desk.work() as work:
            version = await policies.publish(work.session, kind, body, by=principal.actor, at=work.now, after=after)
        return _json({"kind": kind, "version": version, "lint": lint}, etag=version)

    def add(kind: str, path: str, *, guarded: bool) -> None:
        definition = policies.definitions[kind]

        async def get_policy(principal: Principal = Depends(caller)) -> Response:  # noqa: B008 - FastAPI's way
            _bar(principal, definition.read_roles, guarded=guarded)
            return await read(kind)

        async def put_policy(request: Request, principal: Principal = Depends(caller)) -> Response:  # noqa: B008 - FastAPI's way
            _bar(principal, definition.write_roles, guarded=guarded)
            if definition.drafted:
                raise Problem(
                    409,
                    f"the {kind} is published from a draft: PUT /v1/policies/{kind} keeps one,"
                    f" POST /v1/policies/{kind}/publish makes it live",
                    code="drafted",
                )
            return await publish(kind, request, principal)

        router.add_api_route(path, get_policy, methods=["GET"], name=f"read {kind}")
        router.add_api_route(path, put_policy, methods=["PUT"], name=f"publish {kind}")

    for kind, definition in policies.definitions.items():
        if _owns(service, kind) and not definition.drafted:
            add(kind, f"/v1/policies/{kind}", guarded=False)
        add(kind, f"/v1/ops/{service.name}/policies/{kind}", guarded=True)
    _history_routes(router, desk, service)
    return router


async def _bounded(
    desk: Desk, definition: PolicyDefinition, body: dict[str, object], principal: Principal, after: int | None
) -> int | None:
    """The version that a change is based on; for a manager whose key is bound to teams the one it was held against.

    Raises Problem 403 where it touches more than these: what is everybody's, others' teams, or a whole kind.
    """
    if principal.role != "manager" or not principal.teams:
        return after
    kind, mine = definition.kind, ", ".join(sorted(principal.teams))
    if definition.within is None:
        raise Problem(
            403,
            f"the {kind} policy is the whole company's, and your key is bound to {mine}; a manager whose key is bound"
            " to no team, or an administrator, publishes it",
            code="not-your-team",
        )
    async with desk.read() as session:
        current = await desk.transactions.policies.current(session, kind, desk.clock())
    if not definition.within(current.body, body, principal.teams):
        raise Problem(
            403,
            f"your key is bound to {mine}: change nothing of the {kind} policy but what stands under these teams; the"
            " rest is for a manager whose key is bound to no team, or an administrator",
            code="not-your-team",
        )
    return current.version if after is None else after


async def _judged(desk: Desk, definition: PolicyDefinition, body: dict[str, object]) -> list[str]:
    """What lint says of a policy that may be published.

    Raises PolicyInvalid where it may not.
    """
    value = await anyio.to_thread.run_sync(definition.parse, body)  # it may have thousands of problems

    async def in_force(kind: str) -> Any:
        async with desk.read() as session:
            return (await desk.transactions.policies.current(session, kind, desk.clock())).value

    if definition.fits is not None:
        await definition.fits(body, in_force)
    return list(definition.lint(value))


def _history_routes(router: APIRouter, desk: Desk, service: Service) -> None:
    policies = desk.transactions.policies

    def add(kind: str, path: str, *, guarded: bool) -> None:
        async def get_history(
            principal: Annotated[Principal, Depends(caller)],
            limit: Annotated[int, Query(ge=1, le=100)] = 50,
            cursor: Annotated[int | None, Query(ge=1)] = None,
        ) -> Response:
            _bar(principal, policies.definitions[kind].read_roles, guarded=guarded)
            async with desk.read() as session:
                rows = (
                    await session.execute(_HISTORY, {"kind": kind, "before": cursor, "limit": limit + 1})
                ).fetchall()
            items = list(_checked(rows))[:limit]
            following = items[-1]["version"] if len(rows) > limit else None
            intact = all(item["problem"] is None for item in items)
            return _json({"kind": kind, "intact": intact, "items": items, "next": following})

        router.add_api_route(path, get_history, methods=["GET"], name=f"history of {kind}")

    for kind in policies.definitions:
        if _owns(service, f"{kind}/history"):
            add(kind, f"/v1/policies/{kind}/history", guarded=False)
        add(kind, f"/v1/ops/{service.name}/policies/{kind}/history", guarded=True)


def _owns(service: Service, kind: str) -> bool:
    own = find("GET", f"/v1/policies/{kind}")
    return own is not None and own.service == service.name


def _bar(principal: Principal, roles: frozenset[str], *, guarded: bool) -> None:
    """The operators' path is one row of the table of routes for all kinds, so the kind itself says who may.

    Raises Problem 403: else an operator could publish a key for an admin.
    """
    if guarded and principal.role not in roles:
        raise Problem(403, f"the role {principal.role} may not; it takes {', '.join(sorted(roles))}", code="role")


_HISTORY = text(
    "select version, published_by, published_at, effective_from, previous_digest, digest, body from policy"
    " where kind = :kind and (cast(:before as int) is null or version < :before) order by version desc limit :limit"
)


def _checked(rows: Sequence[Row[Any]]) -> Iterator[dict[str, Any]]:
    """Versions, the newest first, each with what is wrong with it: its own digest, or its link to the one before."""
    for index, row in enumerate(rows):
        before = rows[index + 1] if index + 1 < len(rows) else None
        yield {
            "version": row.version,
            "published_by": row.published_by,
            "published_at": row.published_at,
            "effective_from": row.effective_from,
            "digest": row.digest,
            "problem": _broken(row, before),
        }


def _broken(row: Row[Any], before: Row[Any] | None) -> str | None:
    body = row.body if isinstance(row.body, dict) else orjson.loads(row.body)
    encoded = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    if hashlib.sha256(f"{row.previous_digest}:{encoded}".encode()).hexdigest() != row.digest:
        return "its content is not what was published"
    if before is None:
        return None if row.version == 1 and not row.previous_digest else "the version before it is missing"
    if before.version != row.version - 1:
        return f"version {row.version - 1} is missing"
    return None if row.previous_digest == before.digest else f"version {before.version} was changed after it"


def _shown(published: Published) -> Response:
    return _json(
        {
            "kind": published.kind,
            "version": published.version,
            "published_by": published.published_by,
            "effective_from": published.effective_from,
            "body": published.body,
        },
        etag=published.version,
    )


def _json(value: dict[str, object], *, etag: int | None = None) -> Response:
    headers = {"ETag": f'"{etag}"'} if etag is not None else {}
    return Response(orjson.dumps(value), media_type="application/json", headers=headers)
