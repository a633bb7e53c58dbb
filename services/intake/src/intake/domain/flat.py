"""Forms, generic JSON and our own REST capture: fields found by the door's mapping, then by their usual names."""

from collections.abc import Iterable
from typing import Final, cast

import orjson

from intake.domain.draft import Draft, said_yes
from intake.domain.paths import as_texts, find, leaves, texts
from intake.domain.plan import Role, label_of, plan_of
from intake.domain.policy import GenericDoor, HtmlDoor, ImportDoor, RestDoor
from intake.domain.strict_json import Json
from intake.domain.submission import Answer, Ignored, Unmappable

_OURS = ("tags", "is_test", "created_at", "title_level")
_MAX_LIST_ANSWERS = 500
_MOST_PLANNED: Final = 64
_TEXT_ONLY: Final = {str}
_CONTAINERS: Final = frozenset({dict, list})

FlatDoor = GenericDoor | HtmlDoor | RestDoor | ImportDoor


def items_of(door: FlatDoor, body: Json) -> list[Json] | Unmappable:
    """The items of a body: itself, or the list it is or holds."""
    if door.kind == "generic" and door.items is not None:
        found = find(body, door.items)
        if not isinstance(found, list):
            return Unmappable(f"there is no list at {door.items!r}", "$", "correct 'items' of the door, then replay")
        return found
    return body if isinstance(body, list) else [body]


def read_flat(door: FlatDoor, item: Json, where: str, draft: Draft | None = None) -> Draft | Unmappable | Ignored:
    """The draft of an item; what a given draft already knows stays."""
    if not isinstance(item, dict):
        return Unmappable("the item is no object", where, "send one object per lead")
    traps = door.honeypot if door.kind == "html" else ()
    if traps and any(texts(item, trap) for trap in traps):
        return Ignored("the honeypot field is filled")
    draft = Draft() if draft is None else draft
    if door.kind == "generic":
        _identify(door, item, draft)
    for field, paths in door.map.items():
        for path in paths:
            draft.put(field, texts(item, path), path)
    for purpose, paths in door.consent.items():
        draft.consent[purpose] = any(said_yes(texts(item, path)) for path in paths)
    if door.kind == "html":
        # a visitor could send them with any form; who means them maps them in the door
        item = {key: value for key, value in item.items() if key not in _OURS}
    said = _texts_alone(item)
    if said is None or not said.keys().isdisjoint(traps):
        _read_leaves(draft, item, traps, boxes_known=bool(door.consent))
    else:
        _read_planned(draft, said, boxes_known=bool(door.consent))
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


def _texts_alone(item: dict[str, Json]) -> dict[str, str] | None:
    """The texts of an item by their keys; None where it has many, or something that is no single text."""
    if len(item) > _MOST_PLANNED:
        return None
    kinds = set(map(type, item.values()))
    if kinds == _TEXT_ONLY:
        said = cast("dict[str, str]", item)
        return {key: text for key, value in said.items() if (text := value.strip())}
    if kinds.isdisjoint(_CONTAINERS):
        return {key: found[0] for key, value in item.items() if (found := as_texts(value))}
    return None


def _read_planned(draft: Draft, said: dict[str, str], *, boxes_known: bool) -> None:
    """As `_read_leaves`, of texts whose keys tell where each of them goes."""
    plan = plan_of(tuple(said))
    draft.fields = {target: said[key] for target, key in plan.fields.items()} | draft.fields
    draft.origins = plan.fields | draft.origins
    for target, key in plan.aside:
        draft.put(target, (said[key],), key)
    if not boxes_known:
        for target, key in plan.boxes:
            _tick(draft, key, target, (said[key],))
    answers = [Answer(name, name, (said[key],)) for name, key in plan.questions]
    for name, keys in plan.checkboxes:
        answers.append(Answer(name, name, tuple([said[key] for key in keys]), True))
    draft.answers = answers


def _read_leaves(draft: Draft, item: dict[str, Json], traps: Iterable[str], *, boxes_known: bool) -> None:
    answers = _listed_answers(item)
    listed = bool(answers)
    grouped: dict[str, list[str]] = {}
    for key, value in leaves(item):
        found = as_texts(value)
        if not found or key in traps or (listed and key.startswith("answers.")):
            continue
        role, target, name, _ = label_of(key)
        if role is Role.QUESTION or role is Role.ADDED:
            draft.put(target, found, key)
            if role is Role.QUESTION:
                answers.append(Answer(name, name, found, type(value) is list))
        elif role is Role.CHECKBOX:
            grouped.setdefault(target, []).extend(found)
        elif role is Role.BOX and not boxes_known:
            _tick(draft, key, target, found)
    answers.extend(Answer(key, key, tuple(found), True) for key, found in grouped.items())
    draft.answers = answers


def _tick(draft: Draft, key: str, target: str, found: tuple[str, ...]) -> None:
    draft.consent[target] = said_yes(found)
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
