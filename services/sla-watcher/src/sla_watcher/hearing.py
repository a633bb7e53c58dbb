"""From events to facts: what other services say, as far as a clock or a cadence cares."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from shared.contracts import (
    Attributes,
    Event,
    LeadAssigned,
    LeadCaptured,
    LeadConsented,
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
    OpportunityOpened,
)
from shared.contracts.attributes import values
from sla_watcher.domain import (
    Case,
    Contact,
    Ending,
    Erasure,
    Fact,
    Handoff,
    Invalid,
    Origin,
    Pooling,
    Qualification,
    learn,
)
from sla_watcher.domain.aside import Watched
from sla_watcher.domain.cadences import Profile
from sla_watcher.domain.care import Care, Consent, Entry, Pooled, consented, entered, fallen, pooled
from sla_watcher.policies import InForce, is_passed_over

_HANDED_OFF: Final = frozenset({Origin.ASSIGNED, Origin.CONTACTED})
_QUALIFIED: Final = frozenset({Origin.QUALIFIED})
_NURTURE: Final = "nurture"
_NO_CARE: Final = Care()


def may_matter(event: Event) -> bool:
    """Whether an event may tell a fact, before any policy is asked; most tell none, and are done with here."""
    kind = type(event)
    return kind in _ALWAYS or kind is LeadScored or _matters_now_and_then(event)


def matters(event: Event, policies: InForce) -> bool:
    """Whether an event tells a fact, or may tell one of a lead that is known."""
    kind = type(event)
    if kind in _ALWAYS:
        return True
    if kind not in _NOW_AND_THEN:
        return False
    return policies.heeds(event) if isinstance(event, LeadScored) else _matters_now_and_then(event)


def _matters_now_and_then(event: Event) -> bool:
    match event:
        case LeadCaptured():
            return event.is_test or event.legacy
        case LeadMoved():
            return event.status == "invalid"
        case _:
            return False


def hear(known: Watched, event: Event, policies: InForce) -> Watched:
    """What is known of a lead after one event more: `known` itself where that tells nothing new, as when heard twice."""
    if isinstance(event, LeadCaptured):
        return _set_aside(known, event)
    facts = known.facts
    tell = _TELL.get(type(event))
    if tell is not None:
        for fact in tell(event, policies):
            facts = learn(facts, fact)
    care = known.care
    if facts.erased_at is not None:
        care = None
    elif (tend := _TEND.get(type(event))) is not None:
        tended = tend(care or _NO_CARE, event, policies)
        care = care if tended is _NO_CARE else tended
    return known if facts is known.facts and care is known.care else replace(known, facts=facts, care=care)


def _set_aside(known: Watched, event: LeadCaptured) -> Watched:
    imported_at = event.recorded_at if event.legacy else known.imported_at
    is_test = known.is_test or event.is_test
    same = is_test == known.is_test and imported_at == known.imported_at
    return known if same else replace(known, is_test=is_test, imported_at=imported_at)


def _assigned(event: LeadAssigned, policies: InForce) -> Iterator[Fact]:
    case = Case(
        score=event.score_milli / 1000,
        tier=event.tier,
        segment=event.segment,
        attributes=values(event.attributes),
        calendar=event.calendar,
    )
    yield Handoff(
        handoff_id=event.handoff_id,
        episode=event.episode,
        owner=event.owner,
        team=event.team,
        assigned_at=event.occurred_at,
        manager=event.manager,
        terms=policies.arm(case, _HANDED_OFF),
        profile=_profile(event.attributes, policies),
    )
    if event.previous_handoff_id is not None:
        yield Ending(event.occurred_at, "reassigned", event.previous_handoff_id)


def _qualified(event: LeadQualified, policies: InForce) -> Iterator[Fact]:
    case = Case(event.score_milli / 1000, event.tier, attributes=values(event.attributes))
    yield Qualification(event.episode, event.occurred_at, policies.arm(case, _QUALIFIED))


def _contacted(event: LeadContacted, _: InForce) -> Iterator[Fact]:
    yield Contact(
        contact_id=event.contact_id,
        handoff_id=event.handoff_id,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        result=event.result,
        next_step_at=event.next_step_at,
        unproven=event.unproven,
    )


def _ending(reason: str) -> "Callable[[Any, InForce], Iterator[Fact]]":
    """Of an event that ends its handoff: what the reason is called."""

    def tell(event: Any, _: InForce) -> Iterator[Fact]:
        yield Ending(event.occurred_at, reason, event.handoff_id)

    return tell


def _pooling(event: LeadPooled, _: InForce) -> Iterator[Fact]:
    if event.ends_episode:
        yield Pooling(event.occurred_at)


def _moved(event: LeadMoved, _: InForce) -> Iterator[Fact]:
    if event.status == "invalid":
        yield Invalid(event.occurred_at)


def _erased(event: LeadErased, _: InForce) -> Iterator[Fact]:
    yield Erasure(event.occurred_at)


def _scored(care: Care, event: LeadScored, policies: InForce) -> Care:
    """Only what the lead did, or who it turned out to be, starts a cadence; time, a scorecard or an import don't."""
    cadence = policies.cadence_of(event)
    if cadence is None and is_passed_over(event):  # such a lead lies in the nurture pool
        cadence = (care.entries[-1].cadence if care.entries else None) or policies.plan.policy.pool
    if cadence is None:
        return fallen(care, event.occurred_at, event.score_milli)
    if not policies.starts(event):
        held = care.entries and care.entries[-1].cadence == cadence
        return care if held else fallen(care, event.occurred_at, event.score_milli)
    return entered(care, Entry(event.occurred_at, cadence, event.score_milli, _profile(event.attributes, policies)))


