"""The figures of many leads at once: equal moves are shared and counted, unequal ones never mixed up."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from analytics.counting import Changes, recounted, total
from analytics.domain.basis import Basis
from analytics.domain.contribution import contribution
from analytics.domain.facts import NOTHING
from analytics.domain.fold import fold, tells
from analytics.store import Kept, Place
from shared.contracts import Attributes, ClockStarted, LeadCaptured
from tests.support.examples import examples
from tests.support.lead_stories import a_story, an_id

START = datetime(2026, 5, 4, tzinfo=UTC)
BASIS = Basis("Asia/Ho_Chi_Minh")


@given(seed=st.integers(0, 2**32))
@examples(40)
def test_the_figures_of_leads_that_stand_alike_are_the_sum_of_each_one(seed: int) -> None:
    rng = random.Random(seed)
    # each story is told of several leads, so that moves come more than once
    stories = [[(an_id(rng), event) for event in a_story(rng, START)] for _ in range(4)] * 3
    leads = [(an_id(rng), rng.randrange(2), told, fold(NOTHING, told)) for told in stories]
    halfway = [fold(NOTHING, told[: len(told) // 2]) for _, _, told, _ in leads]
    moves = [
        recounted(Kept(lead_id, lane, 0, BASIS.text, before), after, BASIS, 0)[1]
        for (lead_id, lane, _, last), half in zip(leads, halfway, strict=True)
        for before, after in ((NOTHING, half), (half, last))
    ]

    expected: Changes = {}
    for _, lane, _, facts in leads:
        for cell, measures in contribution(facts, BASIS).items():
            known = expected.get(Place(lane, 0, cell), (0,) * len(measures))
            expected[Place(lane, 0, cell)] = tuple(map(int.__add__, known, measures))
    assert {key: each for key, each in total(moves).items() if any(each)} == {
        key: each for key, each in expected.items() if any(each)
    }


def test_a_changed_contribution_is_the_callers_own() -> None:
    facts = fold(NOTHING, [(an_id(random.Random(1)), _captured())])
    contribution(facts, BASIS).clear()

    assert contribution(facts, BASIS)


def test_an_event_that_nothing_is_counted_of_leaves_the_same_facts() -> None:
    rng = random.Random(2)
    facts = fold(NOTHING, [(an_id(rng), _captured())])
    started = ClockStarted(
        lead_id=an_id(rng),
        occurred_at=START + timedelta(hours=1),
        recorded_at=START + timedelta(hours=1),
        clock_id=an_id(rng),
        promise="first_contact",
        due_at=START + timedelta(hours=2),
        started_at=START,
    )

    assert not tells(started)
    assert tells(_captured())
    assert fold(facts, [(an_id(rng), started)]) is facts


def _captured() -> LeadCaptured:
    lead_id = an_id(random.Random(3))
    return LeadCaptured(
        lead_id=lead_id,
        occurred_at=START,
        recorded_at=START,
        submission_id=lead_id,
        attributes=Attributes(source="ads"),
    )
