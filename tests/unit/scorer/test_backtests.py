"""A draft against the live scorecard over leads' histories: who crosses when, for whom, and how right that was."""

from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.domain.comparing import Difference, Sums, Window, compare, joined, week_of
from scorer.domain.differing import differences
from scorer.domain.dossier import EMPTY, Dossier, absorbed, captured, effective, ended, judged, updated
from scorer.domain.dossier_json import from_json, to_json
from scorer.domain.episodes import decide
from scorer.domain.instants import from_us, to_us
from scorer.domain.replaying import MAX_STEPS, history, replay
from scorer.domain.scorecard import Scorecard
from scorer.reporting import changes_in_words
from scorer.words import Language
from tests.support.examples import examples
from tests.unit.scorer.builders import START, a_document, a_lead, after, did, scorecard_of
from tests.unit.scorer.strategies import facts, folded, scorecards

CARD = scorecard_of(a_document())
END = after(60)


def window(start: datetime = START - timedelta(days=400), end: datetime = END) -> Window:
    return Window(to_us(start), to_us(end), to_us(END))


def a_draft(**points: float) -> Scorecard:
    """The small scorecard with other points."""
    document = a_document()
    for rule in document["rules"]:
        rule["points"] = points.get(rule["id"], rule["points"])
    return scorecard_of(document, 0)


def tried(lead: Dossier, draft: Scorecard, within: Window | None = None) -> tuple[Difference | None, Sums]:
    sums = Sums()
    return compare(sums, lead, CARD, draft, within or window())[0], sums


def crossings(lead: Dossier, card: Scorecard = CARD) -> list[datetime]:
    return [from_us(at_us) for at_us in replay(history(lead, to_us(END)), card).crossings_us]


@given(document=scorecards(), lead=st.lists(facts(may_erase=True), max_size=12).map(folded))
@examples(150)
def test_the_same_scorecard_differs_in_nothing(document: dict[str, Any], lead: Dossier) -> None:
    sums = Sums()
    difference, _ = compare(sums, lead, scorecard_of(document, 3), scorecard_of(document, 0), window())
    assert difference is None
    assert sums.differences == {}
    assert sums.crossed_live == sums.crossed_draft
    assert sums.live == sums.draft
    assert all(live == draft for live, draft in (*sums.weeks.values(), *sums.whose.values()))


@given(document=scorecards(), lead=st.lists(facts(), max_size=10).map(folded))
@examples(100)
def test_a_replay_crosses_when_the_service_would_have(document: dict[str, Any], lead: Dossier) -> None:
    """Facts folded one instant after the other, each decided at once, and at every change that time brings."""
    card = scorecard_of(document)
    past = history(lead, to_us(END))
    moments = [from_us(at_us) for at_us, _ in past.moments]
    live, told = EMPTY, []
    for index, at in enumerate(moments):
        until = moments[index + 1] if index + 1 < len(moments) else END
        known = past.moments[index][1]
        live = Dossier(
            known.own, known.captured_us, endings=known.endings, standing=live.standing, episodes=live.episodes
        )
        due: datetime | None = at
        while due is not None and due < until:
            outcome = decide(live, card, due)
            told += [due] * (outcome.qualified is not None)
            live, due = outcome.dossier, outcome.next_change
    assert crossings(lead, card) == told


@given(lead=st.lists(facts(), max_size=12).map(folded))
def test_at_the_end_of_a_history_all_is_known(lead: Dossier) -> None:
    past = history(lead, to_us(END))
    if past.moments:
        last = past.moments[-1][1].own
        assert last.attributes == effective(lead).attributes
        assert last.engagements == effective(lead).engagements


def test_what_a_lead_no_longer_says_of_itself_is_known_of_the_lead_that_was_merged_into_it() -> None:
    lead = captured(EMPTY, fact_id="a", occurred_at=START, attributes={})
    lead = absorbed(lead, merge_id="m", fact_id="b", occurred_at=after(1), attributes={"industry": "manufacturing"})
    lead = updated(lead, fact_id="c", occurred_at=after(2), attributes={"industry": "retail"})
    lead = updated(lead, fact_id="d", occurred_at=after(3), attributes={}, cleared=["industry"])
    known = [moment.own.attributes.get("industry") for _, moment in history(lead, to_us(END)).moments]
    assert [said and said.value for said in known] == [None, "manufacturing", "retail", "manufacturing"]


