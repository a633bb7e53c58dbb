"""Finishes a draft: normal forms, defaults, picklist values, what is missing; a submission or the reason for none."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import cast

import orjson

from intake.domain import normal
from intake.domain.draft import Draft
from intake.domain.fields import Fields
from intake.domain.names import canonical_country
from intake.domain.policy import Door
from intake.domain.sources import derive_source, read_page_query
from intake.domain.submission import PURPOSE, Consent, Note, Submission, Unmappable, Value
from intake.domain.text import has_cjk
from intake.domain.times import instant

_FAMILY_NAME_FIRST = ("vi", "zh", "ja", "ko", "hu")
_NAMED_BY_ID = {"campaign": ("campaign_id",), "ad_group": ("ad_group_id", "asset_group_id"), "ad": ("ad_id",)}
_NOTHING = "says that there is none"
_HELPERS = frozenset({"first_name", "last_name", "website", "created_at", "title_level"})


def finish(draft: Draft, door: Door, policy: Fields, received_at: datetime, where: str) -> Submission | Unmappable:
    """The submission a draft becomes. Pure: `received_at` bounds the vendor's own time."""
    country, country_origin = _country(draft, door)
    if country is not None:
        draft.origins.setdefault("country", country_origin)
    _contact(draft, country)
    _name(draft, door)
    read_page_query(draft)
    derive_source(draft, door.defaults.get("source"))
    if draft.ids:
        for name, ids in _NAMED_BY_ID.items():
            for one in ids:
                draft.put(name, (draft.ids[one],) if one in draft.ids else (), one)
    for name, value in door.defaults.items():
        draft.put(name, (value,), "door default")
    if door.tags:
        draft.put("tags", door.tags, "door default")
    created_at = _created_at(draft, door)
    picked = _picked(draft, policy, country)
    fields = _fields(draft)
    unmet = [line for line in policy.required if fields.keys().isdisjoint(line)]
    if unmet:
        wanted = "; ".join(" or ".join(line) for line in unmet)
        fix = "map the form's field in the door's policy, then replay"
        return Unmappable(f"there is no usable {wanted}", where, fix, draft.vendor_id, draft.vendor_key)
    consent = _consent(draft)
    return Submission(
        door=door.name,
        vendor_id=draft.vendor_id,
        vendor_key=draft.vendor_key,
        content_key=content_key(door.name, _content(draft, fields, consent)),
        fields=fields,
        picked=picked,
        ids=draft.ids,
        answers=tuple(draft.answers),
        consent=consent,
        is_test=draft.is_test or door.test,
        created_at=created_at,
        occurred_at=min(created_at, received_at) if created_at is not None else received_at,
        owner=door.owner,
        missing=tuple([name for name in policy.wanted if name not in fields]),
        origins=draft.origins,
        notes=tuple(draft.notes),
        consented=_consented(door, consent),
    )


def content_key(door: str, canonical: Mapping[str, object]) -> bytes:
    """A key of what was submitted, for doors whose senders give no id. Equal content at another door differs."""
    return hashlib.sha256(orjson.dumps([door, canonical], option=orjson.OPT_SORT_KEYS)).digest()


def _content(draft: Draft, fields: Mapping[str, Value], consent: Consent | None) -> dict[str, object]:
    answers: object = {one.key: one.values for one in draft.answers}
    if len(draft.answers) != len(cast("dict[str, object]", answers)):  # a question that was answered twice
        answers = sorted([one.key, *one.values] for one in draft.answers)
    return {**fields, "answers": answers, "consent": consent, "ids": draft.ids}


def _country(draft: Draft, door: Door) -> tuple[str | None, str]:
    given = draft.fields.get("country")
    code = canonical_country(given) if given is not None else None
    if code is not None:
        return code, draft.origins["country"]
    if given is not None:
        draft.notes.append(Note("country", "not a known country"))
    return door.country, "door default"


