"""What router says of a lead: who has it, and what became of it."""

from uuid import UUID

import msgspec

from shared.contracts.attributes import Attributes
from shared.contracts.base import Event, Instant, named


class Considered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A rep who was looked at, and why not taken (`skipped` is None for the one chosen and those merely later)."""

    rep: str
    skipped: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why this owner: the rule that chose the team, the strategy, every rep considered, the policy's version.

    `number` counts the team's decisions: a what-if replays in that order. Where a person decided and not the policy,
    `by` says who, `reason` their typed reason, and `overruled` the cap or absence that they went over.
    """

    number: int
    rule: str
    strategy: str
    policy_version: int
    considered: tuple[Considered, ...] = ()
    by: str | None = None
    reason: str | None = None
    overruled: str | None = None


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
    """The owner took the handoff. `by` says who did it for them, where somebody did."""

    handoff_id: UUID
    owner: str
    by: str | None = None


@named("lead.rejected")
class LeadRejected(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The owner's no, with a typed reason. `pool` is where the lead went, None where it is out.

    `by` says who said it for the owner, where somebody did.
    """

    handoff_id: UUID
    owner: str
    reason: str
    rating: int | None = None
    pool: str | None = None
    ends_episode: bool = True
    episode: int | None = None
    by: str | None = None


@named("lead.returned")
class LeadReturned(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The owner gave the handoff back, with a typed reason: no word on the lead, somebody else is to have it.

    `pool` is where it went, None where the next owner is looked for. `without_owner`: nobody is, so the episode ends.
    """

    handoff_id: UUID
    owner: str
    reason: str
    pool: str | None = None
    hops: int = 0
    without_owner: bool = True
    episode: int | None = None
    by: str | None = None


@named("lead.prescreened")
class LeadPrescreened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An SDR had a first word with the lead and passes it on to sales: this handoff is over, a rep is looked for."""

    handoff_id: UUID
    owner: str
    episode: int
    rating: int | None = None
    by: str | None = None


@named("lead.pooled")
class LeadPooled(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A lead that nobody had was moved to a pool by a person. `ends_episode`: it waited for an owner till then."""

    pool: str
    previous: str
    reason: str | None = None
    ends_episode: bool = True
    episode: int | None = None
    by: str | None = None
    attributes: Attributes | None = None


@named("lead.contacted")
class LeadContacted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to reach the lead. `unproven`: reported too late to change what was promised.

    Of a lead that nobody has (an SDR phones the raw pool) `handoff_id` is an id made from the lead's, of no handoff.
    """

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
    by: str | None = None


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
    by: str | None = None
