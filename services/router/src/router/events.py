"""From the domain's facts to the contracts' events. Facts that no event tells stay in the store."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from router.cases import Case, Told, standing
from router.domain.dossier import Dossier, hops
from router.domain.facts import (
    Accepted,
    Contacted,
    HandoffClosed,
    Moved,
    MovedToPool,
    Offered,
    OpportunityOpened,
    OpportunityPassed,
    OpportunityStaged,
    OwnerWanted,
    PoolEntered,
    Prescreened,
    Recycled,
    Rejected,
    Returned,
    TaskRaised,
    Waited,
)
from shared import contracts
from shared.contracts import Event

_UNTOLD = frozenset({OwnerWanted, TaskRaised, HandoffClosed, PoolEntered})
"""The most frequent of the facts that no event tells."""


def events_of(case: Case, now: datetime) -> list[Event]:
    """What others hear of this case, in order."""
    events: list[Event] = []
    for told in case.told:
        if type(told.fact) is Offered:
            events.append(_assigned(case, told, told.fact, now))
        elif type(told.fact) not in _UNTOLD:
            events += _events(case, told, now)
    return events


def _events(case: Case, told: Told, now: datetime) -> Iterator[Event]:
    head: dict[str, Any] = {
        "lead_id": case.lead_id,
        "occurred_at": now,
        "recorded_at": now,
        "causation": told.causation,
    }
    match told.fact:
        case Waited() as fact:
            yield contracts.LeadWaiting(
                **head, episode=fact.episode, reason=fact.reason, team=fact.team, wake_at=fact.wake_at
            )
        case Accepted() | Rejected() | Returned() | Recycled() as fact:
            yield _verdict(case, told.dossier, fact, head)
        case Contacted() as fact:
            yield _contacted(fact, head)
        case Moved() as fact:
            yield contracts.LeadMoved(
                **head,
                status=fact.status,
                previous=fact.previous,
                reason=fact.reason,
                handoff_id=fact.handoff_id,
                by=fact.by,
            )
        case MovedToPool() | Prescreened() as fact:
            yield _by_hand(fact, head, told.dossier)
        case OpportunityOpened() as fact:
            yield contracts.OpportunityOpened(
                **head,
                opportunity_id=fact.opportunity_id,
                handoff_id=fact.handoff_id,
                owner=fact.owner,
                amount_minor=fact.amount_minor,
                currency=fact.currency,
            )
        case OpportunityStaged() as fact:
            yield from _staged(fact, head)
        case OpportunityPassed(handoff_id=UUID() as handoff_id) as fact:
            yield contracts.OpportunityTransferred(
                **head,
                opportunity_id=fact.opportunity_id,
                handoff_id=handoff_id,
                owner=fact.owner,
                team=fact.team,
                previous=fact.previous,
                reason=fact.reason,
                by=fact.by,
            )
        case _:
            return


def _verdict(
    case: Case, dossier: Dossier, fact: Accepted | Rejected | Returned | Recycled, head: dict[str, Any]
) -> Event:
    head = {**head, "handoff_id": fact.handoff_id, "owner": fact.owner}
    match fact:
        case Accepted():
            return contracts.LeadAccepted(**head, by=fact.by)
        case Rejected():
            # an episode ends once: where the lead is also recycled, the recycling says it
            recycled = [each.fact.handoff_id for each in case.told if isinstance(each.fact, Recycled)]
            ends = fact.ends_episode and fact.handoff_id not in recycled
            return contracts.LeadRejected(
                **head, reason=fact.reason, rating=fact.rating, pool=fact.pool, ends_episode=ends, by=fact.by
            )
        case Recycled():
            return contracts.LeadRecycled(
                **head, cause=fact.cause, pool=fact.pool, hops=fact.hops, without_owner=fact.without_owner, by=fact.by
            )
        case Returned():
            episode = next(handoff.episode for handoff in dossier.handoffs if handoff.id == fact.handoff_id)
            return contracts.LeadReturned(
                **head,
                reason=fact.reason,
                pool=fact.pool,
                hops=hops(dossier, episode),
                without_owner=dossier.wanting is None,
                episode=episode,
                by=fact.by,
            )


def _by_hand(fact: MovedToPool | Prescreened, head: dict[str, Any], dossier: Dossier) -> Event:
    match fact:
        case MovedToPool():
            return contracts.LeadPooled(
                **head,
                pool=fact.pool,
                previous=fact.previous,
                reason=fact.reason,
                ends_episode=fact.ends_episode,
                episode=fact.episode or None,
                by=fact.by,
                attributes=dossier.attributes,
            )
        case Prescreened():
            return contracts.LeadPrescreened(
                **head,
                handoff_id=fact.handoff_id,
                owner=fact.owner,
                episode=fact.episode,
                rating=fact.rating,
                by=fact.by,
            )


def _contacted(fact: Contacted, head: dict[str, Any]) -> Event:
    made = fact.contact
    head = {**head, "occurred_at": made.occurred_at}
    return contracts.LeadContacted(
        **head,
        handoff_id=made.handoff_id,
        owner=fact.owner,
        contact_id=made.id,
        channel=made.channel,
        result=made.result,
        next_step_at=made.next_step_at,
        unproven=made.unproven,
    )


def _assigned(case: Case, told: Told, fact: Offered, now: datetime) -> Event:
    dossier, handoff, offering = told.dossier, fact.handoff, case.offerings.get(fact.handoff.id)
    score_milli, tier = standing(dossier)
    return contracts.LeadAssigned(
        lead_id=case.lead_id,
        occurred_at=now,
        recorded_at=now,
        causation=told.causation,
        handoff_id=handoff.id,
        episode=handoff.episode,
        owner=handoff.owner,
        team=handoff.team,
        reason=handoff.cause,
        calendar=offering.calendar if offering else None,
        manager=offering.manager if offering else None,
        score_milli=score_milli,
        tier=tier,
        attributes=dossier.attributes,
        decision=offering.decision if offering else None,
        previous_handoff_id=fact.previous_handoff_id,
        hops=fact.hops,
    )


def _staged(fact: OpportunityStaged, head: dict[str, Any]) -> Iterator[Event]:
    ids = {"opportunity_id": fact.opportunity_id, "handoff_id": fact.handoff_id}
    head = {**head, **ids, "owner": fact.owner, "by": fact.by}
    if fact.stage not in ("won", "lost"):
        yield contracts.OpportunityStaged(
            **head,
            stage=fact.stage,
            previous=fact.previous,
            amount_minor=fact.amount_minor,
            currency=fact.currency,
        )
    if fact.stage == "won" and fact.amount_minor is not None and fact.currency is not None:
        yield contracts.OpportunityWon(**head, amount_minor=fact.amount_minor, currency=fact.currency)
    if fact.stage == "lost" and fact.reason is not None:
        yield contracts.OpportunityLost(**head, reason=fact.reason)
