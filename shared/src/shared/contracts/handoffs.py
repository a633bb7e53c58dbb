"""What router says of a lead: who has it, and what became of it."""

from uuid import UUID

import msgspec

from shared.contracts.attributes import Attributes
from shared.contracts.base import Event, Instant, named


class Considered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rep who was looked at, and why not taken (`skipped` is None for the one chosen and those merely later)."""

    rep: str
    skipped: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why this owner: the rule that chose the team, the strategy, every rep considered, the policy's version.

    `number` counts the team's decisions: a what-if replays in that order.
    """

    number: int
    rule: str
    strategy: str
    policy_version: int
    considered: tuple[Considered, ...] = ()


@named("lead.assigned")
class LeadAssigned(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One handoff to one owner, with all that a clock needs: score, tier and attributes as decided."""

    handoff_id: UUID
    episode: int
    owner: str
    team: str
    reason: str
    calendar: str | None = None
    manager: str | None = None
    score_milli: int = 0
    tier: str | None = None
    segment: str | None = None
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    decision: Decision | None = None
    previous_handoff_id: UUID | None = None
    hops: int = 0


@named("lead.waiting")
class LeadWaiting(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Nobody could take it: why, and when it is looked at again where that is known."""

    episode: int
    reason: str
    team: str | None = None
    wake_at: Instant | None = None


@named("lead.accepted")
class LeadAccepted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The owner took the handoff."""

    handoff_id: UUID
    owner: str


@named("lead.rejected")
class LeadRejected(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The owner's no, with a typed reason. `pool` is where the lead went, None where it is out."""

    handoff_id: UUID
    owner: str
    reason: str
    rating: int | None = None
    pool: str | None = None
    ends_episode: bool = True
    episode: int | None = None


@named("lead.contacted")
class LeadContacted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to reach the lead. `unproven`: reported too late to change what was promised."""

    handoff_id: UUID
    owner: str
    contact_id: UUID
    channel: str
    result: str
    next_step_at: Instant | None = None
    unproven: bool = False


@named("lead.moved")
class LeadMoved(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The lead's status changed."""

    status: str
    previous: str
    reason: str | None = None
    handoff_id: UUID | None = None


@named("lead.recycled")
class LeadRecycled(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Taken back from an owner. `without_owner`: no handoff follows at once, so the episode ends."""

    handoff_id: UUID
    owner: str
    cause: str
    pool: str | None = None
    hops: int = 0
    without_owner: bool = True
    episode: int | None = None
