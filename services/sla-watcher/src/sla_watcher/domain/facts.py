"""What is known of one lead, as sets of facts by id: the same whatever the order and however often they came."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from sla_watcher.domain.cadences import Profile
from sla_watcher.domain.promises import MetBy, Terms

SPOKE = frozenset({"reached", "replied"})


class Qualification(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The lead crossed the line for the `episode`-th time."""

    episode: int
    at: datetime
    terms: tuple[Terms, ...] = ()


class Handoff(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    handoff_id: UUID
    episode: int
    owner: str
    team: str
    assigned_at: datetime
    manager: str | None = None
    terms: tuple[Terms, ...] = ()
    profile: Profile = ()


class Contact(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    contact_id: UUID
    handoff_id: UUID
    occurred_at: datetime
    recorded_at: datetime
    result: str
    next_step_at: datetime | None = None
    unproven: bool = False

    @property
    def proven_at(self) -> datetime:
        """An unproven contact proves no more than that it had happened when it was reported."""
        return self.recorded_at if self.unproven else self.occurred_at


class Ending(msgspec.Struct, frozen=True, gc=False, order=True):
    """A handoff is over: rejected, recycled, returned, reassigned, converted, …"""

    at: datetime
    reason: str
    handoff_id: UUID


class Invalid(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The lead was found invalid; what is handed off after that is owed again."""

    at: datetime


class Pooling(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A person put the lead, which nobody had, into a pool: no owner is looked for any more."""

    at: datetime


class Erasure(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    at: datetime


Fact = Qualification | Handoff | Contact | Ending | Invalid | Pooling | Erasure


class LeadFacts(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    lead_id: UUID
    qualifications: Mapping[int, Qualification] = msgspec.field(default_factory=dict[int, Qualification])
    handoffs: Mapping[UUID, Handoff] = msgspec.field(default_factory=dict[UUID, Handoff])
    contacts: Mapping[UUID, Contact] = msgspec.field(default_factory=dict[UUID, Contact])
    endings: frozenset[Ending] = frozenset()
    invalid_at: frozenset[datetime] = frozenset()
    pooled_at: frozenset[datetime] = frozenset()
    erased_at: datetime | None = None


def learn(known: LeadFacts, fact: Fact) -> LeadFacts:
    """`known` with one fact more, and `known` itself where it tells nothing new: an id seen before changes nothing.

    Erasure forgets all and learns nothing more.
    """
    if known.erased_at is not None:
        return known
    learned = known
    match fact:
        case Qualification() if fact.episode not in known.qualifications:
            learned = replace(known, qualifications={fact.episode: fact, **known.qualifications})
        case Handoff() if fact.handoff_id not in known.handoffs:
            learned = replace(known, handoffs={fact.handoff_id: fact, **known.handoffs})
        case Contact() if fact.contact_id not in known.contacts:
            learned = replace(known, contacts={fact.contact_id: fact, **known.contacts})
        case Ending() if fact not in known.endings:
            learned = replace(known, endings=known.endings | {fact})
        case Invalid() if fact.at not in known.invalid_at:
            learned = replace(known, invalid_at=known.invalid_at | {fact.at})
        case Pooling() if fact.at not in known.pooled_at:
            learned = replace(known, pooled_at=known.pooled_at | {fact.at})
        case Erasure():
            learned = LeadFacts(known.lead_id, erased_at=fact.at)
        case _:
            pass
    return learned


def ending(known: LeadFacts, handoff: Handoff) -> Ending | None:
    """How and when a handoff ended first, None while it is open."""
    if not known.endings and not known.invalid_at:
        return None
    ends = [end for end in known.endings if end.handoff_id == handoff.handoff_id]
    invalid = first_invalid(known, handoff.assigned_at)
    if invalid is not None:
        ends.append(Ending(invalid, "invalid", handoff.handoff_id))
    return min(ends, default=None)


def unsought(known: LeadFacts, since: datetime) -> Ending | None:
    """When and why no owner was looked for any more; the ending's id means nothing."""
    if not known.invalid_at and not known.pooled_at:
        return None
    found = first_invalid(known, since)
    ends = [] if found is None else [Ending(found, "invalid", known.lead_id)]
    ends += [Ending(at, "pooled", known.lead_id) for at in known.pooled_at if at >= since]
    return min(ends, default=None)


def first_invalid(known: LeadFacts, since: datetime) -> datetime | None:
    return min((at for at in known.invalid_at if at >= since), default=None)


def proofs(known: LeadFacts, handoff: Handoff, met_by: MetBy) -> list[Contact]:
    """The handoff's contacts that count, in the order in which they are proven."""
    counted = [
        contact
        for contact in known.contacts.values()
        if contact.handoff_id == handoff.handoff_id and (met_by is MetBy.ATTEMPT or contact.result in SPOKE)
    ]
    if len(counted) > 1:
        counted.sort(key=lambda contact: (contact.proven_at, contact.contact_id))
    return counted
