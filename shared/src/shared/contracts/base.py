"""What every event is: a past-tense fact about one lead, with a wire name that never changes."""

from datetime import datetime
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment with a zone; one without is unreadable."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A fact. Times are UTC; unknown fields are ignored on reading, and a new field always has a default.

    `occurred_at` is when it happened in the world, `recorded_at` when this service wrote it down.
    `causation` is the id of the event or command that led here.
    """

    wire: ClassVar[str] = ""

    lead_id: UUID
    occurred_at: Instant
    recorded_at: Instant
    causation: UUID | None = None
    correlation: UUID | None = None
    schema: int = 1


E = TypeVar("E", bound=type[Event])
_TYPES: dict[str, type[Event]] = {}


def named(wire: str):  # noqa: ANN201 - the decorator's own type says it
    """Give an event class its written wire name, which is also its topic."""

    def register(event_type: E) -> E:
        if wire in _TYPES:
            raise ValueError(f"two events are named {wire!r}")
        event_type.wire = wire
        _TYPES[wire] = event_type
        return event_type

    return register


def event_types() -> dict[str, type[Event]]:
    """Every known event by wire name."""
    return dict(_TYPES)
