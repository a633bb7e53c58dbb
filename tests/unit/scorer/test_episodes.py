"""What is said of a lead, and when it crosses the line again."""

from datetime import datetime
from typing import Any

import pytest

from scorer.domain.dossier import EMPTY, Dossier, EndingKind, ended, erased, updated
from scorer.domain.episodes import LEFT_TIER, Outcome, decide
from scorer.domain.scorecard import Scorecard
from tests.unit.scorer.builders import START, a_document, a_lead, after, did, scorecard_of

CARD = scorecard_of(a_document(qualify="score >= 80 && high_value(7) >= 1"))


def fading(version: int = 1, **changes: Any) -> Scorecard:
    rules = a_document()["rules"]
    rules[1]["decay"] = "linear(20)"
    return scorecard_of(a_document(rules=rules, **changes), version)


def qualified(at: datetime = START, card: Scorecard = CARD) -> Dossier:
    outcome = decide(did(a_lead(industry="manufacturing"), "demo_requested", at), card, at)
    assert outcome.qualified == 1
    return outcome.dossier


def said(outcome: Outcome) -> tuple[str | None, int | None]:
    return (outcome.scored.cause if outcome.scored else None, outcome.qualified)


def test_the_first_fold_always_says_a_score_even_of_zero() -> None:
    outcome = decide(a_lead(), CARD, START)
    assert said(outcome) == ("fact", None)
    assert outcome.score is not None
    assert outcome.score.milli == 0


def test_nothing_is_said_before_the_lead_is_captured() -> None:
    early = did(EMPTY, "demo_requested")
    assert decide(early, CARD, START) == Outcome(early)


def test_test_leads_and_erased_leads_do_nothing() -> None:
    for lead in (a_lead(is_test=True, industry="manufacturing"), erased(qualified(), occurred_at=after(1))):
        assert decide(lead, CARD, after(1)) == Outcome(lead)


def test_asked_twice_it_says_nothing_new() -> None:
    assert said(decide(qualified(), CARD, START)) == (None, None)


def test_a_fact_that_changes_no_points_says_nothing() -> None:
    lead = did(qualified(), "mail_opened", after(1))
    assert said(decide(lead, CARD, after(1))) == (None, None)


def test_one_episode_stays_one_however_much_the_lead_does() -> None:
    lead = did(qualified(), "price_page_viewed", after(1))
    assert said(decide(lead, CARD, after(1))) == ("fact", None)


@pytest.mark.parametrize("kind", ["recycled", "rejected", "lost"])
def test_after_an_ending_new_high_value_behaviour_qualifies_again_more_than_once(kind: EndingKind) -> None:
    lead = qualified()
    for number in (2, 3, 4):
        lead = ended(lead, fact_id=f"end-{number}", kind=kind, occurred_at=after(number))
        rested = decide(lead, CARD, after(number))
        assert said(rested) == (None, None)
        lead = did(rested.dossier, "mail_opened", after(number, minutes=30))
        assert decide(lead, CARD, after(number, minutes=30)).qualified is None
        again = decide(did(lead, "price_page_viewed", after(number, minutes=60)), CARD, after(number, minutes=60))
        assert again.qualified == number
        lead = again.dossier


def test_behaviour_older_than_the_ending_qualifies_nobody() -> None:
    lead = ended(qualified(), fact_id="end", kind="lost", occurred_at=after(2))
    lead = did(lead, "price_page_viewed", after(1))
    assert decide(lead, CARD, after(3)).qualified is None


def test_an_ending_that_arrives_after_the_new_behaviour_ends_in_the_same_truth() -> None:
    lead = did(qualified(), "price_page_viewed", after(2))
    lead = decide(lead, CARD, after(2)).dossier
    late = decide(ended(lead, fact_id="end", kind="recycled", occurred_at=after(1)), CARD, after(3))
    assert late.qualified == 2


def test_a_repeated_ending_ends_one_episode_only() -> None:
    lead = ended(qualified(), fact_id="end", kind="lost", occurred_at=after(1))
    again = decide(did(lead, "price_page_viewed", after(1, minutes=1)), CARD, after(1, minutes=1))
    assert again.qualified == 2
    repeated = ended(again.dossier, fact_id="end", kind="lost", occurred_at=after(1))
    assert said(decide(repeated, CARD, after(2))) == (None, None)


def test_an_ending_of_an_earlier_episode_leaves_the_present_one_alone() -> None:
    lead = ended(qualified(), fact_id="end", kind="lost", occurred_at=after(1))
    lead = decide(did(lead, "price_page_viewed", after(2)), CARD, after(2)).dossier
    stale = ended(lead, fact_id="stale", kind="rejected", occurred_at=after(3), episode=1)
    assert decide(stale, CARD, after(3)).dossier.episodes[-1].ended_us is None


def test_decay_alone_speaks_only_when_the_tier_moves() -> None:
    card = fading()
    lead = qualified(card=card)
    assert said(decide(did(lead, "mail_opened", after(0.01)), card, after(0.01))) == ("decay", None)
    first = decide(lead, card, START)
    assert first.next_change is not None
    left = decide(first.dossier, card, first.next_change)
    assert said(left) == ("decay", None)
    assert left.dossier.episodes[-1].ended_by == LEFT_TIER
    assert said(decide(left.dossier, card, after(1))) == (None, None)


def test_a_fact_among_decaying_points_speaks_and_an_idle_one_does_not() -> None:
    card = fading(qualify="score >= 200")
    lead = decide(did(a_lead(), "demo_requested"), card, START).dossier
    assert said(decide(did(lead, "mail_opened", after(1)), card, after(1))) == (None, None)
    assert said(decide(did(lead, "demo_requested", after(1)), card, after(1))) == ("fact", None)
    tagged = updated(lead, fact_id="u", occurred_at=after(1), attributes={"country": "VN"})
    assert said(decide(tagged, card, after(1))) == (None, None)


def test_a_lead_that_left_the_tier_qualifies_again_when_it_comes_back() -> None:
    card = fading()
    lead = decide(qualified(card=card), card, after(1)).dossier
    assert lead.episodes[-1].ended_by == LEFT_TIER
    assert decide(did(lead, "demo_requested", after(2)), card, after(2)).qualified == 2


def test_a_window_that_runs_out_speaks_and_ends_no_episode() -> None:
    outcome = decide(qualified(), CARD, after(7))
    assert said(outcome) == ("decay", None)
    assert outcome.dossier.episodes[-1].ended_us is None


def test_another_scorecard_speaks_only_where_it_changes_something() -> None:
    same = scorecard_of(a_document(qualify="score >= 80 && high_value(7) >= 1"), 2)
    assert said(decide(qualified(), same, START)) == (None, None)
    richer = a_document()
    richer["rules"][0]["points"] = 55
    assert said(decide(qualified(), scorecard_of(richer, 2), START)) == ("scorecard", None)


def test_an_ending_that_closed_one_episode_cannot_close_the_next_that_began_at_the_same_instant() -> None:
    lead = ended(qualified(), fact_id="end", kind="lost", occurred_at=after(1))
    ahead = did(lead, "price_page_viewed", after(1, minutes=1))  # the sender's clock is a minute ahead
    again = decide(ahead, CARD, after(1))
    assert again.qualified == 2
    assert decide(again.dossier, CARD, after(1)).dossier.episodes[-1].ended_us is None
