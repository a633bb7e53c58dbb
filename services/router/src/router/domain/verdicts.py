"""Sales' word on a handoff: accept, reject, return, and the contact that says more than any of them."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from router.domain.attempts import Attempt, noted
from router.domain.changes import closed, enter_pool, moved, send_on, with_handoff
from router.domain.dossier import Contact, Dossier, Handoff, handoff_by_id
from router.domain.facts import (
    Accepted,
    Actor,
    CarriedOut,
    Contacted,
    Fact,
    Refused,
    Rejected,
    Returned,
    Step,
    TaskRaised,
)
from router.domain.hearing import taken_back
from router.domain.policy import Consequence, Routing

LOWEST_RATING, HIGHEST_RATING = 1, 5


def accept(dossier: Dossier, handoff_id: UUID, *, by: Actor, at: datetime) -> Step | Refused:
    """The owner takes it. Accepting twice changes nothing."""
    handoff = _of_owner(dossier, handoff_id, by)
    if isinstance(handoff, Refused):
        return handoff
    if not handoff.is_open:
        return _closed_already(handoff)
    return _accepted(dossier, handoff, at, by)


def reject(
    dossier: Dossier, handoff_id: UUID, *, reason: str, rating: int | None, by: Actor, at: datetime, policy: Routing
) -> Step | Refused:
    """The owner's no. What follows from `reason` is policy."""
    handoff = _of_owner(dossier, handoff_id, by)
    if isinstance(handoff, Refused):
        return handoff
    if not handoff.is_open:
        return _closed_already(handoff)
    consequence = policy.reasons.get(reason)
    if consequence is None:
        return Refused("unknown_reason", f"no reject reason {reason!r}", tuple(sorted(policy.reasons)))
    if rating is not None and not LOWEST_RATING <= rating <= HIGHEST_RATING:
        return Refused("bad_rating", f"a rating is {LOWEST_RATING} to {HIGHEST_RATING}, not {rating}")
    attempts = sum(1 for contact in dossier.contacts if contact.handoff_id == handoff_id)
    if attempts < consequence.attempts:
        detail = f"{reason} needs {consequence.attempts} attempts, {attempts} are logged"
        return Refused("too_few_attempts", detail, (f"{consequence.attempts - attempts} contacts",))
    judged = replace(handoff, verdict="rejected", reason=reason, rating=rating)
    return _rejected(with_handoff(dossier, judged), judged, consequence, at, policy, by)


def return_handoff(
    dossier: Dossier, handoff_id: UUID, *, reason: str, by: Actor, at: datetime, policy: Routing
) -> Step | Refused:
    """Given back without a word on the lead (wrong region, no time): the next rep, or where policy says."""
    handoff = _of_owner(dossier, handoff_id, by)
    if isinstance(handoff, Refused):
        return handoff
    if not handoff.is_open:
        return _closed_already(handoff)
    end = closed(dossier, replace(handoff, reason=reason), "returned", at)
    sent = send_on(end.dossier, handoff, policy.recycle.returned, cause="returned", at=at, policy=policy.recycle)
    pool = sent.dossier.pooled.pool if sent.dossier.pooled else None
    return Step(sent.dossier, (*end.facts, Returned(handoff.id, handoff.owner, reason, pool, by.who), *sent.facts))


def contact(dossier: Dossier, handoff_id: UUID, attempt: Attempt) -> Step | Refused:
    """One attempt, on any handoff, open or closed. In one act it accepts, works, and sets *contacted*."""
    handoff = _of_owner(dossier, handoff_id, attempt.by)
    if isinstance(handoff, Refused):
        return handoff
    if any(known.id == attempt.id for known in dossier.contacts):
        return Step(dossier)
    assigned = f"its assignment ({handoff.offered_at.isoformat()})"
    made = noted(attempt, handoff_id, since=handoff.offered_at, since_what=assigned)
    if isinstance(made, Refused):
        return made
    return _contacted(replace(dossier, contacts=(*dossier.contacts, made)), handoff, made, attempt.by)


def _contacted(dossier: Dossier, handoff: Handoff, made: Contact, by: Actor) -> Step:
    facts: list[Fact] = []
    if handoff.is_open:
        taken = _accepted(dossier, handoff, made.recorded_at, by)
        working = handoff_by_id(taken.dossier, handoff.id) or handoff
        dossier = with_handoff(taken.dossier, replace(working, state="working"))
        facts.extend(taken.facts)
    facts.append(Contacted(handoff.owner, made))
    if dossier.status == "new":
        step = moved(dossier, "contacted", made.recorded_at, None, handoff)
        dossier = step.dossier
        facts.extend(step.facts)
    if dossier.merges:
        merge = dossier.merges[-1]
        facts.append(CarriedOut(merge.id, merge.into, contacts=(made,)))
    return Step(dossier, tuple(facts))


def _accepted(dossier: Dossier, handoff: Handoff, at: datetime, by: Actor) -> Step:
    if handoff.state != "offered":
        return Step(dossier)
    accepted = replace(handoff, state="accepted", accepted_at=at, verdict="accepted")
    return Step(with_handoff(dossier, accepted), (Accepted(handoff.id, handoff.owner, by.instead_of(handoff.owner)),))


def _rejected(
    dossier: Dossier, handoff: Handoff, consequence: Consequence, at: datetime, policy: Routing, by: Actor
) -> Step:
    reason = handoff.reason or ""
    tasks = _tasks(dossier, handoff, consequence)
    if consequence.recycles is not None:
        destination = policy.recycle.no_potential_now
        sent = taken_back(dossier, handoff, cause=reason, destination=destination, at=at, policy=policy.recycle)
    else:
        end = closed(dossier, handoff, "rejected", at)
        sent = _follow(end, handoff, consequence, at, policy)
    after = sent.dossier
    pool = after.pooled.pool if after.pooled else None
    verdict = Rejected(
        handoff.id, handoff.owner, reason, handoff.rating, pool, after.wanting is None, by.instead_of(handoff.owner)
    )
    return Step(after, (verdict, *sent.facts, *tasks))


def _follow(end: Step, handoff: Handoff, consequence: Consequence, at: datetime, policy: Routing) -> Step:
    if consequence.to == "invalid":
        step = Step(end.dossier)
        if end.dossier.status != "invalid":
            step = moved(replace(end.dossier, pooled=None), "invalid", at, handoff.reason, handoff)
    elif consequence.to == "next_rep":
        step = send_on(
            end.dossier, handoff, "next_rep", cause=handoff.reason or "rejected", at=at, policy=policy.recycle
        )
    else:
        step = enter_pool(end.dossier, consequence.to, handoff.reason or "rejected", at)
    return Step(step.dossier, (*end.facts, *step.facts))


def _tasks(dossier: Dossier, handoff: Handoff, consequence: Consequence) -> tuple[Fact, ...]:
    if consequence.task is None:
        return ()
    return (TaskRaised(consequence.task, dossier.marketing_owner, handoff.id, (handoff.reason or "",)),)


def _of_owner(dossier: Dossier, handoff_id: UUID, by: Actor) -> Handoff | Refused:
    if dossier.erased_at is not None:
        return Refused("erased", "the lead was erased")
    handoff = handoff_by_id(dossier, handoff_id)
    if handoff is None:
        return Refused("unknown_handoff", f"this lead has no handoff {handoff_id}")
    if not by.may_act_for(handoff.owner):
        return Refused("not_owner", f"the handoff is {handoff.owner}'s")
    return handoff


def _closed_already(handoff: Handoff) -> Refused:
    return Refused("handoff_closed", f"the handoff is closed: {handoff.ending}")
