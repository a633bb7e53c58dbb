"""A parsed body to its submissions."""

from datetime import datetime
from typing import assert_never

from intake.domain.canonical import finish
from intake.domain.draft import Draft
from intake.domain.fields import Fields
from intake.domain.flat import items_of, read_flat
from intake.domain.google import read_google
from intake.domain.policy import Door, GenericDoor, GoogleDoor, HtmlDoor, RestDoor
from intake.domain.strict_json import Json
from intake.domain.submission import Ignored, Outcome, Unmappable


def submissions(door: Door, fields: Fields, body: Json, received_at: datetime) -> list[Outcome]:
    """What each item of a body becomes, in the body's order. No item keeps another from being read."""
    return [
        finish(draft, door, fields, received_at, where) if isinstance(draft, Draft) else draft
        for where, draft in _drafts(door, body)
    ]


def _drafts(door: Door, body: Json) -> list[tuple[str, Draft | Unmappable | Ignored]]:
    match door:
        case GoogleDoor():
            return [("$", read_google(door, body))]
        case GenericDoor() | HtmlDoor() | RestDoor():
            items = items_of(door, body)
            if isinstance(items, Unmappable):
                return [("$", items)]
            several = len(items) != 1 or isinstance(body, list)
            places = [f"$[{place}]" if several else "$" for place in range(len(items))]
            return [(where, read_flat(door, item, where)) for where, item in zip(places, items, strict=True)]
        case _:
            assert_never(door)
