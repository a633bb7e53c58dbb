"""An engagement as a caller tells it: what somebody did, when, and by which key the person is known."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from intake.domain.attributes import says_who
from intake.domain.identity import email_key, phone_key
from intake.domain.people import Key
from intake.domain.refusals import Refused
from intake.domain.strict_json import Json
from intake.domain.times import instant

_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MAX_TEXT_CHARS = 200
_MAX_URL_CHARS = 2_000
_AHEAD = timedelta(minutes=5)
_OLDEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Engagement:
    """One thing somebody did. `given_id` is the caller's own id, if any; `content` names nobody."""

    given_id: str | None
    kind: str
    occurred_at: datetime
    content: str | None
    url: str | None
    lead_id: UUID | None
    keys: tuple[Key, ...]


def read_engagement(item: Json, where: str, now: datetime) -> Engagement:
    """The engagement of a JSON object. Raises Refused."""
    if not isinstance(item, dict):
        raise Refused(422, "Not an engagement", "An engagement is an object.", where=where, fix="Send an object.")
    kind = item.get("kind")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        fix = "Send a word such as price_page_viewed: small letters, digits and _, at most 64."
        raise Refused(
            422, "No kind", "The kind of the engagement is missing or no word.", where=f"{where}.kind", fix=fix
        )
    content = _text(item, "content", _MAX_TEXT_CHARS, where)
    if content is not None and says_who(content):
        content = None  # a mail address or number has no place in an event
    return Engagement(
        given_id=_text(item, "id", _MAX_TEXT_CHARS, where),
        kind=kind,
        occurred_at=_occurred_at(item.get("occurred_at"), f"{where}.occurred_at", now),
        content=content,
        url=_text(item, "url", _MAX_URL_CHARS, where),
        lead_id=_lead_id(item.get("lead_id"), f"{where}.lead_id"),
        keys=_keys(item),
    )


def _keys(item: dict[str, Json]) -> tuple[Key, ...]:
    country = item.get("country")
    email, phone = item.get("email"), item.get("phone")
    found = (
        email_key(email if isinstance(email, str) else None),
        phone_key(phone if isinstance(phone, str) else None, country if isinstance(country, str) else None),
    )
    return tuple(Key(key.kind, key.value) for key in found if key is not None)


def _occurred_at(value: Json, where: str, now: datetime) -> datetime:
    if value is None:
        return now
    found = instant(value, "UTC") if isinstance(value, str) else None
    if found is None or found > now + _AHEAD or found < now - _OLDEST:
        fix = "Send RFC 3339, such as 2026-03-02T09:30:00Z, not in the future."
        raise Refused(422, "No such time", "The time can't be read or lies ahead.", where=where, fix=fix)
    return min(found, now)


def _lead_id(value: Json, where: str) -> UUID | None:
    if value is None:
        return None
    try:
        return UUID(cast("str", value))
    except (ValueError, AttributeError, TypeError):
        raise Refused(422, "No lead id", "The lead id is no UUID.", where=where, fix="Send the lead_id.") from None


def _text(item: dict[str, Json], name: str, most: int, where: str) -> str | None:
    value = item.get(name)
    if value is None or value == "":
        return None
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text or len(text) > most:
        detail = f"{name} is a text of at most {most} characters."
        raise Refused(422, "Not a text", detail, where=f"{where}.{name}", fix="Shorten it, or leave it out.")
    return text