def test_a_dearer_rule_lets_leads_cross_that_did_not_and_others_earlier() -> None:
    near = did(a_lead(industry="manufacturing"), "price_page_viewed", after(1))  # 60
    difference, sums = tried(near, a_draft(price=30))
    assert difference == Difference("only_draft", None, to_us(after(1)), 0, 1)
    assert (sums.crossed_live, sums.crossed_draft, sums.differences) == (0, 1, {"only_draft": 1})
    both = did(near, "demo_requested", after(3))
    assert tried(both, a_draft(price=30))[0] == Difference("earlier", to_us(after(3)), to_us(after(1)), 1, 1)


def test_a_cheaper_rule_lets_leads_cross_no_more_or_later() -> None:
    lead = did(a_lead(industry="manufacturing"), "demo_requested", after(1))  # 80
    assert tried(lead, a_draft(demo=29))[0] == Difference("only_live", to_us(after(1)), None, 1, 0)
    later = did(lead, "price_page_viewed", after(2))
    assert tried(later, a_draft(demo=20))[0] == Difference("later", to_us(after(1)), to_us(after(2)), 1, 1)


def test_only_crossings_of_the_window_count_and_facts_end_with_it() -> None:
    lead = did(a_lead(industry="manufacturing"), "price_page_viewed", after(5))
    draft = a_draft(price=30)
    assert tried(lead, draft, window(start=after(5)))[0] is not None
    assert tried(lead, draft, window(start=after(5, minutes=1)))[0] is None
    assert tried(lead, draft, window(end=after(5)))[0] is None


def test_an_attribute_counts_from_when_it_was_said() -> None:
    lead = a_lead(industry="retail")
    lead = did(lead, "demo_requested", after(1))
    lead = updated(lead, fact_id="u", occurred_at=after(2), attributes={"industry": "manufacturing"})
    assert crossings(lead) == [after(2)]
    lead = updated(lead, fact_id="v", occurred_at=after(4), attributes={"industry": "retail"})
    assert crossings(lead) == [after(2)]
    assert crossings(from_json(to_json(lead))) == [after(2)]


def test_an_ending_ends_the_episode_then_open_whatever_its_number() -> None:
    lead = did(a_lead(industry="manufacturing"), "demo_requested", after(1))
    lead = ended(lead, fact_id="end", kind="recycled", occurred_at=after(3), episode=7)
    assert crossings(did(lead, "price_page_viewed", after(4))) == [after(1), after(4)]
    assert crossings(did(lead, "mail_opened", after(4))) == [after(1)]


def test_a_window_that_closes_between_two_facts_is_seen() -> None:
    document = a_document(rules=[rule | {"decay": "window(2)"} for rule in a_document()["rules"]])
    lead = did(a_lead(industry="manufacturing"), "demo_requested", START)
    lead = did(updated(lead, fact_id="u", occurred_at=after(5), attributes={"industry": "manufacturing"}),
               "demo_requested", after(5), key="again")  # fmt: skip
    assert crossings(lead, scorecard_of(document)) == [START, after(5)]  # it left the tier after two days


def test_nothing_is_replayed_of_test_leads_and_of_the_erased() -> None:
    lead = did(a_lead(industry="manufacturing", is_test=True), "demo_requested")
    assert tried(lead, a_draft(demo=0)) == (None, Sums())


def test_a_life_without_end_is_cut_short_and_counted() -> None:
    lead = a_lead()
    for index in range(MAX_STEPS + 10):
        lead = updated(lead, fact_id=f"{index}", occurred_at=after(minutes=index), attributes={f"a{index}": "x"})
    assert replay(history(lead, to_us(END)), CARD).cut_short


