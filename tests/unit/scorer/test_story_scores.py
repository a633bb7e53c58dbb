"""The fourteen days' leads come out with the published scores under the preset `eighty-sixty`."""

from datetime import datetime

import pytest

from scorer.domain.dossier import Dossier
from scorer.domain.episodes import decide
from scorer.domain.scoring import score
from tests.unit.scorer.builders import START, a_lead, after, did, preset

CARD = preset("eighty-sixty")
MONTH = "within_1_month"


def milli(dossier: Dossier, at: datetime) -> int:
    return score(dossier, CARD, at).milli


def told(dossier: Dossier, at: datetime) -> Dossier:
    return decide(dossier, CARD, at).dossier


def test_linh_goes_from_45_to_75_to_85_and_qualifies_with_two_high_value_engagements() -> None:
    linh = told(a_lead(industry="manufacturing", title_level="director", timeframe=MONTH), START)
    assert milli(linh, START) == 45_000
    linh = did(linh, "demo_requested", after(minutes=318))
    first = decide(linh, CARD, after(minutes=318))
    assert (milli(linh, after(minutes=318)), first.qualified) == (75_000, None)
    assert first.score is not None
    assert (first.score.tier.name, first.score.tier.label) == ("mql", "MQL")
    linh = did(first.dossier, "price_page_viewed", after(minutes=329))
    second = decide(linh, CARD, after(minutes=329))
    assert (milli(linh, after(minutes=329)), second.qualified) == (85_000, 1)


def test_wang_lei_goes_from_50_to_65_to_75_to_85() -> None:
    wang = a_lead(industry="manufacturing", title_level="founder", timeframe=MONTH)
    scores = [milli(wang, START)]
    qualified: list[int | None] = []
    for kind in ("case_study_downloaded", "price_page_viewed", "quote_sheet_downloaded"):
        outcome = decide(did(wang, kind, after(1)), CARD, after(1))
        wang = outcome.dossier
        scores.append(milli(wang, after(1)))
        qualified.append(outcome.qualified)
    assert scores == [50_000, 65_000, 75_000, 85_000]
    assert qualified == [None, None, 1]


def test_an_intern_has_11() -> None:
    assert milli(a_lead(industry="manufacturing", title_level="intern"), START) == 11_000


def test_zhao_min_of_an_electronics_maker_has_45() -> None:
    assert milli(a_lead(industry="electronics", title_level="director", timeframe=MONTH), START) == 45_000


def test_hoa_with_exactly_80_belongs_to_the_upper_band() -> None:
    hoa = a_lead(industry="retail", title_level="founder", timeframe=MONTH)
    hoa = did(did(hoa, "demo_requested"), "price_page_viewed")
    outcome = decide(hoa, CARD, START)
    assert outcome.score is not None
    assert (outcome.score.milli, outcome.score.tier.name, outcome.qualified) == (80_000, "sql", 1)


def test_priya_at_85_with_one_high_value_engagement_waits_for_the_second() -> None:
    priya = a_lead(industry="food_beverage", title_level="founder", timeframe=MONTH)
    priya = did(did(priya, "case_study_downloaded"), "demo_requested")
    first = decide(priya, CARD, START)
    assert (milli(priya, START), first.qualified) == (85_000, None)
    priya = did(first.dossier, "price_page_viewed", after(minutes=5))
    second = decide(priya, CARD, after(minutes=5))
    assert (milli(priya, after(minutes=5)), second.qualified) == (95_000, 1)


def test_zhou_kai_lost_last_year_qualifies_on_new_behaviour() -> None:
    zhou = a_lead(industry="manufacturing", title_level="director", timeframe=MONTH, at=after(-300))
    zhou = told(did(zhou, "case_study_downloaded", after(-299)), START)
    assert milli(zhou, START) == 60_000
    zhou = did(did(zhou, "price_page_viewed", after(10)), "quote_sheet_downloaded", after(10, minutes=6))
    outcome = decide(zhou, CARD, after(10, minutes=6))
    assert (milli(zhou, after(10, minutes=6)), outcome.qualified) == (80_000, 1)


@pytest.mark.parametrize(
    ("level", "did_what", "tier"), [("founder", "demo_requested", "A"), ("director", "demo_requested", "B")]
)
def test_abcd_puts_80_in_a_and_the_rest_below(level: str, did_what: str, tier: str) -> None:
    lead = did(a_lead(industry="manufacturing", title_level=level, timeframe=MONTH), did_what)
    outcome = decide(lead, preset("abcd"), START)
    assert outcome.score is not None
    assert outcome.score.tier.name == tier
    assert outcome.qualified == (1 if tier == "A" else None)


def test_small_team_qualifies_a_founder_who_looks_at_prices() -> None:
    lead = did(a_lead(industry="manufacturing", title_level="founder"), "price_page_viewed")
    assert decide(lead, preset("small-team"), START).qualified == 1
