"""`/v1/engagements`: what somebody did, told by lead id, e-mail or phone; of nobody known it waits for its lead."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from intake import queries
from intake.api.answers import answer, persistently
from intake.api.arriving import idempotency_key
from intake.api.leads import no_lead
from intake.domain import strict_json
from intake.domain.engagement import Engagement, read_engagement
from intake.domain.refusals import Refused
from intake.domain.strict_json import Json
from intake.intake import Intake
from shared.contracts import LeadEngaged
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.runtime.ids import derived_id, new_id
from shared.runtime.work import Work

if TYPE_CHECKING:
    from datetime import datetime

_MOST = 1_000
Told = tuple[UUID, Engagement]
Caller = Annotated[Principal, Depends(caller)]


def add_engagements(router: APIRouter, desk: Desk, intake: Intake) -> None:
    """Add the paths to a router."""

    @router.post("/v1/leads/{lead_id}/engagements")
    async def of_one(lead_id: UUID, request: Request, principal: Caller) -> Response:  # pyright: ignore[reportUnusedFunction]
        body = _parsed(await request.body())
        if not isinstance(body, dict):
            raise Problem(422, "an engagement is an object", code="invalid")
        intake.ready_to_write()
        told = _told({**body, "lead_id": str(lead_id)}, "$", desk.clock(), _scope(request, principal))

        async def act(work: Work) -> list[dict[str, Any]]:
            return await keep(work, [told])

        [result] = await persistently(desk, act)
        if result["status"] == "unknown":
            raise no_lead()
        if result["status"] == "erased":
            raise Problem(410, "this person was erased", code="erased")
        return answer({**result, "duplicate": result["status"] == "duplicate"}, 202)

    @router.post("/v1/engagements")
    async def of_many(request: Request, principal: Caller) -> Response:  # pyright: ignore[reportUnusedFunction]
        items = _listed(_parsed(await request.body()))
        intake.ready_to_write()
        return answer({"items": await _take(desk, items, _scope(request, principal))}, 202)


async def _take(desk: Desk, items: Sequence[Json], scope: str | None) -> list[dict[str, Any]]:
    """What becomes of each item; one that can't be read keeps no other from being taken."""
    now = desk.clock()
    results: list[dict[str, Any]] = [{} for _ in items]
    taken: list[tuple[int, Told]] = []
    for place, item in enumerate(items):
        try:
            taken.append((place, _told(item, f"$[{place}]", now, f"{scope}:{place}" if scope else None)))
        except Problem as error:
            results[place] = {"status": "invalid", "detail": error.detail, **error.extra}

    async def act(work: Work) -> list[dict[str, Any]]:
        return await keep(work, [told for _, told in taken])

    for (place, _), result in zip(taken, await persistently(desk, act), strict=True):
        results[place] = result
    return results


async def keep(work: Work, told: Sequence[Told]) -> list[dict[str, Any]]:
    """Keep engagements and emit those of known leads; what became of each, in order."""
    owners = await queries.owners_of(work.session, [key for _, what in told for key in what.keys])
    leads = [what.lead_id or min((owners[key] for key in what.keys if key in owners), default=None) for _, what in told]
    erased = await queries.erased_among(work.session, [lead_id for lead_id in leads if lead_id is not None])
    rows: list[tuple[UUID, UUID | None, Engagement]] = []
    for (engagement_id, what), lead_id in zip(told, leads, strict=True):
        if lead_id is None or erased.get(lead_id) is False:
            rows.append((engagement_id, lead_id, what))
    new = await queries.keep_engagements(work.session, rows, work.now)
    work.emit(
        LeadEngaged(
            lead_id=lead_id,
            occurred_at=what.occurred_at,
            recorded_at=work.now,
            engagement_id=engagement_id,
            kind=what.kind,
            content=what.content,
        )
        for engagement_id, lead_id, what in rows
        if lead_id is not None and engagement_id in new
    )
    results: list[dict[str, Any]] = []
    for (engagement_id, _), lead_id in zip(told, leads, strict=True):
        if lead_id is not None and lead_id not in erased:
            status = "unknown"
        elif lead_id is not None and erased[lead_id]:
            status = "erased"
        elif engagement_id not in new:
            status = "duplicate"
        else:
            status = "accepted" if lead_id is not None else "waiting"
            new.discard(engagement_id)  # the same once more in this batch is a duplicate
        results.append({"engagement_id": engagement_id, "lead_id": lead_id, "status": status})
    return results


def _told(item: Json, where: str, now: "datetime", scope: str | None) -> Told:
    try:
        what = read_engagement(item, where, now)
    except Refused as error:
        raise _problem(error) from None
    if what.lead_id is None and not what.keys:
        fix = "send lead_id, email, or phone with +country code or `country`"
        raise Problem(422, "the engagement names nobody", code="invalid", where=where, fix=fix)
    return _id(what, scope), what


def _id(what: Engagement, scope: str | None) -> UUID:
    if what.given_id is None:
        return derived_id("engagement", scope) if scope else new_id()
    try:
        return UUID(what.given_id)
    except ValueError:
        whose = what.lead_id or what.keys[0]
        return derived_id("engagement", whose, what.given_id)


def _scope(request: Request, principal: Principal) -> str | None:
    key = idempotency_key(request.headers)
    return f"intake:{principal.key_id}:{request.url.path}:{key}" if key else None


def _parsed(raw: bytes) -> Json:
    try:
        return strict_json.parse(raw)
    except Refused as error:
        raise _problem(error) from None


def _problem(error: Refused) -> Problem:
    extra: dict[str, Any] = {name: text for name, text in (("where", error.where), ("fix", error.fix)) if text}
    return Problem(error.status, f"{error.title}: {error.detail}", code="invalid", **extra)


def _listed(body: Json) -> list[Json]:
    items = body.get("items", body.get("engagements")) if isinstance(body, dict) else body
    if not isinstance(items, list):
        raise Problem(422, 'send {"items": [engagement, …]} or a list', code="invalid")
    if len(items) > _MOST:
        raise Problem(413, f"send at most {_MOST} engagements at once", code="too-many")
    return items
