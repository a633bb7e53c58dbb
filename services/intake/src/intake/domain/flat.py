"""Forms, generic JSON and our own REST capture: fields found by the door's mapping, then by their usual names."""

import re
from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

import orjson

from intake.domain.draft import PLAIN_FIELDS, Draft, said_yes
from intake.domain.labels import (
    CLICK_IDS,
    asked_field,
    channel,
    guessed_field,
    is_consent,
    is_machinery,
    tracking_field,
)
from intake.domain.paths import as_texts, find, leaves, texts
from intake.domain.policy import GenericDoor, HtmlDoor, ImportDoor, RestDoor
from intake.domain.strict_json import Json
from intake.domain.submission import Answer, Ignored, Unmappable

_CHECKBOX = re.compile(r"(\d+)\.\d+")
_STRUCTURED = ("channel_ids.", "click_ids.")
_OURS = ("tags", "is_test", "created_at", "title_level")
_MAX_LIST_ANSWERS = 500

FlatDoor = GenericDoor | HtmlDoor | RestDoor | ImportDoor


def items_of(door: FlatDoor, body: Json) -> list[Json] | Unmappable:
    """The items of a body: itself, or the list it is or holds."""
    if isinstance(door, GenericDoor) and door.items is not None:
        found = find(body, door.items)
        if not isinstance(found, list):
            return Unmappable(f"there is no list at {door.items!r}", "$", "correct 'items' of the door, then replay")
        return found
    return body if isinstance(body, list) else [body]


def read_flat(door: FlatDoor, item: Json, where: str, draft: Draft | None = None) -> Draft | Unmappable | Ignored:
    """The draft of an item; what a given draft already knows stays."""
    if not isinstance(item, dict):
        return Unmappable("the item is no object", where, "send one object per lead")
    traps = door.honeypot if isinstance(door, HtmlDoor) else ()
    if any(texts(item, trap) for trap in traps):
        return Ignored("the honeypot field is filled")
    draft = Draft() if draft is None else draft
    if isinstance(door, GenericDoor):
        _identify(door, item, draft)
    for field, paths in door.map.items():
        for path in paths:
            draft.put(field, texts(item, path), path)
    for purpose, paths in door.consent.items():
        draft.consent[purpose] = any(said_yes(texts(item, path)) for path in paths)
    if isinstance(door, HtmlDoor):
        # a visitor could send them with any form; who means them maps them in the door
        item = {key: value for key, value in item.items() if key not in _OURS}
    _read_leaves(draft, item, traps, boxes_known=bool(door.consent))
    return draft


def _identify(door: GenericDoor, item: dict[str, Json], draft: Draft) -> None:
    draft.vendor_id = _id(item, door.id) if door.id is not None else None
    parts = [_id(item, path) for path in door.dedupe or ()]
    if parts and all(part is not None for part in parts):
        # as a JSON list, so that no two sequences of parts look alike
        draft.vendor_key = parts[0] if len(parts) == 1 else orjson.dumps(parts).decode()
    else:
        draft.vendor_key = draft.vendor_id


def _id(item: dict[str, Json], path: str) -> str | None:
    found = texts(item, path)
    return found[0] if found and found[0] != "0" else None


def _read_leaves(draft: Draft, item: dict[str, Json], traps: Iterable[str], *, boxes_known: bool) -> None:
    answers = _listed_answers(item)
    listed = bool(answers)
    grouped: dict[str, list[str]] = {}
    fields, origins = draft.fields, draft.origins
    for key, value in leaves(item):
        found = ((stripped,) if (stripped := value.strip()) else ()) if type(value) is str else as_texts(value)
        if not found or key in traps or (listed and key.startswith("answers.")):
            continue
        role, target, name, plain = label = _label(key)
        if role is _QUESTION or role is _ADDED:
            if not plain:
                draft.put(target, found, key)
            elif target not in fields:
                fields[target] = found[0] if len(found) == 1 else ", ".join(found)
                origins[target] = key
            if role is _QUESTION:
                answers.append(Answer(name, name, found, type(value) is list))
        elif role is _CHECKBOX_OF_SEVERAL:
            grouped.setdefault(target, []).extend(found)
        elif role is _BOX and not boxes_known:
            _tick(draft, key, label, found)
    answers.extend(Answer(key, key, tuple(found), True) for key, found in grouped.items())
    draft.answers = answers


class _Role(Enum):
    MACHINERY = auto()
    ADDED = auto()  # by the page or the caller: the person did not answer it
    BOX = auto()
    CHECKBOX = auto()
    QUESTION = auto()


# as names of the module: a member is looked up slowly, and there is one lookup a field
_ADDED, _BOX, _CHECKBOX_OF_SEVERAL, _QUESTION = _Role.ADDED, _Role.BOX, _Role.CHECKBOX, _Role.QUESTION


class _Label(NamedTuple):
    role: _Role
    target: str = ""
    name: str = ""
    plain: bool = False  # the target is a field of one text


@lru_cache(maxsize=4096)  # a door sees the same few keys again and again
def _label(key: str) -> _Label:
    """What a key means, whatever its value."""
    if is_machinery(key) and key != "_wpcf7_locale":
        return _Label(_Role.MACHINERY)
    added = _added(key)
    if added is not None:
        return _Label(_Role.ADDED, added, plain=added in PLAIN_FIELDS)
    if key.startswith("consent.") or is_consent(key):
        return _Label(_Role.BOX, key.removeprefix("consent."))
    checkbox = _CHECKBOX.fullmatch(key)
    if checkbox:
        return _Label(_Role.CHECKBOX, checkbox[1])
    name = key.removeprefix("answers.")
    field, contact = asked_field(name) or guessed_field(name), channel(name)
    target = field or (f"channel_ids.{contact}" if contact is not None else "")
    return _Label(_Role.QUESTION, target, name, target in PLAIN_FIELDS)


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


def _tick(draft: Draft, key: str, label: _Label, found: tuple[str, ...]) -> None:
    draft.consent[label.target] = said_yes(found)
    draft.single_consent = len(draft.consent) == 1 and not key.startswith("consent.")


def _listed_answers(item: dict[str, Json]) -> list[Answer]:
    """`answers: [{question, answer}]`, as our own REST capture takes them."""
    listed = item.get("answers")
    found: list[Answer] = []
    for one in listed[:_MAX_LIST_ANSWERS] if isinstance(listed, list) else ():
        if isinstance(one, dict):
            question = " ".join(as_texts(one.get("question", one.get("key"))))
            value = one.get("answer", one.get("value"))
            if question and (values := as_texts(value)):
                key = " ".join(as_texts(one.get("key"))) or question
                found.append(Answer(key, question, values, isinstance(value, list)))
    return found
