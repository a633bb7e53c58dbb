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
    Id,
    Opportunity,
    Placing,
    Score,
    micros,
)
from analytics.domain.words import first_words, latest_words, put
from shared.contracts import (
    ClockBreached,
    ClockExcused,
    ClockRevoked,
    Event,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadErased,
    LeadMoved,
    LeadPooled,
    LeadPrescreened,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadScored,
    LeadUpdated,
    LeadWaiting,
    OpportunityLost,
    OpportunityOpened,
    OpportunityStaged,
    OpportunityWon,
)

BY_SCORE: Final = "by-score"
"""The placing of a lead that was repaired: raw or nurture, as its score says."""

_NO_HANDOFF: Final = Handoff()
_NO_OPPORTUNITY: Final = Opportunity()
_REACHED: Final = {"MQL": 1, "SQL": 2}
E = TypeVar("E", bound=Event)
_Learner = Callable[[Facts, UUID, Any], Facts]
_LEARNERS: Final[dict[type[Event], _Learner]] = {}


def tells(event: Event) -> bool:
    """Whether events of this type say anything that analytics counts."""
    return type(event) in _LEARNERS


def fold(facts: Facts, events: Iterable[tuple[UUID, Event]]) -> Facts:
    """The facts with these events more; the same object where they tell analytics nothing it counts."""
    touched = facts.touched
    for event_id, event in events:
        learner = _LEARNERS.get(type(event))
        if learner is not None:
            facts = learner(facts, event_id, event)
            touched = max(touched, micros(event.recorded_at))
    return replace(facts, touched=touched) if touched > facts.touched else facts


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
    if event.pool is not None:
        facts = _placed(facts, event_id, event, f"pool:{event.pool}")
    return replace(
        facts,
        captured=_earlier(facts.captured, at),
        captured_recorded=_earlier(facts.captured_recorded, micros(event.recorded_at)),
        test=facts.test or event.is_test,
        legacy=facts.legacy or event.legacy,
        first=first_words(facts.first, at, event_id.bytes, event.attributes),
        last=latest_words(facts.last, at, event_id.bytes, event.attributes, ()),
    )


@_from(LeadUpdated)
def _updated(facts: Facts, event_id: UUID, event: LeadUpdated) -> Facts:
    at = micros(event.occurred_at)
    return replace(
        facts,
        first=first_words(facts.first, at, event_id.bytes, event.attributes),
        last=latest_words(facts.last, at, event_id.bytes, event.attributes, event.cleared),
    )


@_from(LeadErased)
def _erased(facts: Facts, _event_id: UUID, event: LeadErased) -> Facts:
    at = _earlier(facts.erased, micros(event.occurred_at))
    return replace(facts, erased=at, purged=facts.purged or event.purge)


@_from(LeadScored)
def _scored(facts: Facts, event_id: UUID, event: LeadScored) -> Facts:
    at = micros(event.occurred_at)
    score = Score(at, micros(event.recorded_at), event_id.bytes, event.tier, event.action or "")
    latest = score if facts.score is None or score > facts.score else facts.score
    mql, sql = _reached(facts, at, _REACHED.get((event.label or event.tier).upper(), 0))
    return replace(facts, score=latest, mql=mql, sql=sql)


def _reached(facts: Facts, at: int, rung: int) -> tuple[int | None, int | None]:
    """MQL, or SQL, which is MQL too: when each was reached first. Labels once given are never taken back."""
    return (
        _earlier(facts.mql, at) if rung >= 1 else facts.mql,
        _earlier(facts.sql, at) if rung >= 2 else facts.sql,
    )


@_from(LeadQualified)
def _qualified(facts: Facts, _event_id: UUID, event: LeadQualified) -> Facts:
    mql, sql = _reached(facts, micros(event.occurred_at), max(1, _REACHED.get((event.label or event.tier).upper(), 0)))
    known = (facts.qualified_episode, facts.qualified_recorded)
    episode, recorded = max(known, (event.episode, micros(event.recorded_at)))
    return replace(facts, mql=mql, sql=sql, qualified_episode=episode, qualified_recorded=recorded)


def _with_handoff(facts: Facts, handoff_id: UUID, handoff: Handoff) -> Facts:
    return replace(facts, handoffs=put(facts.handoffs, handoff_id.bytes, handoff))


def _handoff(facts: Facts, handoff_id: UUID) -> Handoff:
    return facts.handoffs.get(handoff_id.bytes, _NO_HANDOFF)


def _ended(facts: Facts, handoff_id: UUID) -> Facts:
    known = _handoff(facts, handoff_id)
    return facts if known.ended else _with_handoff(facts, handoff_id, replace(known, ended=True))


@_from(LeadAssigned)
def _assigned(facts: Facts, event_id: UUID, event: LeadAssigned) -> Facts:
    previous = event.previous_handoff_id
    assignment = Assignment(
        micros(event.occurred_at),
        micros(event.recorded_at),
        event_id.bytes,
        event.owner,
        event.team,
        event.episode,
        _bytes(previous),
    )
    facts = _with_handoff(facts, event.handoff_id, replace(_handoff(facts, event.handoff_id), assignment=assignment))
    return facts if previous is None else _ended(facts, previous)


def _bytes(some_id: UUID | None) -> Id | None:
    return None if some_id is None else some_id.bytes


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
        replace(
            known,
            first_contact=_earlier(known.first_contact, proven),
            contacts=known.contacts + 1,
            channels=put(known.channels, event.channel, known.channels.get(event.channel, 0) + 1),
        ),
    )


def _placed(facts: Facts, event_id: UUID, event: Event, place: str | None) -> Facts:
    placing = Placing(micros(event.recorded_at), place is not None, event_id.bytes, place or "")
    newer = facts.placing is None or placing > facts.placing
    return replace(facts, placing=placing) if newer else facts


