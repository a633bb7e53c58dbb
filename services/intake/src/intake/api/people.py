"""What is known of one person: put right by those who know better, told to who asks for it, consent by purpose."""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
import orjson
from fastapi import APIRouter, Depends, Request
from sqlalchemy import Row
from starlette.responses import Response

from intake import dossier, queries
from intake.api.answers import answer, cursor_of
from intake.api.arriving import idempotency_key
from intake.api.leads import erased, no_lead, shown_lead
from intake.domain import strict_json
from intake.domain.amend import NOT_FOR_SDR, Amended, amend
from intake.domain.fields import Fields
from intake.domain.refusals import Refused
from intake.domain.submission import PURPOSE
from intake.domain.times import instant
from intake.intake import Intake
from intake.telling import woken_event
from shared.contracts import Attributes, LeadConsented, LeadUpdated
from shared.contracts.attributes import ATTRIBUTE_NAMES
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id
from shared.runtime.work import Work

Caller = Annotated[Principal, Depends(caller)]


def add_people(router: APIRouter, desk: Desk, intake: Intake) -> None:
    """Add the paths to a router."""

    @router.patch("/v1/leads/{lead_id}")
    async def change(lead_id: UUID, request: Request, principal: Caller) -> Response:  # pyright: ignore[reportUnusedFunction]
        raw = await request.body()
        patch = _object(raw)
        barred = sorted(NOT_FOR_SDR & patch.keys()) if principal.role == "sdr" else []
        if barred:
            raise Problem(403, f"the role sdr may not change {', '.join(barred)}", code="role", fields=barred)
        intake.ready_to_write()

        async def act(work: Work) -> Answer:
            return await _change(work, lead_id, patch)

        done = await desk.command(_command("change", lead_id, request, principal), raw, lead_id, act)
        # what is kept with the command names fields and no values, so an erasure need not look for it there
        return answer({**await shown_lead(desk, lead_id, principal), **orjson.loads(done.body)}, done.status)

    @router.get("/v1/leads/{lead_id}/personal-data")
    async def all_of(lead_id: UUID, cursor: str | None = None) -> Response:  # pyright: ignore[reportUnusedFunction]
        async with desk.read() as session:
            row = await queries.the_lead(session, lead_id)
            if row is None:
                raise no_lead()
            if row.erased_at is not None:
                raise erased(row.erased_at)
            return answer(await dossier.everything(session, row, cursor_of(cursor)))

    @router.post("/v1/leads/{lead_id}/consent")
    async def consent(lead_id: UUID, request: Request, principal: Caller) -> Response:  # pyright: ignore[reportUnusedFunction]
        raw = await request.body()
        body = _object(raw)
        purpose, granted, at = _said(body, desk.clock())
        intake.ready_to_write()

        async def act(work: Work) -> Answer:
            return await _consent(work, lead_id, purpose, at, granted=granted)

        done = await desk.command(_command("consent", lead_id, request, principal), raw, lead_id, act)
        return Response(done.body, done.status, media_type="application/json")


def _said(body: dict[str, Any], now: datetime) -> tuple[str, bool, datetime]:
    """The purpose, whether consent was given, and when. Raises Problem 422."""
    purpose, granted, said = body.get("purpose"), body.get("granted"), body.get("occurred_at")
    if not isinstance(purpose, str) or not PURPOSE.fullmatch(purpose) or not isinstance(granted, bool):
        detail = 'send {"purpose": "marketing", "granted": true}: the purpose is a word in small letters'
        raise Problem(422, detail, code="invalid")
    at = now if said is None else instant(said, "UTC") if isinstance(said, str) else None
    if at is None or at > now:
        raise Problem(422, "occurred_at is an instant that is past, such as 2026-03-02T09:30:00Z", code="invalid")
    return purpose, granted, at


async def _consent(work: Work, lead_id: UUID, purpose: str, at: datetime, *, granted: bool) -> Answer:
    row = await _alive(work, lead_id)
    kept = row.fields.get("consent")
    by_purpose = dict(kept) if isinstance(kept, dict) else {"general": kept} if kept is not None else {}
    by_purpose[purpose] = granted
    await dossier.keep_fields(work.session, lead_id, {**row.fields, "consent": by_purpose}, None, work.now)
    work.emit([LeadConsented(lead_id=lead_id, occurred_at=at, recorded_at=work.now, purpose=purpose, granted=granted)])
    told = {"lead_id": lead_id, "purpose": purpose, "granted": granted, "consent": by_purpose}
    return Answer(202, orjson.dumps(told, default=str))


async def _alive(work: Work, lead_id: UUID) -> Row[Any]:
    row = await queries.the_lead(work.session, lead_id, lock=True)
    if row is None:
        raise no_lead()
    if row.erased_at is not None:
        raise erased(row.erased_at)
    return row


async def _change(work: Work, lead_id: UUID, patch: dict[str, Any]) -> Answer:
    row = await _alive(work, lead_id)
    policy: Fields = (await work.policy("fields")).value
    try:
        amended = amend(row.fields, row.attributes, patch, policy, work.now, is_test=row.is_test)
    except Refused as error:
        extra: dict[str, Any] = {name: text for name, text in (("where", error.where), ("fix", error.fix)) if text}
        raise Problem(error.status, f"{error.title}: {error.detail}", code="invalid", **extra) from None
    await _move_keys(work, lead_id, amended)
    await dossier.keep_fields(work.session, lead_id, amended.fields, amended.attributes, work.now)
    if amended.changed or amended.cleared:
        allowed = {name: value for name, value in amended.changed.items() if name in ATTRIBUTE_NAMES}
        cleared = tuple(name for name in amended.cleared if name in ATTRIBUTE_NAMES)
        work.emit(
            [
                LeadUpdated(
                    lead_id=lead_id,
                    occurred_at=work.now,
                    recorded_at=work.now,
                    attributes=msgspec.convert(allowed, Attributes),
                    cleared=cleared,
                )
            ]
        )
    told = {"changed": sorted(amended.changed), "cleared": sorted(amended.cleared)}
    return Answer(200, orjson.dumps(told))


async def _move_keys(work: Work, lead_id: UUID, amended: Amended) -> None:
    """Give up the keys of what was wrong, take those of what is right. Raises Problem 409 where another lead has one."""
    await dossier.give_up_keys(work.session, lead_id, amended.gone_keys)
    taken = await dossier.take_keys(work.session, lead_id, amended.new_keys)
    if taken is not None:
        key, other = taken
        kind = key.kind.removeprefix("test-")
        raise Problem(409, f"another lead has this {kind}", code="key-taken", where=kind, lead_id=str(other))
    if amended.new_keys:
        work.emit(woken_event(row, work.now) for row in await queries.wake_engagements(work.session))


def _command(what: str, lead_id: UUID, request: Request, principal: Principal) -> str:
    key = idempotency_key(request.headers)
    return f"intake:{principal.key_id}:{what}:{lead_id}:{key}" if key else str(new_id())


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = strict_json.parse(raw)
    except Refused as error:
        raise Problem(error.status, f"{error.title}: {error.detail}", code="invalid") from None
    if not isinstance(body, dict):
        raise Problem(422, "send a JSON object", code="invalid")
    return cast("dict[str, Any]", body)
