"""Google Ads lead forms: the answers stand in `user_column_data`, ids beside."""

from intake.domain.draft import Draft, said_yes
from intake.domain.labels import asked_field, guessed_field
from intake.domain.paths import as_texts
from intake.domain.policy import GoogleDoor
from intake.domain.strict_json import Json
from intake.domain.submission import Answer, Unmappable

_COLUMNS = {
    "FULL_NAME": "name", "FIRST_NAME": "first_name", "LAST_NAME": "last_name", "EMAIL": "email", "WORK_EMAIL": "email",
    "PHONE_NUMBER": "phone", "PHONE_NUMBER_VERIFIED": "phone", "WORK_PHONE": "phone", "COMPANY_NAME": "company",
    "JOB_TITLE": "title", "JOB_ROLE": "title", "JOB_DEPARTMENT": "department", "JOB_INDUSTRY": "industry",
    "COMPANY_SIZE": "company_size", "ANNUAL_SALES": "annual_revenue", "PURCHASE_TIMELINE": "timeframe",
    "TRAVEL_BUDGET": "budget", "PRODUCT": "product", "SERVICE": "product", "CITY": "city", "REGION": "region",
    "COUNTRY": "country",
}  # fmt: skip
_IDS = {
    "campaign_id": "campaign_id", "adgroup_id": "ad_group_id", "asset_group_id": "asset_group_id",
    "creative_id": "ad_id", "form_id": "form_id",
}  # fmt: skip
_DUMMY = "dummy_value"


def read_google(door: GoogleDoor, body: Json) -> Draft | Unmappable:
    """The draft of one notification. 0 and "" mean absent in its ids."""
    if not isinstance(body, dict):
        return Unmappable("the body is no object", "$", "send Google's lead form payload")
    lead_id = _id(body.get("lead_id"))
    columns = body.get("user_column_data")
    if not isinstance(columns, list):
        fix = "check that this door's address is used by a Google lead form"
        return Unmappable("user_column_data is absent or no list", "$.user_column_data", fix, lead_id, lead_id)
    draft = Draft(
        vendor_id=lead_id, vendor_key=lead_id, platform="google", is_test=said_yes(as_texts(body.get("is_test")))
    )
    answers = [answer for column in columns if (answer := _answer(column)) is not None]
    draft.answers = answers
    draft.is_test = draft.is_test or any(_DUMMY in answer.values for answer in answers)
    draft.put_by_policy(door.map, body)
    _map_columns(draft, answers)
    for name, field in _IDS.items():
        draft.put(field, as_texts(body.get(name)), name)
    draft.put("click_ids.gclid", as_texts(body.get("gcl_id")), "gcl_id")
    draft.put("created_at", as_texts(body.get("lead_submit_time")), "lead_submit_time")
    return draft


def _map_columns(draft: Draft, answers: list[Answer]) -> None:
    for answer in answers:
        known = _COLUMNS.get(answer.key.upper())
        if known is not None:
            draft.put(known, answer.values, f"user_column_data.{answer.key}")
    for answer in answers:
        if answer.key.upper() not in _COLUMNS:
            field = asked_field(answer.question) or guessed_field(answer.question) or guessed_field(answer.key)
            if field is not None:
                draft.put(field, answer.values, f"user_column_data.{answer.key}")


def _answer(column: Json) -> Answer | None:
    if not isinstance(column, dict):
        return None
    values = as_texts(column.get("string_value"))
    name = " ".join(as_texts(column.get("column_name")))
    key = " ".join(as_texts(column.get("column_id"))) or name
    return Answer(key, name or key, values) if key and values else None


def _id(value: Json) -> str | None:
    found = as_texts(value)
    return found[0] if found and found[0] != "0" else None
