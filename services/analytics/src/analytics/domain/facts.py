"""What analytics knows of one lead: compact facts, the same whatever the order in which the events came."""

from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Written = tuple[int, UUID, str | None]
"""A value with the instant (µs) and the id of the event that wrote it; events' ids differ, so values never decide."""


def micros(at: datetime) -> int:
    """An instant as whole microseconds since 1970: exact, small, and quick to compare."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at_us: int) -> datetime:
    return _EPOCH + at_us * _MICROSECOND


class Assignment(msgspec.Struct, frozen=True, array_like=True):
    """The `lead.assigned` of a handoff."""

    at: int
    recorded: int
    id: UUID
    owner: str
    team: str
    episode: int
    previous: UUID | None = None


class Handoff(msgspec.Struct, frozen=True, array_like=True):
    """One handoff. Any part may come first, so `assignment` may still be missing.

    `first_contact` is the instant that a contact proves: when it was reported, where it was reported too late.
    """

    assignment: Assignment | None = None
    ended: bool = False
    first_contact: int | None = None
    contacts: int = 0


class Deal(msgspec.Struct, frozen=True, array_like=True):
    """How an opportunity was opened or won: when, for which handoff, for how much."""

    at: int
    recorded: int
    id: UUID
    handoff: UUID
    amount: int | None = None
    currency: str | None = None


class Opportunity(msgspec.Struct, frozen=True, array_like=True):
    opened: Deal | None = None
    won: Deal | None = None
    lost: bool = False


class Breach(msgspec.Struct, frozen=True, array_like=True):
    """A clock that was breached, or whose breach was revoked; the two may come in either order."""

    promise: str
    handoff: UUID | None
    owner: str | None
    team: str | None
    breached: bool = False
    revoked: bool = False


class Placing(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where router said the lead went when nobody has it.

    The fields are in the order in which two placings compare: within one transaction of router, which has one instant,
    the one with a destination is the outcome and the other its cause.
    """

    recorded: int
    settled: bool
    id: UUID
    place: str = ""


class Score(msgspec.Struct, frozen=True, array_like=True, order=True):
    at: int
    recorded: int
    id: UUID
    tier: str = ""
    action: str = ""


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """All facts of one lead. Instants are microseconds; a new field goes to the end, with a default.

    `touched` is when the newest event that changed anything was recorded.
    """

    captured: int | None = None
    captured_recorded: int | None = None
    test: bool = False
    legacy: bool = False
    erased: int | None = None
    purged: bool = False
    touched: int = 0
    mql: int | None = None
    sql: int | None = None
    accepted: int | None = None
    qualified_episode: int = 0
    qualified_recorded: int = 0
    waited_episode: int = 0
    invalid_recorded: int = 0
    score: Score | None = None
    placing: Placing | None = None
    first: dict[str, Written] = msgspec.field(default_factory=dict[str, Written])
    last: dict[str, Written] = msgspec.field(default_factory=dict[str, Written])
    handoffs: dict[UUID, Handoff] = msgspec.field(default_factory=dict[UUID, Handoff])
    opportunities: dict[UUID, Opportunity] = msgspec.field(default_factory=dict[UUID, Opportunity])
    breaches: dict[UUID, Breach] = msgspec.field(default_factory=dict[UUID, Breach])


NOTHING: Final = Facts()
_ENCODER: Final = msgspec.msgpack.Encoder(uuid_format="bytes")
_DECODER: Final = msgspec.msgpack.Decoder(Facts)
_K = TypeVar("_K", UUID, str)
_V = TypeVar("_V")


def pack(facts: Facts) -> bytes:
    """The facts as kept: equal facts give equal bytes, whatever order their parts came in."""
    return _ENCODER.encode(
        replace(
            facts,
            first=_ordered(facts.first),
            last=_ordered(facts.last),
            handoffs=_ordered(facts.handoffs),
            opportunities=_ordered(facts.opportunities),
            breaches=_ordered(facts.breaches),
        )
    )


def unpack(kept: bytes) -> Facts:
    return _DECODER.decode(kept)


def _ordered(parts: dict[_K, _V]) -> dict[_K, _V]:
    return parts if len(parts) < 2 else {key: parts[key] for key in sorted(parts)}
