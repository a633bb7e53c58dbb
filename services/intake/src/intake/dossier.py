"""Everything kept about one person, in one place to ask for; and the writes that change it by hand."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.domain.people import Key

_AT_ONCE: Final = 500


async def everything(session: AsyncConnection, lead: Row[Any], before: UUID | None) -> dict[str, Any]:
    """All of intake's on a person; `next` where there are more submissions."""
    values = {"id": lead.lead_id, "before": before, "limit": _AT_ONCE}
    submissions = await session.execute(
        text(
            "select submission_id, door, state, reason, vendor_id, received_at, fields, content_type, raw"
            " from submission where lead_id = :id and (cast(:before as uuid) is null or submission_id < :before)"
            " order by submission_id desc limit :limit"
        ),
        values,
    )
    keys = await session.execute(
        text("select kind, value from identity_key where lead_id = :id order by 1, 2"), {"id": lead.lead_id}
    )
    engagements = await session.execute(
        text(
            "select engagement_id, kind, content, url, occurred_at, recorded_at from engagement where lead_id = :id"
            " order by occurred_at desc limit 5000"
        ),
        {"id": lead.lead_id},
    )
    items = [_submission(dict(row)) for row in submissions.mappings()]
    return {
        "lead_id": lead.lead_id,
        "captured_at": _at(lead.captured_at),
        "updated_at": _at(lead.updated_at),
        "door": lead.door,
        "marketing_owner": lead.marketing_owner,
        "is_test": lead.is_test,
        "fields": lead.fields,
        "attributes_in_events": lead.attributes,
        "consent": lead.fields.get("consent"),
        "identity_keys": [dict(row) for row in keys.mappings()],
        "submissions": items,
        "engagements": [
            {**row, "occurred_at": _at(row["occurred_at"]), "recorded_at": _at(row["recorded_at"])}
            for row in (dict(row) for row in engagements.mappings())
        ],
        "elsewhere": [{"service": "router", "what": "notes of the reps", "path": f"/v1/leads/{lead.lead_id}/notes"}],
        "next": str(items[-1]["submission_id"]) if len(items) == _AT_ONCE else None,
    }


def _submission(row: dict[str, Any]) -> dict[str, Any]:
    raw = row.pop("raw")
    row["received_at"] = _at(row["received_at"])
    if raw is None:
        return row
    try:
        return {**row, "raw": bytes(raw).decode()}
    except UnicodeDecodeError:
        return {**row, "raw_base64": base64.b64encode(raw).decode()}


def _at(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def keep_fields(
    session: AsyncConnection,
    lead_id: UUID,
    fields: Mapping[str, Any],
    attributes: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Write a lead's fields, and its attributes where they are given."""
    query = text(
        "update lead set fields = cast(:fields as jsonb), updated_at = :now,"
        " attributes = coalesce(cast(:attributes as jsonb), attributes) where lead_id = :id"
    )
    values = {
        "id": lead_id,
        "now": now,
        "fields": orjson.dumps(fields).decode(),
        "attributes": orjson.dumps(attributes).decode() if attributes is not None else None,
    }
    await session.execute(query, values)


async def give_up_keys(session: AsyncConnection, lead_id: UUID, keys: Sequence[Key]) -> None:
    """Give up keys of a lead."""
    for key in sorted(keys):
        await session.execute(
            text("delete from identity_key where kind = :kind and value = :value and lead_id = :id"),
            {"kind": key.kind, "value": key.value, "id": lead_id},
        )


async def take_keys(session: AsyncConnection, lead_id: UUID, keys: Sequence[Key]) -> tuple[Key, UUID] | None:
    """Have a lead own these keys; the first that another lead has, with that lead."""
    for key in sorted(keys):
        values = {"kind": key.kind, "value": key.value, "id": lead_id}
        await session.execute(
            text("insert into identity_key (kind, value, lead_id) values (:kind, :value, :id) on conflict do nothing"),
            values,
        )
        owner = await session.scalar(
            text("select lead_id from identity_key where kind = :kind and value = :value"), values
        )
        if owner != lead_id:
            return key, owner
    return None
