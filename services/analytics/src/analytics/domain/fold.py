"""The fold: one event more. First instants, latest writers and sets by id, so that every order gives the same facts."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec.structs import replace

from analytics.domain.facts import (
    Assignment,
    Breach,
    Deal,
    Facts,
    Handoff,
    Opportunity,
    Placing,
    Score,
    Written,
    micros,
)
from shared.contracts import (
    Attributes,
    ClockBreached,
    ClockRevoked,
    Event,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadErased,
    LeadMoved,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadScored,
    LeadUpdated,
    LeadWaiting,
    OpportunityLost,
    OpportunityOpened,
    OpportunityWon,
)

FIRST_TOUCH: Final = ("source", "door", "campaign", "content", "event")
"""Where a lead came from: the first that said so counts."""
LATEST: Final = ("industry", "region", "country", "product")
"""What a lead is: the latest word counts."""

BY_SCORE: Final = "by-score"
"""The placing of a lead that was repaired: raw or nurture, as its score says."""

_REACHED: Final = {"MQL": 1, "SQL": 2}
E = TypeVar("E", bound=Event)
_Learner = Callable[[Facts, UUID, Any], Facts]
_LEARNERS: Final[dict[type[Event], _Learner]] = {}


def learn(facts: Facts, event_id: UUID, event: Event) -> Facts:
    """The facts with one event more; the same object where the event tells analytics nothing it counts."""
    learner = _LEARNERS.get(type(event))
    if learner is None:
        return facts
    learned = learner(facts, event_id, event)
    recorded = micros(event.recorded_at)
    return replace(learned, touched=recorded) if recorded > learned.touched else learned


def fold(facts: Facts, events: Iterable[tuple[UUID, Event]]) -> Facts:
    for event_id, event in events:
        facts = learn(facts, event_id, event)
    return facts


def _from(event_type: type[E]) -> Callable[[Callable[[Facts, UUID, E], Facts]], Callable[[Facts, UUID, E], Facts]]:
    def register(learner: Callable[[Facts, UUID, E], Facts]) -> Callable[[Facts, UUID, E], Facts]:
        _LEARNERS[event_type] = learner
        return learner

    return register


def _earlier(known: int | None, at: int) -> int:
    return at if known is None or at < known else known


@_from(LeadCaptured)
def _captured(facts: Facts, event_id: UUID, event: LeadCaptured) -> Facts:
    at = micros(event.occurred_at)
    return replace(
        facts,
        captured=_earlier(facts.captured, at),
        captured_recorded=_earlier(facts.captured_recorded, micros(event.recorded_at)),
        test=facts.test or event.is_test,
        legacy=facts.legacy or event.legacy,
        first=_first_words(facts.first, at, event_id, event.attributes),
        last=_latest_words(facts.last, at, event_id, event.attributes, ()),
    )


@_from(LeadUpdated)
def _updated(facts: Facts, event_id: UUID, event: LeadUpdated) -> Facts:
    at = micros(event.occurred_at)
    return replace(
        facts,
        first=_first_words(facts.first, at, event_id, event.attributes),
        last=_latest_words(facts.last, at, event_id, event.attributes, event.cleared),
    )


def _first_words(known: dict[str, Written], at: int, event_id: UUID, attributes: Attributes) -> dict[str, Written]:
    for name in FIRST_TOUCH:
        value: str | None = getattr(attributes, name)
        if value is not None and (name not in known or (at, event_id) < known[name][:2]):
            known = {**known, name: (at, event_id, value)}
    return known


def _latest_words(
    known: dict[str, Written], at: int, event_id: UUID, attributes: Attributes, cleared: tuple[str, ...]
) -> dict[str, Written]:
    for name in LATEST:
        value: str | None = getattr(attributes, name)
        if (value is not None or name in cleared) and (name not in known or (at, event_id) > known[name][:2]):
            known = {**known, name: (at, event_id, value)}
    return known


@_from(LeadErased)
def _erased(facts: Facts, _event_id: UUID, event: LeadErased) -> Facts:
    at = _earlier(facts.erased, micros(event.occurred_at))
    return replace(facts, erased=at, purged=facts.purged or event.purge)


@_from(LeadScored)
def _scored(facts: Facts, event_id: UUID, event: LeadScored) -> Facts:
    at = micros(event.occurred_at)
    score = Score(at, micros(event.recorded_at), event_id, event.tier, event.action or "")
    latest = score if facts.score is None or score > facts.score else facts.score
    facts = facts if latest is facts.score else replace(facts, score=latest)
    return _reached(facts, at, _REACHED.get((event.label or event.tier).upper(), 0))


def _reached(facts: Facts, at: int, rung: int) -> Facts:
    """MQL, or SQL, which is MQL too: when each was reached first. Labels once given are never taken back."""
    if rung >= 1 and (facts.mql is None or at < facts.mql):
        facts = replace(facts, mql=at)
    if rung >= 2 and (facts.sql is None or at < facts.sql):
        facts = replace(facts, sql=at)
    return facts


@_from(LeadQualified)
def _qualified(facts: Facts, _event_id: UUID, event: LeadQualified) -> Facts:
    rung = max(1, _REACHED.get((event.label or event.tier).upper(), 0))
    facts = _reached(facts, micros(event.occurred_at), rung)
    known = (facts.qualified_episode, facts.qualified_recorded)
    episode, recorded = max(known, (event.episode, micros(event.recorded_at)))
    return replace(facts, qualified_episode=episode, qualified_recorded=recorded)


def _handoff(facts: Facts, handoff_id: UUID) -> Handoff:
    return facts.handoffs.get(handoff_id) or Handoff()


def _with_handoff(facts: Facts, handoff_id: UUID, handoff: Handoff) -> Facts:
    return replace(facts, handoffs={**facts.handoffs, handoff_id: handoff})


def _ended(facts: Facts, handoff_id: UUID) -> Facts:
    known = _handoff(facts, handoff_id)
    return facts if known.ended else _with_handoff(facts, handoff_id, replace(known, ended=True))


@_from(LeadAssigned)
def _assigned(facts: Facts, event_id: UUID, event: LeadAssigned) -> Facts:
    assignment = Assignment(
        micros(event.occurred_at),
        micros(event.recorded_at),
        event_id,
        event.owner,
        event.team,
        event.episode,
        event.previous_handoff_id,
    )
    facts = _with_handoff(facts, event.handoff_id, replace(_handoff(facts, event.handoff_id), assignment=assignment))
    return facts if event.previous_handoff_id is None else _ended(facts, event.previous_handoff_id)


@_from(LeadAccepted)
def _accepted(facts: Facts, _event_id: UUID, event: LeadAccepted) -> Facts:
    return replace(facts, accepted=_earlier(facts.accepted, micros(event.occurred_at)))


@_from(LeadContacted)
def _contacted(facts: Facts, _event_id: UUID, event: LeadContacted) -> Facts:
    known = _handoff(facts, event.handoff_id)
    proven = micros(event.recorded_at if event.unproven else event.occurred_at)
    return _with_handoff(
        facts,
        event.handoff_id,
        replace(known, first_contact=_earlier(known.first_contact, proven), contacts=known.contacts + 1),
    )


def _placed(facts: Facts, event_id: UUID, event: Event, place: str | None) -> Facts:
    placing = Placing(micros(event.recorded_at), place is not None, event_id, place or "")
    newer = facts.placing is None or placing > facts.placing
    return replace(facts, placing=placing) if newer else facts


@_from(LeadWaiting)
def _waiting(facts: Facts, event_id: UUID, event: LeadWaiting) -> Facts:
    facts = replace(facts, waited_episode=max(facts.waited_episode, event.episode))
    # a lead that goes to a pool without having had an owner waits there: the reason names the pool
    return _placed(facts, event_id, event, event.reason if event.reason.startswith("pool:") else "waiting")


@_from(LeadRejected)
def _rejected(facts: Facts, event_id: UUID, event: LeadRejected) -> Facts:
    out = "invalid" if event.ends_episode else None
    place = out if event.pool is None else f"pool:{event.pool}"
    return _placed(_ended(facts, event.handoff_id), event_id, event, place)


@_from(LeadRecycled)
def _recycled(facts: Facts, event_id: UUID, event: LeadRecycled) -> Facts:
    place = None if event.pool is None else f"pool:{event.pool}"
    return _placed(_ended(facts, event.handoff_id), event_id, event, place)


@_from(LeadMoved)
def _moved(facts: Facts, event_id: UUID, event: LeadMoved) -> Facts:
    if event.status == "invalid":
        latest = max(facts.invalid_recorded, micros(event.recorded_at))
        return _placed(replace(facts, invalid_recorded=latest), event_id, event, "invalid")
    return _placed(facts, event_id, event, BY_SCORE) if event.previous == "invalid" else facts


def _with_opportunity(facts: Facts, opportunity_id: UUID, opportunity: Opportunity) -> Facts:
    return replace(facts, opportunities={**facts.opportunities, opportunity_id: opportunity})


def _opportunity(facts: Facts, opportunity_id: UUID) -> Opportunity:
    return facts.opportunities.get(opportunity_id) or Opportunity()


def _deal(event_id: UUID, event: OpportunityOpened | OpportunityWon) -> Deal:
    return Deal(
        micros(event.occurred_at),
        micros(event.recorded_at),
        event_id,
        event.handoff_id,
        event.amount_minor,
        event.currency,
    )


@_from(OpportunityOpened)
def _opened(facts: Facts, event_id: UUID, event: OpportunityOpened) -> Facts:
    known = replace(_opportunity(facts, event.opportunity_id), opened=_deal(event_id, event))
    return _ended(_with_opportunity(facts, event.opportunity_id, known), event.handoff_id)


@_from(OpportunityWon)
def _won(facts: Facts, event_id: UUID, event: OpportunityWon) -> Facts:
    known = replace(_opportunity(facts, event.opportunity_id), won=_deal(event_id, event))
    facts = _ended(_with_opportunity(facts, event.opportunity_id, known), event.handoff_id)
    return _placed(facts, event_id, event, "won")


@_from(OpportunityLost)
def _lost(facts: Facts, event_id: UUID, event: OpportunityLost) -> Facts:
    known = replace(_opportunity(facts, event.opportunity_id), lost=True)
    facts = _ended(_with_opportunity(facts, event.opportunity_id, known), event.handoff_id)
    return _placed(facts, event_id, event, "pool:re-marketing")


def _with_breach(facts: Facts, clock_id: UUID, breach: Breach) -> Facts:
    return replace(facts, breaches={**facts.breaches, clock_id: breach})


@_from(ClockBreached)
def _breached(facts: Facts, _event_id: UUID, event: ClockBreached) -> Facts:
    known = facts.breaches.get(event.clock_id)
    revoked = known is not None and known.revoked
    breach = Breach(event.promise, event.handoff_id, event.owner, event.team, breached=True, revoked=revoked)
    return _with_breach(facts, event.clock_id, breach)


@_from(ClockRevoked)
def _revoked(facts: Facts, _event_id: UUID, event: ClockRevoked) -> Facts:
    known = facts.breaches.get(event.clock_id) or Breach(event.promise, event.handoff_id, event.owner, event.team)
    return _with_breach(facts, event.clock_id, replace(known, revoked=True))
