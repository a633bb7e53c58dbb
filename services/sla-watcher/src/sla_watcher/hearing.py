"""From events to facts: what other services say, as far as a clock cares."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from shared.contracts import (
    Event,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadErased,
    LeadMoved,
    LeadPrescreened,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
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
    Qualification,
    Terms,
    learn,
)
from sla_watcher.domain.aside import Watched

Arm = Callable[[Case, frozenset[Origin]], tuple[Terms, ...]]
"""The terms that the policies in force give a case."""

_HANDED_OFF: Final = frozenset({Origin.ASSIGNED, Origin.CONTACTED})
_QUALIFIED: Final = frozenset({Origin.QUALIFIED})
_ALWAYS: Final[frozenset[type[Event]]] = frozenset(
    {
        LeadAssigned,
        LeadContacted,
        LeadErased,
        LeadPrescreened,
        LeadQualified,
        LeadRecycled,
        LeadRejected,
        LeadReturned,
        OpportunityOpened,
    }
)


def matters(event: Event) -> bool:
    """Whether an event tells a fact; most tell none, and are done with here."""
    if type(event) in _ALWAYS:
        return True
    match event:
        case LeadCaptured():
            return event.is_test or event.legacy
        case LeadMoved():
            return event.status == "invalid"
        case _:
            return False


def hear(known: Watched, event: Event, arm: Arm) -> Watched:
    """What is known of a lead after one event more: `known` itself where that tells nothing new, as when heard twice."""
    if isinstance(event, LeadCaptured):
        return _set_aside(known, event)
    facts = known.facts
    for fact in _facts(event, arm):
        facts = learn(facts, fact)
    return known if facts is known.facts else replace(known, facts=facts)


def _set_aside(known: Watched, event: LeadCaptured) -> Watched:
    imported_at = event.recorded_at if event.legacy else known.imported_at
    is_test = known.is_test or event.is_test
    same = is_test == known.is_test and imported_at == known.imported_at
    return known if same else replace(known, is_test=is_test, imported_at=imported_at)


def _facts(event: Event, arm: Arm) -> Iterator[Fact]:
    match event:
        case LeadAssigned():
            yield from _handoff(event, arm)
        case LeadQualified():
            case = Case(event.score_milli / 1000, event.tier, attributes=values(event.attributes))
            yield Qualification(event.episode, event.occurred_at, arm(case, _QUALIFIED))
        case LeadContacted():
            yield _contact(event)
        case LeadRejected():
            yield Ending(event.occurred_at, "rejected", event.handoff_id)
        case LeadRecycled():
            yield Ending(event.occurred_at, "recycled", event.handoff_id)
        case LeadReturned():
            yield Ending(event.occurred_at, "returned", event.handoff_id)
        case LeadPrescreened():
            yield Ending(event.occurred_at, "pre_screened", event.handoff_id)
        case OpportunityOpened():
            yield Ending(event.occurred_at, "converted", event.handoff_id)
        case LeadMoved():
            yield Invalid(event.occurred_at)
        case LeadErased():
            yield Erasure(event.occurred_at)
        case _:
            raise TypeError(f"{event.wire} tells no fact")


def _handoff(event: LeadAssigned, arm: Arm) -> Iterator[Fact]:
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
        terms=arm(case, _HANDED_OFF),
    )
    if event.previous_handoff_id is not None:
        yield Ending(event.occurred_at, "reassigned", event.previous_handoff_id)


def _contact(event: LeadContacted) -> Contact:
    return Contact(
        contact_id=event.contact_id,
        handoff_id=event.handoff_id,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        result=event.result,
        next_step_at=event.next_step_at,
        unproven=event.unproven,
    )
