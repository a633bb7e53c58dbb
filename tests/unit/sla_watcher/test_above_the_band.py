"""A score above marketing's band: nurtured where the lead did not qualify, whatever is heard first."""

from itertools import permutations
from typing import Any, Final

import pytest

from shared.contracts import Attributes, Event, LeadQualified, LeadScored
from sla_watcher.domain import NURTURE, LeadFacts
from sla_watcher.domain.aside import Watched, nurtured
from sla_watcher.domain.care import Spell
from sla_watcher.domain.runs import Plan
from sla_watcher.hearing import hear, matters, may_matter
from sla_watcher.policies import InForce, parse_cadences
from tests.unit.sla_watcher.leads import CALENDARS, LEAD, POLICY, at

POLICIES: Final = InForce(POLICY, CALENDARS, Plan(parse_cadences(NURTURE), 1))
FOUNDER: Final = Attributes(industry="manufacturing", title_level="founder")


def scored(moment: str, tier: str, previous: str | None, milli: int, **told: Any) -> LeadScored:
    """A score as scorer tells it: of a qualified lead in tier sql it tells no attributes."""
    return LeadScored(
        lead_id=LEAD,
        occurred_at=at(moment),
        recorded_at=at(moment),
        score_milli=milli,
        tier=tier,
        previous_tier=previous,
        action={"sql": "assign", "mql": "nurture", "raw": "store"}[tier],
        scorecard_version=1,
        **told,
    )


def risen(moment: str = "mon 10:00", previous: str | None = "raw", **told: Any) -> LeadScored:
    """Above the band, and not qualified."""
    return scored(moment, "sql", previous, 85_000, attributes=FOUNDER, **told)


def qualified(moment: str) -> LeadQualified:
    return LeadQualified(
        lead_id=LEAD,
        occurred_at=at(moment),
        recorded_at=at(moment),
        episode=1,
        score_milli=90_000,
        tier="sql",
        scorecard_version=1,
    )


def spells(*events: Event, policies: InForce = POLICIES) -> list[Spell]:
    known = Watched(LeadFacts(LEAD))
    for event in events:
        if may_matter(event) and matters(event, policies):
            known = hear(known, event, policies)
    return nurtured(known)


def test_a_lead_that_jumps_over_the_band_without_qualifying_is_nurtured() -> None:
    (spell,) = spells(risen())
    assert (spell.cadence, spell.started_at, spell.open_since) == ("warm_up", at("mon 10:00"), at("mon 10:00"))
    assert spell.profile == (("industry", "manufacturing"), ("title_level", "founder"))


def test_a_qualified_lead_is_not_and_costs_no_look() -> None:
    score = scored("mon 10:00", "sql", "raw", 85_000)
    assert not matters(score, POLICIES)
    for order in permutations((score, qualified("mon 10:00"))):
        assert spells(*order) == []


def test_qualifying_later_stops_it_in_whatever_order_that_is_heard() -> None:
    scores = (risen(), scored("tue 10:00", "sql", "sql", 90_000))
    crossing = qualified("tue 10:00")
    found = [spells(*order) for order in ((*scores, crossing), (crossing, *scores), (scores[0], crossing, scores[1]))]
    assert found[0] == found[1] == found[2]
    ((spell,), *_) = found
    assert (spell.open_since, spell.stopped_at, spell.reason) == (None, at("tue 10:00"), "qualified")


def test_it_goes_on_through_the_band_and_stops_below_it() -> None:
    rises = (scored("mon 09:00", "mql", "raw", 65_000, attributes=FOUNDER), risen("mon 10:00", "mql"))
    sinks = scored("tue 10:00", "mql", "sql", 61_000, cause="decay", attributes=FOUNDER)
    (spell,) = spells(*rises, sinks)
    assert (spell.started_at, spell.open_since) == (at("mon 09:00"), at("mon 09:00"))
    (spell,) = spells(risen(), sinks)
    assert spell.open_since == at("mon 10:00")
    for previous, before in (("mql", (risen(), sinks)), ("sql", (risen(),))):
        (spell,) = spells(*before, scored("wed 10:00", "raw", previous, 10_000, cause="decay"))
        assert (spell.open_since, spell.stopped_at, spell.reason) == (None, at("wed 10:00"), "left_tier")


@pytest.mark.parametrize("cause", ["decay", "scorecard"])
def test_neither_time_nor_a_scorecard_starts_it(cause: str) -> None:
    assert spells(risen(cause=cause)) == []


def test_whose_policy_has_no_cadence_for_the_nurture_pool_starts_none() -> None:
    none = InForce(POLICY, CALENDARS, Plan(parse_cadences({"cadences": []}), 1))
    assert spells(risen(), policies=none) == []


def test_a_lead_in_another_cadence_than_the_pools_keeps_it() -> None:
    step = {"day": 0, "content": "thanks"}
    cadences = [
        {"name": "warm_up", "when": "score > 99.0", "steps": [step]},
        {"name": "hot", "when": "tier == 'mql'", "steps": [step]},
    ]
    two = InForce(POLICY, CALENDARS, Plan(parse_cadences({"cadences": cadences}), 1))
    warm = scored("mon 09:00", "mql", "raw", 65_000, attributes=FOUNDER)
    (spell,) = spells(warm, risen("mon 10:00", "mql"), policies=two)
    assert (spell.cadence, spell.open_since) == ("hot", at("mon 09:00"))
    (spell,) = spells(risen(), policies=two)
    assert spell.cadence == "warm_up"