def test_precision_and_recall_count_what_was_caught_before_sales_spoke() -> None:
    good = judged(
        did(a_lead(industry="manufacturing"), "demo_requested", after(1)),
        fact_id="g", kind="activated", occurred_at=after(2), owner="",
    )  # fmt: skip
    bad = judged(
        did(a_lead(industry="manufacturing"), "demo_requested", after(1)),
        fact_id="b", kind="rejected", occurred_at=after(2), owner="minh",
    )  # fmt: skip
    late = did(judged(a_lead(industry="manufacturing"), fact_id="w", kind="won", occurred_at=after(1)),
               "demo_requested", after(9))  # fmt: skip
    silent = did(a_lead(industry="manufacturing", country="VN"), "demo_requested", after(1))
    sums = Sums()
    for lead in (good, bad, late, silent):
        compare(sums, lead, CARD, a_draft(demo=10, price=10), window())
    assert (sums.good, sums.bad, sums.won) == (2, 1, 1)
    assert (sums.live.good, sums.live.bad, sums.live.unjudged, sums.live.won) == (1, 1, 1, 0)
    assert sums.draft.good == sums.draft.bad == 0
    assert sums.whose == {"owner:minh": (1, 0), "country:VN": (1, 0), "other": (2, 0)}
    assert sums.weeks == {week_of(START.date()).isoformat(): (3, 0), "2024-03-11": (1, 0)}


@given(leads=st.lists(st.lists(facts(), max_size=6).map(folded), max_size=6), cut=st.integers(0, 6))
@examples(40)
def test_chunks_add_up_to_the_whole(leads: list[Dossier], cut: int) -> None:
    draft = a_draft(price=30, demo=25)
    whole = reduce(lambda sums, lead: (compare(sums, lead, CARD, draft, window()), sums)[1], leads, Sums())
    parts = [Sums(), Sums()]
    for index, lead in enumerate(leads):
        compare(parts[index >= cut], lead, CARD, draft, window())
    assert joined(*parts) == whole


def test_how_many_would_cross_now_goes_by_how_leads_stand() -> None:
    lead = decide(did(a_lead(industry="manufacturing"), "price_page_viewed", after(1)), CARD, after(1)).dossier
    assert tried(lead, a_draft(price=30))[1].would_cross_now == 1
    assert tried(lead, a_draft())[1].would_cross_now == 0
    crossed = decide(did(lead, "demo_requested", after(2)), CARD, after(2)).dossier
    assert tried(crossed, a_draft(price=30))[1].would_cross_now == 0  # its episode is open


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "Rule “Prices”: 10 points → 20 points",
                "Rule “demo”: removed, was 30 points, group behaviour, for demo_requested",
                "Line where sales must act: score >= 80 → score >= 70",
            ],
        ),
        (
            "zh",
            [
                "规则“价格页”：10 分 → 20 分",
                "规则“demo”：删除，原为 30 分, 分组 behaviour, 行为 demo_requested",
                "达标条件：score >= 80 → score >= 70",
            ],
        ),
        (
            "vi",
            [
                "Tiêu chí “Báo giá”: 10 điểm → 20 điểm",
                "Tiêu chí “demo”: bỏ, trước là 30 điểm, nhóm behaviour, cho demo_requested",
                "Điều kiện chuyển Sales: score >= 80 → score >= 70",
            ],
        ),
    ],
)
def test_two_scorecards_differ_in_words(language: Language, words: list[str]) -> None:
    document = a_document()
    document["rules"][2]["title"] = {"en": "Prices", "zh": "价格页", "vi": "Báo giá"}
    live = scorecard_of(document)
    document["rules"][2] |= {"points": 20, "reason": "changed"}
    del document["rules"][1]
    draft = scorecard_of(document | {"qualify": "score >= 70"})
    said = [change["words"] for change in changes_in_words(live, draft, language)]
    assert sorted(said) == sorted(words)


def test_titles_reasons_and_order_are_no_difference() -> None:
    document = a_document()
    live = scorecard_of(document)
    document["rules"].reverse()
    document["rules"][0] |= {"title": {"en": "Prices"}, "reason": "why"}
    assert differences(live, scorecard_of(document)) == ()


def test_a_pace_is_checked() -> None:
    card = scorecard_of(a_document(apply={"crossings_per_minute": 5}))
    assert (card.pace.crossings_per_minute, card.pace.leads_per_minute) == (5, 6000)
    with pytest.raises(AssertionError, match="out of range"):
        scorecard_of(a_document(apply={"crossings_per_minute": 0}))


def test_a_capture_told_twice_keeps_the_first_words() -> None:
    lead = captured(
        a_lead(industry="retail"), fact_id="later", occurred_at=after(1), attributes={"industry": "manufacturing"}
    )
    again = captured(lead, fact_id="captured", occurred_at=START, attributes={"industry": "retail"})
    assert again == lead
    assert [each.value for each in lead.own.earlier["industry"]] == ["retail"]