def _put(care: Care, event: LeadPooled, policies: InForce) -> Care:
    cadence = policies.plan.policy.pool if event.pool == _NURTURE else None
    return pooled(care, Pooled(event.occurred_at, cadence, _profile(event.attributes, policies)))


def _given_back(care: Care, event: LeadRejected | LeadRecycled | LeadReturned, policies: InForce) -> Care:
    if event.pool != _NURTURE or policies.plan.policy.pool is None:
        return care
    return pooled(care, Pooled(event.occurred_at, policies.plan.policy.pool))


def _consented(care: Care, event: LeadConsented, policies: InForce) -> Care:
    if event.purpose != policies.plan.policy.consent:
        return care
    return consented(care, Consent(event.occurred_at, event.granted))


def _profile(attributes: Attributes | None, policies: InForce) -> Profile:
    if attributes is None:
        return ()
    return tuple(
        [(name, value) for name in policies.plan.policy.asked if (value := getattr(attributes, name)) is not None]
    )


_TELL: Final[Mapping[type[Event], "Callable[[Any, InForce], Iterator[Fact]]"]] = {
    LeadAssigned: _assigned,
    LeadContacted: _contacted,
    LeadErased: _erased,
    LeadMoved: _moved,
    LeadPooled: _pooling,
    LeadPrescreened: _ending("pre_screened"),
    LeadQualified: _qualified,
    LeadRecycled: _ending("recycled"),
    LeadRejected: _ending("rejected"),
    LeadReturned: _ending("returned"),
    OpportunityOpened: _ending("converted"),
}
_TEND: Final[Mapping[type[Event], "Callable[[Care, Any, InForce], Care]"]] = {
    LeadConsented: _consented,
    LeadPooled: _put,
    LeadRecycled: _given_back,
    LeadRejected: _given_back,
    LeadReturned: _given_back,
    LeadScored: _scored,
}
_NOW_AND_THEN: Final[frozenset[type[Event]]] = frozenset({LeadCaptured, LeadMoved, LeadScored})
_ALWAYS: Final[frozenset[type[Event]]] = frozenset({*_TELL, *_TEND} - _NOW_AND_THEN)
