"""What the router decided, as small past-tense facts, and the refusal of a command that may not be."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from router.domain.dossier import Contact, Dossier, Ending, Handoff, Stage, Status
from router.domain.policy import Pool


@dataclass(frozen=True, slots=True)
class OwnerWanted:
    """The lead needs an owner now: assign it, then `offer`, `park` or `pool` it in the same transaction."""

    episode: int
    cause: str


@dataclass(frozen=True, slots=True)
class Offered:
    handoff: Handoff
    previous_handoff_id: UUID | None
    hops: int


@dataclass(frozen=True, slots=True)
class Waited:
    episode: int
    reason: str
    team: str | None
    wake_at: datetime | None


@dataclass(frozen=True, slots=True)
class Accepted:
    handoff_id: UUID
    owner: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """`pool` is where the lead went, None where it is out or somebody else gets it."""

    handoff_id: UUID
    owner: str
    reason: str
    rating: int | None
    pool: Pool | None
    ends_episode: bool


@dataclass(frozen=True, slots=True)
class Returned:
    handoff_id: UUID
    owner: str
    reason: str
    pool: Pool | None


@dataclass(frozen=True, slots=True)
class Recycled:
    handoff_id: UUID
    owner: str
    cause: str
    pool: Pool | None
    hops: int
    without_owner: bool


@dataclass(frozen=True, slots=True)
class Contacted:
    owner: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class Moved:
    status: Status
    previous: Status
    reason: str | None = None
    handoff_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class HandoffClosed:
    """The row's end; the events above say why. Capacity is freed unless the work goes on as an opportunity."""

    handoff_id: UUID
    owner: str
    team: str
    ending: Ending


@dataclass(frozen=True, slots=True)
class PoolEntered:
    pool: Pool
    cause: str


@dataclass(frozen=True, slots=True)
class TaskRaised:
    """`owner` None: marketing's, where the lead has no marketing owner."""

    kind: str
    owner: str | None
    handoff_id: UUID | None = None
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChecklistFilled:
    fields: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpportunityOpened:
    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    amount_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class OpportunityStaged:
    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    stage: Stage
    previous: Stage
    amount_minor: int | None
    currency: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class OpportunityPassed:
    """Another owner of an open opportunity."""

    opportunity_id: UUID
    owner: str
    previous: str
    team: str


@dataclass(frozen=True, slots=True)
class CarriedOut:
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
    | Recycled
    | Contacted
    | Moved
    | HandoffClosed
    | PoolEntered
    | TaskRaised
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

    def may_act_for(self, owner: str) -> bool:
        return self.who == owner or self.role in ("manager", "admin", "system")
