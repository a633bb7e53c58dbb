"""A dossier is the same for every order and repetition of the same events."""

import random
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorer.domain.dossier import (
    EMPTY,
    RETAINED_PER_KIND,
    absorbed,
    captured,
    effective,
    engaged,
    erased,
    merged,
    unmerged,
    updated,
)
from scorer.domain.dossier_json import from_json, to_json
from scorer.domain.episodes import decide
from scorer.domain.parse import parse
from scorer.domain.scoring import score
from tests.unit.scorer.builders import START, a_document, a_lead, after, did, scorecard_of
from tests.unit.scorer.strategies import Fact, facts, folded, scorecards


@given(
    events=st.lists(facts(may_erase=True), max_size=12),
    extra=st.lists(st.integers(0, 11), max_size=6),
    order=st.randoms(use_true_random=False),
    document=scorecards(),
)
def test_order_and_repetition_change_neither_dossier_nor_score(
    events: list[Fact], extra: list[int], order: random.Random, document: dict[str, Any]
) -> None:
    shuffled = [*events, *(events[index] for index in extra if index < len(events))]
    order.shuffle(shuffled)
    once, again = folded(events), folded(shuffled)
    assert to_json(once) == to_json(again)
    assert once == again
    card = parse(document, 1).scorecard
    assert card is not None
    assert score(once, card, after(20)) == score(again, card, after(20))


@given(events=st.lists(facts(), max_size=12))
def test_a_dossier_survives_json(events: list[Fact]) -> None:
    outcome = decide(folded(events), scorecard_of(a_document(decay="half_life(3)")), after(20))
    assert from_json(to_json(outcome.dossier)) == outcome.dossier


def test_the_latest_writer_of_an_attribute_wins_whatever_arrives_last() -> None:
    late = updated(a_lead(industry="retail"), fact_id="u2", occurred_at=after(2), attributes={"industry": "energy"})
    stale = updated(late, fact_id="u1", occurred_at=after(1), attributes={"industry": "finance"}, cleared=["country"])
    assert effective(stale).attributes["industry"].value == "energy"
    assert effective(stale).attributes["country"].value is None


def test_a_flood_of_one_kind_keeps_the_latest_and_pushes_out_no_other() -> None:
    lead = did(a_lead(), "demo_requested")
    for minute in range(RETAINED_PER_KIND + 40):
        lead = did(lead, "mail_opened", after(1, minutes=minute))
    kept = lead.own.engagements
    assert len(kept["demo_requested"]) == 1
    assert len(kept["mail_opened"]) == RETAINED_PER_KIND
    assert did(lead, "mail_opened", after(1)) == lead


def test_erasure_keeps_nothing_and_takes_nothing_more() -> None:
    gone = erased(did(a_lead(industry="retail"), "demo_requested"), occurred_at=after(3))
    assert did(gone, "demo_requested", after(4)) == gone
    assert b"retail" not in to_json(gone)
    assert erased(erased(EMPTY, occurred_at=after(5)), occurred_at=after(3)) == gone


def test_a_merge_fills_what_is_unknown_and_its_undoing_takes_it_back() -> None:
    own = did(a_lead(industry="retail"), "demo_requested", key="mine")
    brought = did(EMPTY, "price_page_viewed", key="theirs").own.engagements["price_page_viewed"]
    both = absorbed(
        own,
        merge_id="m",
        fact_id="f",
        occurred_at=after(1),
        attributes={"industry": "energy", "country": "VN"},
        engagements=brought,
    )
    facts_now = effective(both)
    assert facts_now.attributes["industry"].value == "retail"
    assert facts_now.attributes["country"].value == "VN"
    assert set(facts_now.engagements) == {"demo_requested", "price_page_viewed"}
    assert effective(unmerged(both, merge_id="m")) == own.own


def test_a_merged_lead_is_silent_until_it_is_unmerged() -> None:
    loser = merged(a_lead(industry="retail"), merge_id="m")
    card = scorecard_of(a_document())
    assert decide(loser, card, START).scored is None
    assert decide(unmerged(loser, merge_id="m"), card, START).scored is not None


def test_an_ordinary_dossier_stays_small() -> None:
    lead = captured(EMPTY, fact_id="0" * 36, occurred_at=START, attributes={"industry": "retail", "country": "VN"})
    for index in range(10):
        lead = engaged(
            lead, engagement_id=f"{index:036}", kind="mail_opened", occurred_at=START + timedelta(hours=index)
        )
    assert len(to_json(lead)) < 1_000
