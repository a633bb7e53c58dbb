"""Every event that is consumed is heard, or passed over: none is stumbled on."""

from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import Event, LeadPooled, LeadReturned, LeadScored
from shared.contracts.topology import CONSUMES
from shared.runtime.service import Unprocessable
from sla_watcher.domain import NURTURE, LeadFacts, State
from sla_watcher.domain.aside import Watched, nurtured
from sla_watcher.domain.runs import Plan
from sla_watcher.hearing import hear, matters, may_matter
from sla_watcher.policies import InForce, parse_cadences
from tests.unit.contracts.samples import FORMS, sample
from tests.unit.contracts.strategies import events
from tests.unit.sla_watcher.leads import CALENDARS, LEAD, POLICY, a_handoff, a_qualification, at, watched

POLICIES: Final = InForce(POLICY, CALENDARS, Plan(parse_cadences(NURTURE), 1))


def heard(event: Event) -> Watched:
    known = Watched(LeadFacts(event.lead_id))
    return hear(known, event, POLICIES) if matters(event, POLICIES) else known


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", CONSUMES["sla-watcher"])
def test_every_event_that_is_consumed_can_be_heard(wire: str, form: str) -> None:
    event = sample(wire, form)
    once = heard(event)
    assert hear(once, event, POLICIES) == once
    assert matters(event, POLICIES) <= may_matter(event)
    nurtured(once)


@given(st.lists(events(), max_size=8))
def test_any_events_of_one_lead_are_heard_in_any_order(story: list[Event]) -> None:
    known = Watched(LeadFacts(LEAD))
    for event in story:
        if matters(event, POLICIES):
            with suppress(Unprocessable):  # a calendar that nobody knows is refused in words
                known = hear(known, event, POLICIES)
    nurtured(known)


def test_most_scores_cost_no_look_at_the_lead() -> None:
    def score(tier: str, previous: str | None, cause: str = "fact") -> LeadScored:
        moment = at("mon 10:00")
        return LeadScored(
            lead_id=LEAD,
            occurred_at=moment,
            recorded_at=moment,
            score_milli=1,
            tier=tier,
            previous_tier=previous,
            scorecard_version=1,
            cause=cause,
        )

    assert not any(
        matters(each, POLICIES)
        for each in (score("raw", None), score("raw", "raw"), score("sql", "raw"), score("mql", "sql", "decay"))
    )
    assert all(matters(each, POLICIES) for each in (score("mql", "raw"), score("mql", "mql"), score("raw", "mql")))


def test_a_returned_handoff_closes_its_clocks() -> None:
    handoff = a_handoff("mon 09:40")
    event = LeadReturned(
        lead_id=LEAD,
        occurred_at=at("mon 10:00"),
        recorded_at=at("mon 10:00"),
        handoff_id=handoff.handoff_id,
        owner="ann",
        reason="no_time",
    )
    known = hear(Watched(watched(handoff).known), event, POLICIES)
    watch = watched(handoff).learn(*known.facts.endings)
    assert {clock.state for clock in watch.clocks.values()} == {State.CANCELLED}
    assert {clock.reason for clock in watch.clocks.values()} == {"returned"}


def test_a_waiting_lead_that_is_put_into_a_pool_is_owed_no_owner() -> None:
    event = LeadPooled(
        lead_id=LEAD, occurred_at=at("mon 10:05"), recorded_at=at("mon 10:05"), pool="nurture", previous="waiting"
    )
    crossed = watched(a_qualification("mon 10:00"))
    known = hear(Watched(crossed.known), event, POLICIES)
    assert known.facts.pooled_at == {at("mon 10:05")}
    crossed.known = known.facts
    assert crossed.learn().clock("owner_found").reason == "pooled"
