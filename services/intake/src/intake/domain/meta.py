"""Meta lead ads: notifications that carry ids only, and the lead that Graph gives for one, in words instead of slugs."""

import re
from collections.abc import Iterator, Mapping

from intake.domain.draft import Draft, said_yes
from intake.domain.labels import asked_field, channel, guessed_field
from intake.domain.paths import as_texts
from intake.domain.policy import MetaDoor
from intake.domain.strict_json import Json
from intake.domain.submission import Answer, Awaiting, Unmappable

_IDS = ("leadgen_id", "form_id", "page_id", "ad_id", "created_time")
_GOOD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DUMMY = "<test lead: dummy data for "
_TEST_ADDRESSES = frozenset({"test@meta.com", "test@fb.com"})
_PLATFORMS = {"fb": "facebook", "ig": "instagram"}
_TYPES = {
    "FULL_NAME": "name", "FIRST_NAME": "first_name", "LAST_NAME": "last_name", "EMAIL": "email", "WORK_EMAIL": "email",
    "PHONE": "phone", "WORK_PHONE_NUMBER": "phone", "COMPANY_NAME": "company", "JOB_TITLE": "title", "CITY": "city",
    "STATE": "region", "PROVINCE": "region", "COUNTRY": "country", "WEBSITE": "website",
}  # fmt: skip
_BESIDE = {
    "campaign_name": "campaign", "adset_name": "ad_group", "ad_name": "ad", "campaign_id": "campaign_id",
    "adset_id": "ad_group_id", "ad_id": "ad_id", "form_id": "form_id",
}  # fmt: skip


def changes(body: Json) -> list[Json] | Unmappable:
    """The lead notifications of one delivery, ids as texts. What else Meta tells of is acknowledged and left."""
    if not isinstance(body, dict):
        return Unmappable("the body is no object", "$", "subscribe this address to the page's field leadgen")
    if body.get("object") != "page":
        return []
    entries = body.get("entry")
    if not isinstance(entries, list):
        return Unmappable("entry is absent or no list", "$.entry", "subscribe this address to the page's field leadgen")
    return [{name: given[0] for name in _IDS if (given := _id(value.get(name)))} for value in _leads(entries)]


def _leads(entries: list[Json]) -> Iterator[dict[str, Json]]:
    for entry in entries:
        several = entry.get("changes") if isinstance(entry, dict) else None
        for change in several if isinstance(several, list) else ():
            if isinstance(change, dict) and change.get("field") == "leadgen":
                value = change.get("value")
                yield value if isinstance(value, dict) else {}


def read_meta(door: MetaDoor, item: Json, where: str) -> Draft | Awaiting | Unmappable:
    """A notification, or `{notification, lead, form}` once its answers have been fetched."""
    if not isinstance(item, dict):
        return Unmappable("the notification is no object", where, "nothing: Meta sent what we cannot read")
    fetched = item.get("lead")
    notice = item.get("notification") if isinstance(fetched, dict) else item
    notice = notice if isinstance(notice, dict) else {}
    lead_id = "".join(as_texts(notice.get("leadgen_id")))
    if not _GOOD_ID.fullmatch(lead_id):
        return Unmappable(
            "leadgen_id is absent or no id", where, "nothing: without its id the answers can't be fetched"
        )
    if not isinstance(fetched, dict):
        return Awaiting(lead_id, lead_id)
    form = item.get("form")
    return _draft(door, lead_id, notice, fetched, form if isinstance(form, dict) else {})


def _draft(
    door: MetaDoor, lead_id: str, notice: Mapping[str, Json], lead: dict[str, Json], form: Mapping[str, Json]
) -> Draft:
    questions = _questions(form)
    listed = lead.get("field_data")
    answers = [one for each in (listed if isinstance(listed, list) else ()) if (one := _answer(each, questions))]
    draft = Draft(vendor_id=lead_id, vendor_key=lead_id, answers=answers)
    draft.is_test = any(_is_dummy(value) for one in answers for value in one.values)
    platform = "".join(as_texts(lead.get("platform"))).lower()
    if platform or "source" not in door.defaults:
        draft.platform = _PLATFORMS.get(platform, "facebook")
    draft.put_by_policy(door.map, lead)
    for answer in answers:
        field = _TYPES.get(_type(questions, answer.key)) or asked_field(answer.key) or asked_field(answer.question)
        if field is not None:
            draft.put(field, answer.values, f"field_data.{answer.key}")
        elif (contact := channel(answer.question)) is not None:
            draft.put(f"channel_ids.{contact}", answer.values, f"field_data.{answer.key}")
    for answer in answers:
        if _TYPES.get(_type(questions, answer.key)) is None:
            field = guessed_field(answer.question) or guessed_field(answer.key)
            if field is not None:
                draft.put(field, answer.values, f"field_data.{answer.key}")
    for name, field in _BESIDE.items():
        draft.put(field, as_texts(lead.get(name)) or as_texts(notice.get(name)), name)
    draft.put("created_at", as_texts(lead.get("created_time")) or as_texts(notice.get("created_time")), "created_time")
    _tick(door, draft, lead)
    return draft


def _tick(door: MetaDoor, draft: Draft, lead: Mapping[str, Json]) -> None:
    """Consent boxes under their own keys, unless the door says which stands for what."""
    listed = lead.get("custom_disclaimer_responses")
    boxes: dict[str, bool] = {}
    for one in listed if isinstance(listed, list) else ():
        key = "".join(as_texts(one.get("checkbox_key"))) if isinstance(one, dict) else ""
        if isinstance(one, dict) and key:
            boxes[key] = said_yes(as_texts(one.get("is_checked")))
    if door.consent:
        draft.consent = {purpose: any(boxes.get(key, False) for key in keys) for purpose, keys in door.consent.items()}
    else:
        draft.consent = boxes


def _questions(form: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    listed = form.get("questions")
    return {
        key: one
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and (key := "".join(as_texts(one.get("key"))))
    }


def _answer(given: Json, questions: Mapping[str, dict[str, Json]]) -> Answer | None:
    if not isinstance(given, dict):
        return None
    key = "".join(as_texts(given.get("name")))
    values = as_texts(given.get("values"))
    if not key or not values:
        return None
    question = questions.get(key, {})
    label = "".join(as_texts(question.get("label"))) or key
    if not (_TYPES.get(_type(questions, key)) or channel(label)):
        options = _options(question)
        values = tuple(options.get(value) or _unslugged(value) for value in values)
    return Answer(key, label, values, len(values) > 1)


def _options(question: Mapping[str, Json]) -> dict[str, str]:
    listed = question.get("options")
    return {
        "".join(as_texts(one.get("key"))): "".join(as_texts(one.get("value")))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
    }


def _unslugged(value: str) -> str:
    """A choice's slug as words: `in_the_next_1_month_`. What a person typed has spaces, or is an address."""
    if "_" not in value or " " in value or "@" in value or "://" in value:
        return value
    return " ".join(value.replace("_", " ").split()) or value


def _type(questions: Mapping[str, dict[str, Json]], key: str) -> str:
    known = questions.get(key)
    return "".join(as_texts(known.get("type"))).upper() if known else key.upper()


def _is_dummy(value: str) -> bool:
    return value.startswith(_DUMMY) or value.lower() in _TEST_ADDRESSES


def _id(value: Json) -> tuple[str, ...]:
    """Numbers and texts alike; 0 and "" mean absent."""
    found = as_texts(value)
    return found if found and found[0] != "0" else ()
