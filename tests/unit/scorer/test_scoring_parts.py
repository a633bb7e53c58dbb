"""Caps, exclusions, decay and the explanation: the parts sum exactly to the score."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorer.domain.dossier import Dossier
from scorer.domain.parse import parse
from scorer.domain.scoring import score
from tests.unit.scorer.builders import START, a_document, a_lead, after, did, scorecard_of
from tests.unit.scorer.strategies import dossiers, scorecards

MANUFACTURING = "manufacturing"


def with_rules(*rules: dict[str, Any], groups: list[dict[str, Any]] | None = None) -> Any:
    return scorecard_of(a_document(rules=list(rules), groups=groups or [{"name": "fit"}, {"name": "behaviour"}]))


def rule(rule_id: str, points: float, kind: str = "demo_requested", **more: Any) -> dict[str, Any]:
    return {"id": rule_id, "group": "behaviour", "points": points, "kind": kind} | more


def test_a_cap_is_a_part_of_its_own() -> None:
    card = with_rules(
        rule("demo", 30), rule("price", 25, "price_page_viewed"), groups=[{"name": "behaviour", "cap": 40}]
    )
    result = score(did(did(a_lead(), "demo_requested"), "price_page_viewed"), card, START)
    assert [(part.rule, part.points_milli, part.kind) for part in result.parts] == [
        ("demo", 30_000, "rule"),
        ("price", 25_000, "rule"),
        ("behaviour", -15_000, "cap"),
    ]
    assert result.milli == 40_000


def test_an_outer_cap_holds_what_its_inner_groups_give() -> None:
    groups: list[dict[str, Any]] = [{"name": "outer", "cap": 35}, {"name": "behaviour", "within": "outer", "cap": 30}]
    card = with_rules(rule("demo", 40), rule("price", 20, "price_page_viewed", group="outer"), groups=groups)
    result = score(did(did(a_lead(), "demo_requested"), "price_page_viewed"), card, START)
    assert result.milli == 35_000
    assert sum(part.points_milli for part in result.parts) == 35_000


def test_negative_points_end_at_zero_and_too_many_at_a_hundred() -> None:
    negative = score(did(a_lead(), "demo_requested"), with_rules(rule("spam", -20)), START)
    assert (negative.milli, [part.points_milli for part in negative.parts]) == (0, [-20_000, 20_000])
    card = with_rules(rule("demo", 90), rule("price", 30, "price_page_viewed"))
    full = score(did(did(a_lead(), "demo_requested"), "price_page_viewed"), card, START)
    assert (full.milli, full.parts[-1].points_milli, full.parts[-1].kind) == (100_000, -20_000, "limit")


def test_each_kind_counts_once_unless_the_rule_says_each() -> None:
    lead = a_lead()
    for minute in range(5):
        lead = did(lead, "demo_requested", after(minutes=minute))
    assert score(lead, with_rules(rule("demo", 10)), after(1)).milli == 10_000
    assert score(lead, with_rules(rule("demo", 10, each=True)), after(1)).milli == 50_000
    counted = score(lead, with_rules(rule("demo", 10, each=True, max=3)), after(1))
    assert counted.milli == 30_000
    assert len({part.fact_id for part in counted.parts}) == 3


def test_content_narrows_an_engagement() -> None:
    lead = did(a_lead(), "demo_requested", content="CNC-Lathe")
    assert score(lead, with_rules(rule("demo", 10, content="cnc-lathe")), START).milli == 10_000
    assert score(lead, with_rules(rule("demo", 10, content="cnc*")), START).milli == 10_000
    assert score(lead, with_rules(rule("demo", 10, content=["mill", "press"])), START).milli == 0


def test_a_rule_may_ask_for_who_and_what_at_once() -> None:
    card = with_rules(rule("demo", 10, when=f'lead.industry == "{MANUFACTURING}"'))
    assert score(did(a_lead(industry=MANUFACTURING), "demo_requested"), card, START).milli == 10_000
    assert score(did(a_lead(industry="retail"), "demo_requested"), card, START).milli == 0
    assert score(a_lead(industry=MANUFACTURING), card, START).milli == 0


def test_decay_by_age() -> None:
    lead = did(a_lead(), "demo_requested")

    def left(decay: str, days: float) -> int:
        return score(lead, with_rules(rule("demo", 40, decay=decay)), after(days)).milli

    assert [left("none", days) for days in (0, 400)] == [40_000, 40_000]
    assert [left("linear(10)", days) for days in (0, 2.5, 10, 11)] == [40_000, 30_000, 0, 0]
    assert [left("half_life(10)", days) for days in (0, 10, 20, 400)] == [40_000, 20_000, 10_000, 0]
    assert [left("window(7)", days) for days in (0, 6.999, 7, 8)] == [40_000, 40_000, 0, 0]


def test_a_fading_rule_counts_the_freshest_engagement() -> None:
    lead = did(did(a_lead(), "demo_requested", after(0)), "demo_requested", after(5))
    result = score(lead, with_rules(rule("demo", 40, decay="linear(10)")), after(5))
    assert result.milli == 40_000
    assert (result.parts[0].occurred_at, result.parts[0].age_s) == (after(5), 0.0)


def test_a_fact_from_a_clock_ahead_of_ours_counts_with_age_zero() -> None:
    lead = did(a_lead(), "demo_requested", after(1))
    assert score(lead, with_rules(rule("demo", 40, decay="linear(10)")), START).milli == 40_000


def test_a_part_names_rule_fact_and_age() -> None:
    lead = did(a_lead(industry=MANUFACTURING), "demo_requested", key="e-1")
    result = score(lead, scorecard_of(a_document()), START + timedelta(hours=1))
    fit, demo = result.parts
    assert (fit.rule, fit.fact_kind, fit.fact_id) == ("industry", "lead.industry", "captured")
    assert (demo.rule, demo.fact_kind, demo.fact_id, demo.age_s) == ("demo", "demo_requested", "e-1", 3600.0)


def test_a_score_says_what_is_missing_to_the_next_tier() -> None:
    card = scorecard_of(a_document())
    low = score(a_lead(industry=MANUFACTURING), card, START)
    assert (low.tier.name, low.next_tier, low.missing_to_next_tier_milli) == ("raw", "mql", 10_000)
    top = score(did(a_lead(industry=MANUFACTURING), "demo_requested"), card, START)
    assert (top.tier.name, top.next_tier, top.missing_to_next_tier_milli) == ("sql", None, None)


def test_a_score_just_below_a_tier_is_compared_unrounded_and_never_shown_as_the_tier() -> None:
    card = with_rules(rule("demo", 79.999))
    result = score(did(a_lead(), "demo_requested"), card, START)
    assert (result.tier.name, result.shown) == ("mql", "79.9")


def test_a_rule_without_its_attribute_is_no_match_and_reported() -> None:
    result = score(a_lead(), scorecard_of(a_document()), START)
    assert (result.milli, [rule_id for rule_id, _ in result.undecided]) == (0, ["industry"])


def test_a_cleared_attribute_no_longer_scores() -> None:
    card = scorecard_of(a_document())
    lead = a_lead(industry=MANUFACTURING)
    assert score(lead, card, START).milli == 50_000
    assert score(a_lead(industry=None), card, START).milli == 0


@given(document=scorecards(), lead=dossiers(), days=st.floats(0, 60))
def test_the_parts_always_sum_exactly_to_the_score(document: dict[str, Any], lead: Dossier, days: float) -> None:
    card = parse(document, 1).scorecard
    assert card is not None
    result = score(lead, card, after(days))
    assert sum(part.points_milli for part in result.parts) == result.milli
    assert 0 <= result.milli <= 100_000
    assert result.tier.from_milli <= result.milli