@_from(LeadWaiting)
def _waiting(facts: Facts, event_id: UUID, event: LeadWaiting) -> Facts:
    facts = replace(facts, waited_episode=max(facts.waited_episode, event.episode))
    # a lead that goes to a pool without having had an owner waits there: the reason names the pool, or that a team pulls
    pool = "pool:public" if event.reason == "pull" else event.reason
    return _placed(facts, event_id, event, pool if pool.startswith("pool:") else "waiting")


@_from(LeadRejected)
def _rejected(facts: Facts, event_id: UUID, event: LeadRejected) -> Facts:
    out = "invalid" if event.ends_episode else None
    place = out if event.pool is None else f"pool:{event.pool}"
    return _placed(_ended(facts, event.handoff_id), event_id, event, place)


@_from(LeadRecycled)
def _recycled(facts: Facts, event_id: UUID, event: LeadRecycled) -> Facts:
    place = None if event.pool is None else f"pool:{event.pool}"
    return _placed(_ended(facts, event.handoff_id), event_id, event, place)


@_from(LeadReturned)
def _returned(facts: Facts, event_id: UUID, event: LeadReturned) -> Facts:
    place = None if event.pool is None else f"pool:{event.pool}"
    return _placed(_ended(facts, event.handoff_id), event_id, event, place)


@_from(LeadPrescreened)
def _prescreened(facts: Facts, _event_id: UUID, event: LeadPrescreened) -> Facts:
    return _ended(facts, event.handoff_id)


@_from(LeadPooled)
def _pooled(facts: Facts, event_id: UUID, event: LeadPooled) -> Facts:
    return _placed(facts, event_id, event, f"pool:{event.pool}")


@_from(LeadMoved)
def _moved(facts: Facts, event_id: UUID, event: LeadMoved) -> Facts:
    if event.status == "invalid":
        latest = max(facts.invalid_recorded, micros(event.recorded_at))
        return _placed(replace(facts, invalid_recorded=latest), event_id, event, "invalid")
    return _placed(facts, event_id, event, BY_SCORE) if event.previous == "invalid" else facts


def _with_opportunity(facts: Facts, opportunity_id: UUID, opportunity: Opportunity) -> Facts:
    return replace(facts, opportunities=put(facts.opportunities, opportunity_id.bytes, opportunity))


def _opportunity(facts: Facts, opportunity_id: UUID) -> Opportunity:
    return facts.opportunities.get(opportunity_id.bytes, _NO_OPPORTUNITY)


def _deal(event_id: UUID, event: OpportunityOpened | OpportunityStaged | OpportunityWon) -> Deal:
    return Deal(
        micros(event.occurred_at),
        micros(event.recorded_at),
        event_id.bytes,
        event.handoff_id.bytes,
        event.amount_minor,
        event.currency,
    )


@_from(OpportunityOpened)
def _opened(facts: Facts, event_id: UUID, event: OpportunityOpened) -> Facts:
    known = replace(_opportunity(facts, event.opportunity_id), opened=_deal(event_id, event))
    return _ended(_with_opportunity(facts, event.opportunity_id, known), event.handoff_id)


@_from(OpportunityStaged)
def _staged(facts: Facts, event_id: UUID, event: OpportunityStaged) -> Facts:
    known, staged = _opportunity(facts, event.opportunity_id), _deal(event_id, event)
    older = known.staged is not None and (known.staged.recorded, known.staged.id) >= (staged.recorded, staged.id)
    if older or staged.amount is None:
        return facts
    return _with_opportunity(facts, event.opportunity_id, replace(known, staged=staged))


@_from(OpportunityWon)
def _won(facts: Facts, event_id: UUID, event: OpportunityWon) -> Facts:
    known = replace(_opportunity(facts, event.opportunity_id), won=_deal(event_id, event))
    facts = _ended(_with_opportunity(facts, event.opportunity_id, known), event.handoff_id)
    return _placed(facts, event_id, event, "won")


@_from(OpportunityLost)
def _lost(facts: Facts, event_id: UUID, event: OpportunityLost) -> Facts:
    known = _opportunity(facts, event.opportunity_id)
    known = replace(known, lost=True, lost_at=_earlier(known.lost_at, micros(event.occurred_at)))
    facts = _ended(_with_opportunity(facts, event.opportunity_id, known), event.handoff_id)
    return _placed(facts, event_id, event, "pool:re-marketing")


def _with_breach(facts: Facts, clock_id: UUID, breach: Breach) -> Facts:
    return replace(facts, breaches=put(facts.breaches, clock_id.bytes, breach))


@_from(ClockBreached)
def _breached(facts: Facts, _event_id: UUID, event: ClockBreached) -> Facts:
    known = facts.breaches.get(event.clock_id.bytes)
    revoked = known is not None and known.revoked
    breach = Breach(event.promise, _bytes(event.handoff_id), event.owner, event.team, breached=True, revoked=revoked)
    return _with_breach(facts, event.clock_id, breach)


@_from(ClockRevoked)
def _taken_back(facts: Facts, _event_id: UUID, event: ClockRevoked | ClockExcused) -> Facts:
    """Proof disproved the breach, or a manager forgave it. A clock forgiven before its breach never has one."""
    if isinstance(event, ClockExcused) and not event.breached:
        return facts
    promised = Breach(event.promise, _bytes(event.handoff_id), event.owner, event.team)
    known = facts.breaches.get(event.clock_id.bytes) or promised
    return _with_breach(facts, event.clock_id, replace(known, revoked=True))


_LEARNERS[ClockExcused] = _taken_back
