"""Cadences: when they start and stop, which step is due when, which piece of content fits."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest

from sla_watcher.domain import NURTURE, Ending, Fact, LeadFacts, learn
from sla_watcher.domain.aside import IMPORT_WAKE, Watched, nurtured
from sla_watcher.domain.cadences import Cadence, Step, choose
from sla_watcher.domain.care import (
    Care,
    Consent,
    Entry,
    Pooled,
    Spell,
    consented,
    entered,
    fallen,
    pooled,
)
from sla_watcher.domain.runs import Plan, Run, StepState, fall_due, next_step_at, settle, state_of
from sla_watcher.policies import parse_cadences
from tests.unit.sla_watcher.leads import CALENDARS, LEAD, a_handoff, a_qualification, an_ending, at

PLAN = Plan(parse_cadences(NURTURE, CALENDARS), 7)
FOUNDER = (("industry", "manufacturing"), ("title_level", "founder"))


def warm(moment: str, score_milli: int = 65_000) -> Care:
    return entered(Care(), Entry(at(moment), "warm_up", score_milli, FOUNDER))


def watched(care: Care, *facts: Fact) -> Watched:
    known = LeadFacts(LEAD)
    for fact in facts:
        known = learn(known, fact)
    return Watched(known, care=care)


def run_of(lead: Watched, *recorded: Run) -> Run:
    before = {each.nurture_id: each for each in recorded}
    (run,) = settle(LEAD, nurtured(lead), before, PLAN, CALENDARS) or recorded
    return run


def only(lead: Watched) -> Spell:
    (spell,) = nurtured(lead)
    return spell


def test_days_are_elapsed_and_a_step_in_closed_hours_waits_for_the_next_opening() -> None:
    run = run_of(watched(warm("mon 10:40")))
    assert [step.due_at for step in run.steps] == [
        at("mon 10:40"),
        at("thu 10:40"),
        at("mon+1 10:40"),
        at("thu+1 10:40"),
    ]
    run = run_of(watched(warm("sat 16:00")))
    assert [step.due_at for step in run.steps] == [
        at("mon+1 09:00"),
        at("tue+1 16:00"),
        at("mon+2 09:00"),
        at("tue+2 16:00"),
    ]
    assert (run.policy_version, next_step_at(run)) == (7, at("mon+1 09:00"))


def test_each_step_is_said_once_also_when_nobody_looked_for_a_while() -> None:
    run = run_of(watched(warm("mon 10:40")))
    early, none = fall_due(run, at("mon 10:39"))
    assert (early, none) == (run, [])
    run, said = fall_due(run, at("thu 18:00"))
    assert [step.number for step in said] == [1, 2]
    assert fall_due(run, at("thu 18:00"))[1] == []
    assert next_step_at(run) == at("mon+1 10:40")
    assert [state_of(run, step) for step in run.steps] == [StepState.SAID] * 2 + [StepState.WAITING] * 2


@pytest.mark.parametrize(
    ("fact", "reason"),
    [(a_qualification("tue 16:30"), "qualified"), (a_handoff("tue 16:30"), "assigned")],
)
def test_it_stops_when_sales_take_over(fact: Fact, reason: str) -> None:
    run = run_of(watched(warm("mon 10:40"), fact))
    assert (run.open_since, run.stopped_at, run.reason) == (None, at("tue 16:30"), reason)
    assert next_step_at(run) is None
    assert {state_of(run, step) for step in run.steps} == {StepState.STOPPED}


def test_it_stops_below_the_tier_but_not_above_it() -> None:
    care = warm("mon 10:40")
    assert fallen(care, at("tue 10:00"), 85_000) is care
    assert only(watched(fallen(care, at("tue 10:00"), 59_000))).reason == "left_tier"


def test_a_score_that_flaps_says_no_step_twice_and_skips_what_came_meanwhile() -> None:
    care = warm("mon 10:40")
    run, _ = fall_due(run_of(watched(care)), at("mon 10:40"))
    care = fallen(care, at("tue 10:00"), 59_000)
    run = run_of(watched(care), run)
    care = entered(care, Entry(at("fri 10:00"), "warm_up", 61_000))
    run = run_of(watched(care), run)
    assert [state_of(run, step) for step in run.steps] == [
        StepState.SAID,
        StepState.SKIPPED,
        StepState.WAITING,
        StepState.WAITING,
    ]
    assert next_step_at(run) == at("mon+1 10:40")


def test_withdrawn_consent_stops_it_and_keeps_it_from_starting() -> None:
    withdrawn = consented(Care(), Consent(at("mon 09:00"), granted=False))
    assert consented(Care(), Consent(at("mon 09:00"), granted=True)) == Care()
    later = entered(withdrawn, Entry(at("mon 10:40"), "warm_up", 65_000))
    assert nurtured(watched(later)) == []
    stopped = consented(warm("mon 10:40"), Consent(at("tue 09:00"), granted=False))
    assert only(watched(stopped)).reason == "consent_withdrawn"


def test_a_lead_given_back_to_marketing_starts_anew_in_its_episode() -> None:
    facts = (a_qualification("tue 16:30"), a_handoff("tue 16:30"), an_ending("wed 14:50"))
    care = pooled(warm("mon 10:40"), Pooled(at("wed 14:50"), "warm_up"))
    first, second = nurtured(watched(care, *facts))
    assert (first.episode, first.reason) == (0, "qualified")
    assert (second.episode, second.started_at, second.open_since) == (1, at("wed 14:50"), at("wed 14:50"))
    assert second.profile == FOUNDER


def test_an_owned_lead_whose_score_falls_into_the_tier_is_left_to_its_owner() -> None:
    lead = watched(warm("wed 10:00"), a_handoff("tue 16:30"))
    assert nurtured(lead) == []
    rejected = watched(
        entered(Care(), Entry(at("fri 10:00"), "warm_up")), a_handoff("tue 16:30"), an_ending("wed 14:50")
    )
    assert only(rejected).started_at == at("fri 10:00")
    converted = watched(warm("fri 10:00"), a_handoff("tue 16:30"), an_ending("wed 14:50", "converted"))
    assert nurtured(converted) == []


def test_a_lead_moved_to_nurture_by_hand_stays_whatever_its_score() -> None:
    care = pooled(Care(), Pooled(at("thu 11:00"), "warm_up", (("industry", "manufacturing"),)))
    care = entered(care, Entry(at("fri 10:00"), "warm_up", 61_000))
    care = fallen(care, at("sat 10:00"), 40_000)
    assert only(watched(care)).open_since == at("thu 11:00")
    moved = pooled(care, Pooled(at("mon+1 10:00"), None))
    assert only(watched(moved)).reason == "moved"


def test_test_leads_and_what_an_import_brought_are_left_alone() -> None:
    lead = watched(warm("mon 10:40"))
    assert nurtured(Watched(lead.facts, care=lead.care, is_test=True)) == []
    imported_at = at("mon 10:40") - timedelta(minutes=1)
    assert nurtured(Watched(lead.facts, care=lead.care, imported_at=imported_at)) == []
    assert nurtured(Watched(lead.facts, care=lead.care, imported_at=imported_at - IMPORT_WAKE)) != []


def test_a_run_that_no_fact_calls_for_any_more_is_over() -> None:
    run = run_of(watched(warm("mon 10:40")))
    (over,) = settle(LEAD, [], {run.nurture_id: run}, PLAN, CALENDARS)
    assert (over.open_since, over.reason, next_step_at(over)) == (None, "superseded", None)


def test_the_order_in_which_facts_are_heard_makes_no_difference() -> None:
    facts = [
        a_qualification("tue 16:30"),
        a_handoff("tue 16:30"),
        an_ending("wed 14:50"),
        a_handoff("thu 09:00", "h2", 85, 1),
    ]
    pools = [Pooled(at("wed 14:50"), "warm_up"), Pooled(at("fri 10:00"), None), Pooled(at("sat 10:00"), "warm_up")]
    found: list[list[Spell]] = []
    for order in permutations(facts):
        for pooling in permutations(pools):
            care = warm("mon 10:40")
            for into in pooling:
                care = pooled(care, into)
            found.append(nurtured(watched(care, *order)))
    assert all(each == found[0] for each in found)
    assert [(each.episode, each.reason) for each in found[0]] == [(0, "qualified"), (1, None)]


CADENCE = Cadence("warm_up", (Step(0, "thanks"),), by=("industry", "title_level"))


@pytest.mark.parametrize(
    ("profile", "there", "pieces"),
    [
        (FOUNDER, (), ("thanks.manufacturing.founder", "thanks.manufacturing", "thanks.founder", "thanks")),
        (FOUNDER[:1], (), ("thanks.manufacturing", "thanks")),
        ((), (), ("thanks",)),
        (FOUNDER, ("thanks.founder", "thanks"), ("thanks.founder", "thanks")),
        (FOUNDER, ("invitation",), ("thanks",)),
    ],
)
def test_the_most_specific_piece_comes_first(
    profile: tuple[tuple[str, str], ...], there: tuple[str, ...], pieces: tuple[str, ...]
) -> None:
    assert choose("thanks", CADENCE, profile, 0, frozenset(there)) == pieces


def test_content_may_go_by_the_stage() -> None:
    staged = Cadence("warm_up", (Step(0, "thanks"),), by=("stage",))
    assert choose("thanks", staged, (), 0, frozenset())[0] == "thanks.new"
    assert choose("thanks", staged, (), 2, frozenset())[0] == "thanks.returned"


def test_what_is_learned_later_chooses_the_steps_to_come() -> None:
    run, _ = fall_due(run_of(watched(warm("mon 10:40"))), at("mon 10:40"))
    care = entered(warm("mon 10:40"), Entry(at("tue 10:00"), "warm_up", 66_000, (("industry", "food"),)))
    run = run_of(watched(care), run)
    assert [step.pieces[0] for step in run.steps[:2]] == ["thanks.manufacturing.founder", "best_practice.food"]


def test_other_handoffs_endings_do_not_give_a_lead_back() -> None:
    stray = Ending(at("wed 09:00"), "rejected", UUID(int=99))
    assert nurtured(watched(warm("thu 10:00"), a_handoff("tue 16:30"), stray)) == []
