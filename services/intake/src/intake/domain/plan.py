"""What the keys of a body mean, whatever their values: worked out once for all bodies that have the same keys."""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from intake.domain.draft import PLAIN_FIELDS
from intake.domain.labels import (
    CLICK_IDS,
    asked_field,
    channel,
    guessed_field,
    is_consent,
    is_machinery,
    tracking_field,
)

_CHECKBOX = re.compile(r"(\d+)\.\d+")
_STRUCTURED = ("channel_ids.", "click_ids.")


class Role(Enum):
    """What a key is for."""

    MACHINERY = auto()
    ADDED = auto()  # by the page or the caller: the person did not answer it
    BOX = auto()
    CHECKBOX = auto()
    QUESTION = auto()


class Label(NamedTuple):
    """What one key means."""

    role: Role
    target: str = ""
    name: str = ""
    plain: bool = False  # the target is a field of one text


class Plan(NamedTuple):
    """What the keys of a body mean together. Each is a target or a name with its key, in the order of the keys."""

    fields: dict[str, str]  # the first key of each field of one text
    aside: tuple[tuple[str, str], ...]
    boxes: tuple[tuple[str, str], ...]
    checkboxes: tuple[tuple[str, tuple[str, ...]], ...]  # the keys of a question's boxes
    questions: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)  # of keys of strangers' choice, but few: see who asks
def plan_of(keys: tuple[str, ...]) -> Plan:
    """The plan for a body with a text under each of these keys."""
    fields: dict[str, str] = {}
    checkboxes: dict[str, tuple[str, ...]] = {}
    labels = [(key, label_of(key)) for key in keys]
    told = [(key, label) for key, label in labels if label.role in (Role.ADDED, Role.QUESTION)]
    for key, label in labels:
        if label.plain:
            fields.setdefault(label.target, key)
        elif label.role is Role.CHECKBOX:
            checkboxes[label.target] = (*checkboxes.get(label.target, ()), key)
    return Plan(
        fields,
        tuple((label.target, key) for key, label in told if label.target and not label.plain),
        tuple((label.target, key) for key, label in labels if label.role is Role.BOX),
        tuple(checkboxes.items()),
        tuple((label.name, key) for key, label in told if label.role is Role.QUESTION),
    )


@lru_cache(maxsize=4096)  # a door sees the same few keys again and again
def label_of(key: str) -> Label:
    """What a key means, whatever its value."""
    if is_machinery(key) and key != "_wpcf7_locale":
        return Label(Role.MACHINERY)
    added = _added(key)
    if added is not None:
        return Label(Role.ADDED, added, plain=added in PLAIN_FIELDS)
    if key.startswith("consent.") or is_consent(key):
        return Label(Role.BOX, key.removeprefix("consent."))
    checkbox = _CHECKBOX.fullmatch(key)
    if checkbox:
        return Label(Role.CHECKBOX, checkbox[1])
    name = key.removeprefix("answers.")
    field, contact = asked_field(name) or guessed_field(name), channel(name)
    target = field or (f"channel_ids.{contact}" if contact is not None else "")
    return Label(Role.QUESTION, target, name, target in PLAIN_FIELDS)


def _added(key: str) -> str | None:
    """The field of what the page or the caller added."""
    if key == "_wpcf7_locale":
        return "language"
    click_id = key.lower().removeprefix("click_ids.")
    if click_id in CLICK_IDS:
        return f"click_ids.{click_id}"
    if key.startswith(_STRUCTURED) or key in ("tags", "created_at", "is_test"):
        return key
    return tracking_field(key)
