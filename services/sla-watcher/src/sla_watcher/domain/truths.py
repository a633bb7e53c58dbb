"""Which clocks a lead's facts call for, and what the facts say of each: a function of the facts alone."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from uuid import UUID

import msgspec

from sla_watcher.domain.facts import (
    Contact,
    Ending,
    Handoff,
    LeadFacts,
    Qualification,
    ending,
    proofs,
    unsought,
)
from sla_watcher.domain.naming import named
from sla_watcher.domain.promises import Origin, Terms


class Truth(msgspec.Struct, frozen=True, gc=False):
    """One clock as the facts have it. `held_until` is a dated next step; `proof_at` the first proof, in time or not."""

    clock_id: UUID
    terms: Terms
    started_at: datetime
    handoff: Handoff | None = None
    held_until: datetime | None = None
    proof_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None


def truths(known: LeadFacts) -> Iterator[Truth]:
    """Every clock the facts call for; none once the lead is erased."""
    for qualification in known.qualifications.values():
        for terms in qualification.terms:
            yield _owner_found(known, qualification, terms)
    for handoff in known.handoffs.values():
        end = ending(known, handoff)
        for terms in handoff.terms:
            counted = proofs(known, handoff, terms.met_by) if known.contacts else []
            if terms.origin is not Origin.CONTACTED:
                yield _first_contact(handoff, terms, counted, end)
            elif counted:
                yield from _silences(handoff, terms, counted, end)


def _owner_found(known: LeadFacts, qualification: Qualification, terms: Terms) -> Truth:
    assigned = [one.assigned_at for one in known.handoffs.values() if one.episode == qualification.episode]
    end = unsought(known, qualification.at)
    ended_at = None if end is None else end.at
    return Truth(
        clock_id=named(known.lead_id, f"{terms.promise}:{qualification.episode}"),
        terms=terms,
        started_at=qualification.at,
        proof_at=_before_end(min(assigned, default=None), ended_at),
        ended_at=ended_at,
        ended_by=None if end is None else end.reason,
    )


def _first_contact(handoff: Handoff, terms: Terms, counted: list[Contact], end: Ending | None) -> Truth:
    ended_at = None if end is None else end.at
    first = counted[0].proven_at if counted else None
    return Truth(
        clock_id=named(handoff.handoff_id, terms.promise),
        terms=terms,
        started_at=handoff.assigned_at,
        handoff=handoff,
        proof_at=_before_end(first, ended_at),
        ended_at=ended_at,
        ended_by=None if end is None else end.reason,
    )


def _silences(handoff: Handoff, terms: Terms, counted: list[Contact], end: Ending | None) -> Iterator[Truth]:
    """A clock from each contact made while the handoff was open; the next contact keeps it."""
    ended_at = None if end is None else end.at
    held_by: Contact | None = None
    for contact, following in pairwise([*counted, None]):
        if contact is None or (ended_at is not None and contact.proven_at >= ended_at):
            return
        held_by = contact if contact.next_step_at is not None else held_by
        yield Truth(
            clock_id=_silence_id(handoff, terms, contact, held_by),
            terms=terms,
            started_at=contact.proven_at,
            handoff=handoff,
            held_until=None if held_by is None else held_by.next_step_at,
            proof_at=_before_end(None if following is None else following.proven_at, ended_at),
            ended_at=ended_at,
            ended_by=None if end is None else end.reason,
        )


def _silence_id(handoff: Handoff, terms: Terms, contact: Contact, held_by: Contact | None) -> UUID:
    # A next step heard of later may move the deadline, and a deadline never moves under a breach: so it is another
    # clock. Named after the contact that set the step, not after its date: dates may come back, contacts only follow.
    held = "" if held_by is None else str(held_by.contact_id)
    return named(handoff.handoff_id, f"{terms.promise}:{contact.contact_id}:{held}")


def _before_end(proof_at: datetime | None, ended_at: datetime | None) -> datetime | None:
    """What is done about a handoff after its end keeps no promise."""
    return None if proof_at is None or (ended_at is not None and proof_at > ended_at) else proof_at
