"""What a lead lacks to its next tier and to the line, as data and as sentences in three languages."""

from datetime import datetime
from typing import Any

import pytest

from scorer.domain.dossier import Dossier, ended
from scorer.domain.episodes import decide
from scorer.domain.scorecard import Scorecard
from scorer.explaining import shown
from scorer.words import KINDS, Language, age_in_words
from shared.runtime.ids import new_id
from tests.unit.scorer.builders import START, a_document, a_lead, after, did, preset, scorecard_of

CARD = preset("eighty-sixty")
MONTH = "within_1_month"
PRIYA = did(
    did(a_lead(industry="manufacturing", title_level="founder", timeframe=MONTH), "case_study_downloaded"),
    "demo_requested",
)
LINH = a_lead(industry="manufacturing", title_level="director", timeframe=MONTH)


def lack(lead: Dossier, card: Scorecard = CARD, *, at: datetime = START, language: Language = "en") -> dict[str, Any]:
    told: Any = shown(new_id(), decide(lead, card, at).dossier, card, at, language)["to_next_tier"]
    return told


def test_priya_lacks_one_act_and_no_points() -> None:
    told = lack(PRIYA)  # 85
    assert (told["tier"], told["missing"], told["qualifies"]) == (None, 0, False)
    assert told["high_value"] == [{"days": 7, "have": 1, "need": 2, "missing": 1}]
    assert told["sentences"] == ["1 more high-value act in 7 days"]
    assert lack(PRIYA, language="zh")["sentences"] == ["7 天内还需 1 次高价值行为"]
    assert lack(PRIYA, language="vi")["sentences"] == ["Cần thêm 1 hành vi giá trị cao trong 7 ngày"]


def test_an_old_act_counts_no_more() -> None:
    assert lack(PRIYA, at=after(8))["sentences"] == ["2 more high-value acts in 7 days"]


def test_linh_lacks_five_points_and_the_ways_to_them_come_with_their_true_gain() -> None:
    told = lack(did(LINH, "demo_requested"))  # 75
    assert (told["tier"], told["label"], told["missing"]) == ("sql", "SQL", 5)
    gains = {way["rule"]: way["gain"] for way in told["alone"]}
    assert gains["price-page"] == 10
    assert gains["trial"] == 25  # 30, but the score ends at 100
    assert gains["title-founder"] == 5  # the highest title counts alone
    assert "demo" not in gains
    assert told["sentences"][0] == "5 more points to SQL"
    assert told["sentences"][-1] == "1 more high-value act in 7 days"


def test_where_no_rule_is_enough_a_few_together_are() -> None:
    told = lack(a_lead(industry="manufacturing"))  # 10, 50 missing
    assert told["alone"] == []
    assert [way["rule"] for way in told["together"]] == ["demo", "trial"]
    assert told["sentences"][1] == "Together these would be enough: Asked for a demo +30, Asked for a trial +30"


def test_where_nothing_helps_it_says_so() -> None:
    card = scorecard_of(a_document(rules=a_document()["rules"][1:]))  # 40 at most
    assert lack(a_lead(), card)["sentences"][1] == "No rules of this scorecard together can close it"


def test_a_line_that_asks_for_something_else_is_told_as_it_is() -> None:
    card = scorecard_of(a_document(qualify='score >= 80 && lead.country == "VN"'))
    told = lack(a_lead(industry="manufacturing", country="TH"), card)
    assert told["sentences"][-1] == 'The line asks for more than points and acts: score >= 80 && lead.country == "VN"'


def test_a_lead_that_sales_let_go_needs_a_new_act() -> None:
    lead = decide(did(PRIYA, "price_page_viewed"), CARD, START).dossier
    assert lack(lead)["sentences"] == ["Qualified, nothing is missing"]
    gone = ended(lead, fact_id="end", kind="rejected", occurred_at=after(1))
    told = lack(gone, at=after(2))
    assert told["sentences"] == [
        "Sales let this lead go: it takes a new act, one that is younger than 2024-03-05 09:00 UTC"
    ]
    assert lack(did(gone, "price_page_viewed", after(2), key="new"), at=after(2))["new_act_after"] is None


@pytest.mark.parametrize("language", ["en", "zh", "vi"])
def test_every_sentence_and_every_kind_is_there_in_every_language(language: Language) -> None:
    for lead in (LINH, PRIYA, a_lead(), did(a_lead(), "mail_opened")):
        told: Any = shown(new_id(), decide(lead, CARD, START).dossier, CARD, after(3), language)
        assert all(told["to_next_tier"]["sentences"])
        for part in told["parts"]:
            assert part["title"]
            assert part["age"]
            assert part["fact"]["title"] == KINDS[part["fact"]["kind"].removeprefix("lead.")][language]


def test_ages_are_told_in_the_largest_sensible_unit() -> None:
    assert [age_in_words(age, "en") for age in (59, 3600, 5400, 86_400, 200_000, 864_000)] == [
        "0 min ago", "60 min ago", "1 h ago", "24 h ago", "2 days ago", "10 days ago",
    ]  # fmt: skip
    assert age_in_words(864_000, "zh") == "10 天前"
