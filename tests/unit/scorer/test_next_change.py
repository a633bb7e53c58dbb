"""The next change by time alone is computed, exact for ordinary leads and never late."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.domain.change import next_change
from scorer.domain.dossier import Dossier, effective
from scorer.domain.instants import to_us
from scorer.domain.parse import parse
from scorer.domain.qualify import qualifies
from scorer.domain.scorecard import Scorecard
from scorer.domain.scoring import score
from tests.unit.scorer.builders import START, a_document, a_lead, after, did, scorecard_of
from tests.unit.scorer.strategies import dossiers, scorecards

MICROSECOND = timedelta(microseconds=1)


def standing(lead: Dossier, card: Scorecard, at: datetime) -> tuple[str, bool]:
    now = score(lead, card, at)
    return now.tier.name, qualifies(card, effective(lead), now.milli, to_us(at))


def fading(decay: str, **changes: Any) -> Scorecard:
    rules: list[dict[str, Any]] = [
        {"id": "industry", "group": "fit", "points": 50, "when": 'lead.industry == "manufacturing"', "decay": "none"},
        {"id": "demo", "group": "behaviour", "points": 40, "kind": "demo_requested"},
    ]
    return scorecard_of(a_document(decay=decay, rules=rules, **changes))


LEAD = did(a_lead(industry="manufacturing"), "demo_requested")


def test_linear_decay_leaves_the_tier_just_after_it_touches_the_edge() -> None:
    assert next_change(LEAD, fading("linear(20)"), START) == after(5) + MICROSECOND


def test_a_window_ends_exactly() -> None:
    assert next_change(LEAD, fading("window(7)"), START) == after(7)


def test_a_half_life_crosses_one_tier_after_the_other() -> None:
    card = fading("half_life(10)")
    seen: list[str] = []
    at: datetime | None = START
    while at is not None:
        seen.append(score(LEAD, card, at).tier.name)
        at = next_change(LEAD, card, at)
    assert seen == ["sql", "mql", "raw"]


def test_nothing_changes_without_decay_or_window() -> None:
    assert next_change(LEAD, scorecard_of(a_document()), START) is None
    assert next_change(a_lead(is_test=True), fading("window(7)"), START) is None


def test_a_high_value_engagement_leaves_its_window() -> None:
    card = scorecard_of(a_document(qualify="score >= 80 && high_value(7) >= 2"))
    lead = did(LEAD, "price_page_viewed", after(2))
    assert next_change(lead, card, after(2)) == after(7)
    assert next_change(lead, card, after(7)) is None


def test_a_threshold_of_the_line_inside_a_tier_is_seen() -> None:
    card = fading("linear(20)", qualify="score >= 85")
    assert next_change(LEAD, card, START) == after(2.5) + MICROSECOND


def test_opposite_decays_that_hover_at_a_threshold_cost_a_bounded_search_and_still_move_on() -> None:
    rules: list[dict[str, Any]] = [
        {"id": "up", "group": "fit", "points": 60, "kind": "demo_requested", "decay": "half_life(40)"},
        {"id": "down", "group": "fit", "points": -60, "kind": "demo_requested", "decay": "half_life(40)"},
        {"id": "base", "group": "fit", "points": 80, "when": "true"},
    ]
    card = scorecard_of(a_document(rules=rules))
    found = next_change(LEAD, card, START)
    assert found is not None
    assert found > START


@given(document=scorecards(), lead=dossiers(), start=st.integers(0, 40), samples=st.lists(st.integers(1, 86_400 * 40)))
def test_no_sampled_instant_before_the_next_change_differs(
    document: dict[str, Any], lead: Dossier, start: int, samples: list[int]
) -> None:
    card = parse(document, 1).scorecard
    assert card is not None
    at = after(start / 2)
    found = next_change(lead, card, at)
    here = standing(lead, card, at)
    for sample in [at + timedelta(seconds=second) for second in samples]:
        if found is None or sample < found:
            assert standing(lead, card, sample) == here
    if found is not None:
        assert found > at
        assert standing(lead, card, found - MICROSECOND) == here


@pytest.mark.parametrize("decay", ["linear(20)", "half_life(10)", "window(7)"])
def test_the_next_change_is_a_change(decay: str) -> None:
    card = fading(decay)
    found = next_change(LEAD, card, START)
    assert found is not None
    assert standing(LEAD, card, found) != standing(LEAD, card, START)
    assert standing(LEAD, card, found - MICROSECOND) == standing(LEAD, card, START)
