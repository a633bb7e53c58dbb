"""A case: one lead in hand during a transaction, with what was decided about it so far."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from router.domain.assign import Lead
from router.domain.dossier import Dossier, owner_of, place
from router.domain.facts import Fact, OwnerWanted, Step
from router.domain.ownership import routing_hints
from router.domain.policy import Pool
from shared.contracts import Event
from shared.contracts.handoffs import Decision


class Told(NamedTuple):
    """A fact, the dossier after its step, and the event that caused it."""

    fact: Fact
    dossier: Dossier
    causation: UUID | None


class Offering(NamedTuple):
    """What goes with a handoff besides the handoff: why this owner, and who else is concerned."""

    decision: Decision
    calendar: str | None
    manager: str | None
    pool: Pool | None = None
    """Where it was claimed from."""
    lead: Lead | None = None
    """As routing saw it; None where a person decided."""


class QueuePlace(NamedTuple):
    """Where a lead stands in its team's queue: lower goes first."""

    rank: int
    since: datetime
    lead_id: UUID


class Heard(NamedTuple):
    """An event with its id."""

    id: UUID
    event: Event


class Owner(NamedTuple):
    """A rep, and the team in which they got the work."""

    rep: str
    team: str


class Case(msgspec.Struct):
    """`before` is the dossier as kept, None of a lead never heard of. Takes steps; says what they call for.

    `wants`: an owner is to be looked for. `looked`: it was, or must be soon, so the waiting row is to be written.
    """

    lead_id: UUID
    partition: int
    before: Dossier | None
    dossier: Dossier
    told: list[Told] = []
    released: list[Owner] = []
    offerings: dict[UUID, Offering] = {}
    pending: list[Heard] = []
    causation: UUID | None = None
    wants: bool = False
    looked: bool = False
    deferred: bool = False

    def take(self, step: Step) -> None:
        """Go on with the dossier after a step, and note what the step calls for."""
        before, (after, facts) = self.dossier, step
        self.dossier = after
        if not facts:
            return
        held = owner_of(before)
        if held is not None and held != owner_of(after):
            self.released.append(Owner(*held))
        for fact in facts:
            self.told.append(Told(fact, after, self.causation))
            self.wants = self.wants or type(fact) is OwnerWanted
        self.wants = self.wants and after.wanting is not None

    @property
    def has_left_waiting(self) -> bool:
        return self.before is not None and self.before.wanting is not None and self.dossier.wanting is None

    @property
    def has_left_unowned(self) -> bool:
        """Whether it waited, for a rep or to be claimed, and does not any more though nobody was found for it."""
        waited = self.before is not None and waits(self.before)
        return waited and not waits(self.dossier) and not self.offerings

    @property
    def waited_for(self) -> str | None:
        """The team in whose queue the lead stood before this transaction."""
        return self.before.wanting.team if self.before is not None and self.before.wanting is not None else None

    @property
    def place_in_queue(self) -> QueuePlace | None:
        """Its place in a queue now, or the one it left."""
        known = self.dossier if self.dossier.wanting is not None else self.before
        if known is None or known.wanting is None:
            return None
        return QueuePlace(-standing(known)[0], known.wanting.since, self.lead_id)


def waits(dossier: Dossier) -> bool:
    """Whether it waits for an owner: in a team's queue, or in the pool from which a team claims."""
    match place(dossier).kind:
        case "waiting":
            return True
        case "pool":
            return dossier.pooled is not None and dossier.pooled.cause == "pull"
        case _:
            return False


def standing(dossier: Dossier) -> tuple[int, str | None]:
    """The latest word on score and tier: the scorer's last, or the crossing's own if its score is not here yet."""
    newest = dossier.episodes[-1] if dossier.episodes else None
    if newest is None:
        return dossier.score_milli, dossier.tier
    # several scores may be of one instant: of those the highest counts, as in the fold, whichever topic came first
    scored_at = dossier.scored_at
    if scored_at is None or scored_at < newest.at:
        return newest.score_milli, newest.tier
    if dossier.score_milli < newest.score_milli and scored_at == newest.at:
        return newest.score_milli, newest.tier
    return dossier.score_milli, dossier.tier


def as_lead(dossier: Dossier) -> Lead:
    """What routing needs of it."""
    score_milli, tier = standing(dossier)
    previous, avoid = routing_hints(dossier)
    step = dossier.wanting.step if dossier.wanting else "rep"
    return Lead(dossier.attributes, score_milli, tier, previous, avoid, step)
