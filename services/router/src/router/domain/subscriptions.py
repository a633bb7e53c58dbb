"""Who is told of which events, in which words, and when a delivery that failed is tried again."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from shared.contracts import Event
from shared.contracts.topology import CONSUMES, EMITS

EVENTS: Final = frozenset({*EMITS["router"], *CONSUMES["router"]})
"""What may be subscribed to: all that passes through the router."""
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
GIVE_UP: Final = timedelta(hours=24)
_KEYS: Final = ("handoff_id", "opportunity_id", "episode", "owner", "team", "due_at")
_ENCODER: Final = msgspec.json.Encoder()


class Subscription(NamedTuple):
    """Somebody's address and what they want to hear: of one owner's leads, of one team's, or of all."""

    id: UUID
    events: frozenset[str]
    owner: str | None = None
    team: str | None = None

    def wants(self, event: str, owner: str | None, team: str | None) -> bool:
        """Whether an event of a lead of this owner and team is for them."""
        return event in self.events and self.owner in (None, owner) and self.team in (None, team)


class Letter(NamedTuple):
    """One event for one receiver. A queue is a subscription or a rep's mailbox: of one lead it keeps the order."""

    queue: str
    kind: str
    subscription_id: UUID | None
    rep: str | None
    lead_id: UUID
    event_id: UUID
    event: str
    body: bytes


def told(event: Event) -> bytes:
    """What a receiver is told of an event: ids and keys, no personal data. The link is added on sending."""
    data: dict[str, object] = {"lead_id": event.lead_id}
    for name in _KEYS:
        value = getattr(event, name, None)
        if value is not None:
            data[name] = value
    return _ENCODER.encode({"type": event.wire, "timestamp": event.occurred_at, "data": data})


def payload(body: bytes, link: str) -> str:
    """The body as it is sent."""
    said = msgspec.json.decode(body)
    return _ENCODER.encode({**said, "data": {**said["data"], "link": link}}).decode()


def link_to(address: str, lead_id: UUID) -> str:
    """Where a person follows the lead."""
    return f"{address}/follow/{lead_id}"


def next_try(attempts: int, now: datetime, give_up_at: datetime) -> datetime | None:
    """When a delivery that failed so often is tried again; None: no more."""
    if now >= give_up_at:
        return None
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 20))
    return min(now + pause, give_up_at)
