"""What analytics knows of one lead: compact facts, the same whatever the order in which the events came."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Id = bytes
"""An id as its 16 bytes: they order as the ids do, and are read, compared and hashed several times as fast."""

Written = tuple[int, Id, str | None]
"""A value with the instant (µs) and the id of the event that wrote it; events' ids differ, so values never decide."""


def micros(at: datetime) -> int:
    """An instant as whole microseconds since 1970: exact, small, and quick to compare."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at_us: int) -> datetime:
    return _EPOCH + at_us * _MICROSECOND


class Assignment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The `lead.assigned` of a handoff."""

    at: int
    recorded: int
    id: Id
    owner: str
    team: str
    episode: int
    previous: Id | None = None


class Handoff(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One handoff. Any part may come first, so `assignment` may still be missing.

    `first_contact` is the instant that a contact proves: when it was reported, where it was reported too late.
    `channels` is how many of the contacts went by which channel, in the order of the channels.
    """

    assignment: Assignment | None = None
    ended: bool = False
    first_contact: int | None = None
    contacts: int = 0
    channels: dict[str, int] = msgspec.field(default_factory=dict[str, int])


class Deal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How an opportunity was opened or won: when, for which handoff, for how much."""

    at: int
    recorded: int
    id: Id
    handoff: Id
    amount: int | None = None
    currency: str | None = None


class Opportunity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`staged` is its latest step forward that named an amount."""

    opened: Deal | None = None
    won: Deal | None = None
    lost: bool = False
    staged: Deal | None = None
    lost_at: int | None = None


class Breach(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A clock that was breached, or whose breach was revoked; the two may come in either order."""

    promise: str
    handoff: Id | None
    owner: str | None
    team: str | None
    breached: bool = False
    revoked: bool = False


class Placing(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """Where router said the lead went when nobody has it.

    The fields are in the order in which two placings compare: within one transaction of router, which has one instant,
    the one with a destination is the outcome and the other its cause.
    """

    recorded: int
    settled: bool
    id: Id
    place: str = ""


class Score(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    at: int
    recorded: int
    id: Id
    tier: str = ""
    action: str = ""


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """All facts of one lead. Instants are microseconds; a new field goes to the end, with a default.

    `touched` is when the newest event that changed anything was recorded. The dicts are in the order of their keys
    (the fold sees to it), so that equal facts are equal bytes.
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
    handoffs: dict[Id, Handoff] = msgspec.field(default_factory=dict[Id, Handoff])
    opportunities: dict[Id, Opportunity] = msgspec.field(default_factory=dict[Id, Opportunity])
    breaches: dict[Id, Breach] = msgspec.field(default_factory=dict[Id, Breach])


NOTHING: Final = Facts()
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Facts)


def pack(facts: Facts) -> bytes:
    """The facts as kept: equal facts give equal bytes, whatever order their parts came in."""
    return _ENCODER.encode(facts)


def unpack(kept: bytes) -> Facts:
    return _DECODER.decode(kept)
