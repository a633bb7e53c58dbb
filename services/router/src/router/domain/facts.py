"""What the router decided, as small past-tense facts, and the refusal of a command that may not be.

Facts are named tuples: cheap to make, and to ask for their type (a msgspec.Struct is not).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from router.domain.dossier import Contact, Dossier, Ending, Handoff, Stage, Status
from router.domain.policy import Pool


class OwnerWanted(NamedTuple):
    """The lead needs an owner now: assign it, then `offer`, `park` or `pool` it in the same transaction."""

    episode: int
    cause: str


class Offered(NamedTuple):
    handoff: Handoff
    previous_handoff_id: UUID | None
    hops: int


class Waited(NamedTuple):
    episode: int
    reason: str
    team: str | None
    wake_at: datetime | None


class Accepted(NamedTuple):
    """`by`, here and below: who did it for the owner, where somebody did."""

    handoff_id: UUID
    owner: str
    by: str | None = None


class Rejected(NamedTuple):
    """`pool` is where the lead went, None where it is out or somebody else gets it."""

    handoff_id: UUID
    owner: str
    reason: str
    rating: int | None
    pool: Pool | None
    ends_episode: bool
    by: str | None = None


class Returned(NamedTuple):
    handoff_id: UUID
    owner: str
    reason: str
    pool: Pool | None
    by: str | None = None


class Prescreened(NamedTuple):
    """An SDR passes the lead on to sales."""

    handoff_id: UUID
    owner: str
    episode: int
    rating: int | None
    by: str


class MovedToPool(NamedTuple):
    """A person moved a lead that nobody had. `previous` is the pool it left, or `waiting`."""

    pool: Pool
    previous: str
    reason: str | None
    ends_episode: bool
    episode: int
    by: str


class Recycled(NamedTuple):
    handoff_id: UUID
    owner: str
    cause: str
    pool: Pool | None
    hops: int
    without_owner: bool
    by: str | None = None


class Contacted(NamedTuple):
    owner: str
    contact: Contact


class Moved(NamedTuple):
    status: Status
    previous: Status
    reason: str | None = None
    handoff_id: UUID | None = None
    by: str | None = None


class HandoffClosed(NamedTuple):
    """The row's end; the events above say why. Capacity is freed unless the work goes on as an opportunity."""

    handoff_id: UUID
    owner: str
    team: str
    ending: Ending


class PoolEntered(NamedTuple):
    pool: Pool
    cause: str


class TaskRaised(NamedTuple):
    """`owner` None: marketing's, where the lead has no marketing owner. `task_id`: raised once under this id."""

    kind: str
    owner: str | None
    handoff_id: UUID | None = None
    detail: tuple[str, ...] = ()
    team: str | None = None
    due_at: datetime | None = None
    task_id: UUID | None = None


class TaskAnswered(NamedTuple):
    """What a task was raised for turned out otherwise."""

    task_id: UUID
    outcome: str


class ChecklistFilled(NamedTuple):
    fields: tuple[str, ...]
    missing: tuple[str, ...]


class OpportunityOpened(NamedTuple):
    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    amount_minor: int | None
    currency: str | None


class OpportunityStaged(NamedTuple):
    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    stage: Stage
    previous: Stage
    amount_minor: int | None
    currency: str | None
    reason: str | None
    by: str | None = None


class OpportunityPassed(NamedTuple):
    """Another owner of an open opportunity."""

    opportunity_id: UUID
    owner: str
    previous: str
    team: str
    handoff_id: UUID | None = None
    reason: str | None = None
    by: str | None = None


class CarriedOut(NamedTuple):
    """What a merged lead's lane holds and the survivor needs. `open_handoff` passes over with its owner."""

    merge_id: UUID
    into: UUID
    handoffs: tuple[Handoff, ...] = ()
    contacts: tuple[Contact, ...] = ()
    open_handoff: Handoff | None = None
    wanting_episode: int | None = None
    hops: int = 0


Fact = (
    OwnerWanted
    | Offered
    | Waited
    | Accepted
    | Rejected
    | Returned
    | Prescreened
    | MovedToPool
    | Recycled
    | Contacted
    | Moved
    | HandoffClosed
    | PoolEntered
    | TaskRaised
    | TaskAnswered
    | ChecklistFilled
    | OpportunityOpened
    | OpportunityStaged
    | OpportunityPassed
    | CarriedOut
)


class Step(NamedTuple):
    """The dossier afterwards and what happened, in order. No facts: nothing changed that others should hear of."""

    dossier: Dossier
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """An expected no. `missing` names what would make it a yes."""

    code: str
    detail: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `who` is the rep's id, or the key's name for everybody else."""

    who: str
    role: Literal["sdr", "rep", "manager", "admin", "marketer", "operator", "system"] = "rep"

    def instead_of(self, owner: str) -> str | None:
        """Who acts for the owner; None for the owner."""
        return None if self.who == owner else self.who

    def may_act_for(self, owner: str) -> bool:
        return self.who == owner or self.role in ("manager", "admin", "system")