def _contact(draft: Draft, country: str | None) -> None:
    fields = draft.fields
    for name in ("name", "company"):
        if name in fields and normal.is_nothing(fields[name]):
            _leave_out(draft, name, _NOTHING)
    if "email" in fields:
        address = normal.email(fields["email"])
        if address is not None:
            fields["email"] = address
        else:
            nothing = normal.is_nothing(fields["email"])
            _leave_out(draft, "email", _NOTHING if nothing else "not an e-mail address; kept among the answers")
    if "phone" in fields:
        number = normal.phone(fields["phone"], country)
        if number is not None:
            fields["phone"] = number
        else:
            _doubt_phone(draft, fields["phone"])
    if draft.channel_ids:
        draft.channel_ids = {name: text for name, text in draft.channel_ids.items() if not normal.is_nothing(text)}


def _doubt_phone(draft: Draft, text: str) -> None:
    if normal.is_nothing(text):
        _leave_out(draft, "phone", _NOTHING)
    elif sum(sign.isdigit() for sign in text) < normal.FEWEST_PHONE_DIGITS:
        _leave_out(draft, "phone", "not a phone number; kept among the answers")
    else:
        draft.notes.append(Note("phone", "kept as received: its country is not known"))


def _leave_out(draft: Draft, name: str, why: str) -> None:
    del draft.fields[name]
    draft.notes.append(Note(name, why))


def _name(draft: Draft, door: Door) -> None:
    if "name" in draft.fields:
        return
    first, last = draft.fields.get("first_name", ""), draft.fields.get("last_name", "")
    language = (draft.fields.get("language") or door.defaults.get("language", ""))[:2].lower()
    if has_cjk(first + last):
        whole = last + first
    elif language in _FAMILY_NAME_FIRST:
        whole = f"{last} {first}".strip()
    else:
        whole = f"{first} {last}".strip()
    if whole:
        draft.put("name", (whole,), "first and last name")


def _created_at(draft: Draft, door: Door) -> datetime | None:
    text = draft.fields.get("created_at")
    if text is None:
        return None
    found = instant(text, door.zone)
    if found is None:
        draft.notes.append(Note("created_at", "not a time that can be read"))
    return found


def _picked(draft: Draft, policy: Fields, country: str | None) -> dict[str, str]:
    picked: dict[str, str] = {}
    for name, picklist in policy.picklists_in_order:
        if name in draft.fields and (value := picklist.pick(draft.fields[name])) is not None:
            picked[name] = value
    if "source" in draft.fields:
        # one spelling per source, also of those that are on no list
        picked.setdefault("source", draft.fields["source"].strip().lower())
    given = draft.fields.get("title_level", "").lower()
    known = bool(given) and any(rule.level == given for rule in policy.titles)
    level = given if known else policy.title_level(draft.fields.get("title", ""))
    if level:
        picked["title_level"] = level
    if country is not None:
        picked["country"] = country
    if "language" in draft.fields:
        picked["language"] = draft.fields["language"].replace("_", "-").partition("-")[0].lower()
    domain = normal.company_domain(draft.fields.get("email"), draft.fields.get("website"), policy.personal_domains)
    if domain is not None:
        picked["company_domain"] = domain
    return picked


def _fields(draft: Draft) -> dict[str, Value]:
    fields = cast("dict[str, Value]", draft.fields)
    for name in _HELPERS.intersection(fields):
        del fields[name]
    if draft.click_ids:
        fields["click_ids"] = draft.click_ids
    if draft.channel_ids:
        fields["channel_ids"] = draft.channel_ids
    if draft.tags:
        fields["tags"] = tuple(draft.tags)
    return fields


def _consent(draft: Draft) -> Consent | None:
    if not draft.consent:
        return None
    return next(iter(draft.consent.values())) if draft.single_consent else dict(draft.consent)


def _consented(door: Door, consent: Consent | None) -> Mapping[str, bool]:
    """Consent by purposes that are words of ours: what a stranger's form calls a box is told to nobody."""
    if not isinstance(consent, dict) or (door.kind == "html" and not door.consent):
        return {}
    return {purpose: granted for purpose, granted in consent.items() if PURPOSE.fullmatch(purpose)}
