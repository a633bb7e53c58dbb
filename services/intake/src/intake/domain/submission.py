"""What a body becomes: submissions, and the two ways in which an item does not become one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec

from intake.domain.names import PERSONAL_FIELDS

PURPOSE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""What consent is for: a word such as `marketing`."""
Value: TypeAlias = str | tuple[str, ...] | Mapping[str, str]
Consent: TypeAlias = bool | Mapping[str, bool]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """One question with what was answered, as it came. A multi-select has several values."""

    key: str
    question: str
    values: tuple[str, ...]
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a field that people should know: a default was used, a value could not be read."""

    field: str
    detail: str


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One arrival at a door.

    `fields` holds the canonical fields as mapped (e-mail and phone normalised); `picked` the values that rules read:
    picklist values, ISO country, title level, company domain. `origins` says where each field came from.
    """

    door: str
    vendor_id: str | None
    vendor_key: str | None
    content_key: bytes
    fields: Mapping[str, Value]
    picked: Mapping[str, str]
    ids: Mapping[str, str]
    answers: tuple[Answer, ...]
    consent: Consent | None
    is_test: bool
    created_at: datetime | None
    occurred_at: datetime
    owner: str | None
    missing: tuple[str, ...]
    origins: Mapping[str, str]
    notes: tuple[Note, ...]
    legacy: bool = False  # from before this product: it keeps its date and starts no clocks
    pool: str | None = None
    previous_owner: str | None = None
    consented: Mapping[str, bool] = {}  # by purpose, as it may be told

    def text(self, field: str) -> str | None:
        value = self.fields.get(field)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Unmappable:
    """An item that could not become a submission: to be parked with its reason, and mapped again later."""

    reason: str
    where: str
    fix: str
    vendor_id: str | None = None
    vendor_key: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An item that is no lead, such as a robot's form post: counted, answered as usual, never mapped."""

    reason: str


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A notification that carries ids only: it becomes a submission when its answers have been fetched."""

    vendor_id: str
    vendor_key: str
    reason: str = "its answers are being fetched from the vendor"


Outcome: TypeAlias = Submission | Unmappable | Ignored | Awaiting


def lead_fields(submission: Submission) -> dict[str, Value]:
    """The lead's fields: as mapped, with picklist values in place of their aliases."""
    return {**submission.fields, **submission.picked}


def personal(submission: Submission) -> dict[str, Value]:
    """The fields that never leave intake."""
    return {name: value for name, value in submission.fields.items() if name in PERSONAL_FIELDS}


def document(submission: Submission) -> dict[str, object]:
    """The canonical fields as JSON shows them, the platform's ids beside."""
    shown: dict[str, object] = {
        **submission.fields,
        **submission.ids,
        "door": submission.door,
        "is_test": submission.is_test,
        "answers": [
            {"key": one.key, "question": one.question, "answer": list(one.values) if one.multiple else one.values[0]}
            for one in submission.answers
        ],
    }
    tags = submission.fields.get("tags")
    if tags is not None:
        shown["tags"] = list(tags)
    if "title_level" in submission.picked:
        shown["title_level"] = submission.picked["title_level"]
    if submission.consent is not None:
        shown["consent"] = submission.consent
    if submission.created_at is not None:
        shown["created_at"] = submission.created_at.isoformat().replace("+00:00", "Z")
    return shown
