"""A lead's facts and what it adds to the figures, whatever the order of its events."""

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from analytics.counting import recounted, total
from analytics.domain.basis import Basis
from analytics.domain.contribution import DIMENSIONS, MEASURES, UNKNOWN, Cell, contribution, local_day, of_teams
from analytics.domain.facts import NOTHING, Facts, micros, pack, unpack
from analytics.domain.fold import fold
from analytics.domain.place import claims, place
from analytics.store import Kept, Place
from shared.contracts import Attributes, ClockBreached, ClockExcused, Event, LeadCaptured
from tests.support.examples import examples
from tests.support.lead_stories import a_story, an_id

START = datetime(2026, 5, 4, tzinfo=UTC)
BASIS = Basis("Asia/Ho_Chi_Minh")


@given(seed=st.integers(0, 2**32))
@examples(300)
def test_every_order_of_the_events_gives_the_same_facts_to_the_bit(seed: int) -> None:
    rng = random.Random(seed)
    told = [(an_id(rng), event) for event in a_story(rng, START)]
    facts = fold(NOTHING, told)
    rng.shuffle(told)
    again = fold(NOTHING, told)

    assert again == facts
    assert pack(again) == pack(facts)
    assert unpack(pack(facts)) == facts
    assert contribution(again, BASIS) == contribution(facts, BASIS)
    assert claims(again) == claims(facts) or sorted(claims(again)) == sorted(claims(facts))
    assert place(again) == place(facts)


@given(seed=st.integers(0, 2**32))
@examples(150)
def test_what_each_event_changes_adds_up_to_the_contribution(seed: int) -> None:
    rng = random.Random(seed)
    told = [(an_id(rng), event) for event in a_story(rng, START)]
    lead_id = an_id(rng)
    states: list[Facts] = [NOTHING]
    for each in told:
        states.append(fold(states[-1], [each]))
    changes = [
        recounted(Kept(lead_id, 3, 0, BASIS.text, before), after, BASIS, 0)[1] for before, after in pairwise(states)
    ]
    summed = {key: measures for key, measures in total(changes).items() if any(measures)}

    expected = contribution(states[-1], BASIS)
    assert summed == {Place(3, 0, cell): measures for cell, measures in expected.items() if any(measures)}


@given(seed=st.integers(0, 2**32))
@examples(150)
def test_every_dimension_holds_the_lead_once(seed: int) -> None:
    rng = random.Random(seed)
    cells = contribution(fold(NOTHING, [(an_id(rng), event) for event in a_story(rng, START)]), BASIS)
    totals = {
        dimension: tuple(map(sum, zip(*(m for cell, m in cells.items() if cell.dimension == dimension), strict=True)))
        for dimension in DIMENSIONS
        if dimension != "promise"
    }

    assert len(set(totals.values())) == 1
    assert totals["source"] == () or totals["source"][MEASURES.index("leads")] == 1


@given(seed=st.integers(0, 2**32))
@examples(150)
def test_what_teams_see_adds_up_to_the_cells_by_team_and_by_rep(seed: int) -> None:
    rng = random.Random(seed)
    facts = fold(NOTHING, [(an_id(rng), event) for event in a_story(rng, START)])
    added: dict[Cell, list[int]] = {}
    for team in ("north", "south", UNKNOWN):
        seen = of_teams(facts, BASIS, frozenset({team}))
        assert {cell.value for cell in seen if cell.dimension == "team"} <= {team}
        for cell, measures in seen.items():
            known = added.setdefault(cell, [0] * len(MEASURES))
            added[cell] = [have + more for have, more in zip(known, measures, strict=True)]

    every = contribution(facts, BASIS).items()
    expected = {cell: [*sums] for cell, sums in every if cell.dimension in ("team", "rep") and any(sums)}
    assert added == expected


def test_a_change_of_basis_takes_out_what_was_put_in_on_the_old_one() -> None:
    facts = Facts(captured=micros(datetime(2026, 5, 3, 20, tzinfo=UTC)), captured_recorded=1)
    row, changes = recounted(Kept(an_id(random.Random(1)), 0, 0, "UTC accepted 86400", facts), facts, BASIS, 0)

    days = {(key.cell.day.day, measures[0]) for key, measures in changes if key.cell.dimension == "source"}
    assert days == {(3, -1), (4, 1)}
    assert row.kept.basis == BASIS.text


def test_a_rebuilt_lead_moves_to_the_new_generation_of_cells() -> None:
    facts = Facts(captured=0, captured_recorded=0)
    _, changes = recounted(Kept(an_id(random.Random(1)), 0, 0, BASIS.text, facts), facts, BASIS, 7)

    cell = Cell("source", "unknown", local_day(0, BASIS.zone))
    assert {key.generation: measures[0] for key, measures in changes if key.cell == cell} == {0: -1, 7: 1}


def test_a_breach_that_a_manager_forgave_counts_no_more_whatever_comes_first() -> None:
    rng = random.Random(7)
    head: dict[str, Any] = {"lead_id": an_id(rng), "occurred_at": START, "recorded_at": START}
    clock: dict[str, Any] = {
        "clock_id": an_id(rng), "promise": "first_contact", "due_at": START, "handoff_id": an_id(rng),
        "owner": "ann", "team": "north",
    }  # fmt: skip
    breached = (an_id(rng), ClockBreached(**head, **clock))
    excused = (an_id(rng), ClockExcused(**head, **clock, reason="illness", by="huong", breached=True))
    captured = (an_id(rng), LeadCaptured(**head, submission_id=an_id(rng), attributes=Attributes()))

    def breaches(*told: tuple[UUID, Event]) -> int:
        cells = contribution(fold(NOTHING, told), BASIS)
        return sum(
            measures[MEASURES.index("breaches")] for cell, measures in cells.items() if cell.dimension == "promise"
        )

    assert breaches(captured, breached) == 1
    assert breaches(captured, breached, excused) == breaches(captured, excused, breached) == 0
