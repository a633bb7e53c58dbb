"""Typeform: answers keyed by their type, questions in the form's definition, UTM and click ids in hidden fields."""

from collections.abc import Mapping
from typing import NamedTuple

from intake.domain.draft import Draft, said_yes
from intake.domain.labels import CLICK_IDS, asked_field, channel, guessed_field, tracking_field
from intake.domain.paths import as_texts, texts
from intake.domain.policy import TypeformDoor
from intake.domain.strict_json import Json
from intake.domain.submission import Answer, Ignored, Unmappable
from intake.domain.text import fold

_BY_TYPE = {"email": "email", "phone_number": "phone"}
_ASKED = ("what is your ", "what s your ", "may we have your ", "please enter your ")


class _Asked(NamedTuple):
    """One answered question with every name it goes by."""

    names: tuple[str, ...]  # reference, id, title
    kind: str
    values: tuple[str, ...]
    multiple: bool

    @property
    def title(self) -> str:
        return self.names[-1]


def read_typeform(door: TypeformDoor, body: Json, where: str) -> Draft | Unmappable | Ignored:
    """The draft of one response."""
    if not isinstance(body, dict):
        return Unmappable("the body is no object", where, "send Typeform's webhook payload")
    if body.get("event_type") == "form_response_partial":
        return Ignored("the form was not finished")
    response = body.get("form_response")
    if not isinstance(response, dict):
        fix = "check that this door's address is used by a Typeform webhook"
        return Unmappable("form_response is absent or no object", f"{where}.form_response", fix)
    token = next(iter(as_texts(response.get("token"))), None)
    answers = _answers(response)
    draft = Draft(vendor_id=token, vendor_key=token)
    draft.answers = [Answer(one.names[0], one.title, one.values, one.multiple) for one in answers]
    hidden = response.get("hidden")
    hidden = hidden if isinstance(hidden, dict) else {}
    _map_by_policy(door, draft, response, answers, hidden)
    _tick(door, draft, answers)
    _map_answers(draft, answers)
    _map_hidden(draft, hidden)
    draft.put("created_at", as_texts(response.get("submitted_at")), "submitted_at")
    draft.put("form_id", as_texts(response.get("form_id")), "form_id")
    return draft


def _map_answers(draft: Draft, answers: list[_Asked]) -> None:
    for one in answers:
        field = _BY_TYPE.get(one.kind) or next(filter(None, map(_asked_field, one.names)), None)
        contact = next(filter(None, map(channel, one.names)), None)
        if field is not None and one.kind != "boolean":
            draft.put(field, one.values, f"answers.{one.names[0]}")
        elif contact is not None:
            draft.put(f"channel_ids.{contact}", one.values, f"answers.{one.names[0]}")
    for one in answers:
        field = guessed_field(one.title)
        if field is not None and one.kind not in ("boolean", *_BY_TYPE):
            draft.put(field, one.values, f"answers.{one.names[0]}")


def _asked_field(name: str) -> str | None:
    known = asked_field(name)
    folded = fold(name)
    return known or next((asked_field(folded.removeprefix(word)) for word in _ASKED if folded.startswith(word)), None)


def _map_hidden(draft: Draft, hidden: Mapping[str, Json]) -> None:
    for name, value in hidden.items():
        found = as_texts(value)
        click_id, contact = name.lower(), channel(name)
        field = tracking_field(name) or asked_field(name)
        if click_id in CLICK_IDS:
            field = f"click_ids.{click_id}"
        elif field is None and contact is not None:
            field = f"channel_ids.{contact}"
        if field is not None:
            draft.put(field, found, f"hidden.{name}")
        elif found:
            draft.answers.append(Answer(name, name, found))


def _map_by_policy(
    door: TypeformDoor, draft: Draft, response: dict[str, Json], answers: list[_Asked], hidden: Mapping[str, Json]
) -> None:
    columns: dict[str, Json] = {}
    for one in answers:
        for name in one.names:
            columns.setdefault(name, list(one.values))
    for name, value in hidden.items():
        columns.setdefault(name, value)
    for field, paths in door.map.items():
        for path in paths:
            draft.put(field, texts(columns, path) or texts(response, path), path)


def _tick(door: TypeformDoor, draft: Draft, answers: list[_Asked]) -> None:
    """Legal questions are consent boxes, unless the door says which question stands for what."""
    if door.consent:
        yes = {name for one in answers if said_yes(one.values) for name in one.names}
        draft.consent = {purpose: any(name in yes for name in names) for purpose, names in door.consent.items()}
        return
    for one in answers:
        if one.kind == "legal":
            draft.consent[one.names[0]] = said_yes(one.values)
    draft.single_consent = len(draft.consent) == 1


def _answers(response: Mapping[str, Json]) -> list[_Asked]:
    titles: dict[str, tuple[str, str]] = {}
    definition = response.get("definition")
    fields = definition.get("fields") if isinstance(definition, dict) else None
    for one in fields if isinstance(fields, list) else ():
        if isinstance(one, dict):
            titles[_text(one.get("id"))] = _text(one.get("ref")), _text(one.get("title"))
    listed = response.get("answers")
    found: list[_Asked] = []
    for one in listed if isinstance(listed, list) else ():
        asked = _asked(one, titles) if isinstance(one, dict) else None
        if asked is not None:
            found.append(asked)
    return found


def _asked(answer: Mapping[str, Json], titles: Mapping[str, tuple[str, str]]) -> _Asked | None:
    field = answer.get("field")
    field = field if isinstance(field, dict) else {}
    known, asked_as = _text(field.get("id")), _text(field.get("type"))
    ref, title = titles.get(known, ("", ""))
    names = tuple(dict.fromkeys(name for name in (_text(field.get("ref")) or ref, known, title) if name))
    kind = _text(answer.get("type"))
    value = answer.get(kind)
    values = _chosen(value) if isinstance(value, dict) else as_texts(value)
    if not names or not values:
        return None
    return _Asked(names, "legal" if asked_as == "legal" else kind, values, kind == "choices")


def _chosen(value: dict[str, Json]) -> tuple[str, ...]:
    """A choice's label, several labels, what was written beside them; else all that a structured answer holds."""
    picked = (*as_texts(value.get("label")), *as_texts(value.get("labels")), *as_texts(value.get("other")))
    return picked or tuple(text for one in value.values() for text in as_texts(one))


def _text(value: Json) -> str:
    return "".join(as_texts(value))
