"""A parsed body to its submissions."""

from datetime import datetime

from intake.domain.canonical import finish
from intake.domain.draft import Draft
from intake.domain.fields import Fields
from intake.domain.flat import items_of, read_flat
from intake.domain.google import read_google
from intake.domain.import_row import read_row
from intake.domain.meta import changes, read_meta
from intake.domain.policy import Door
from intake.domain.strict_json import Json
from intake.domain.submission import Outcome, Unmappable
from intake.domain.typeform import read_typeform


def submissions(door: Door, fields: Fields, body: Json, received_at: datetime) -> list[Outcome]:
    """What each item of a body becomes, in the body's order. No item keeps another from being read."""
    found = items(door, body)
    if isinstance(found, Unmappable):
        return [found]
    several = len(found) != 1 or isinstance(body, list)
    return [
        outcome_of(door, fields, item, f"$[{place}]" if several else "$", received_at)
        for place, item in enumerate(found)
    ]


def items(door: Door, body: Json) -> list[Json] | Unmappable:
    """The items of a body: itself, or those of the list that it is or holds."""
    match door.kind:
        case "google" | "typeform" | "import":
            return [body]
        case "meta":
            return changes(body)
        case "generic" | "html" | "rest":
            return items_of(door, body)


def outcome_of(door: Door, fields: Fields, item: Json, where: str, received_at: datetime) -> Outcome:
    """What one item becomes."""
    match door.kind:
        case "generic" | "html" | "rest":
            draft = read_flat(door, item, where)
        case "google":
            draft = read_google(door, item)
        case "meta":
            draft = read_meta(door, item, where)
        case "typeform":
            draft = read_typeform(door, item, where)
        case "import":
            return read_row(door, fields, item, received_at)
    return finish(draft, door, fields, received_at, where) if isinstance(draft, Draft) else draft
