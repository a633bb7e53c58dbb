"""One lead's clocks: due on time, breached once and never early, kept, taken back, cancelled, held and excused."""

from datetime import timedelta

import pytest

from sla_watcher.domain import (
    Breached,
    Cancelled,
    Erasure,
    Hours,
    Invalid,
    Met,
    Reminder,
    Revoked,
    State,
    Then,
    Warned,
    elapse,
    excuse,
    next_at,
)
from tests.unit.sla_watcher.leads import LEAD, a_contact, a_handoff, a_qualification, an_ending, at, named, watched

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("assigned", "due"),
    [
        ("sat 16:00", "mon+1 11:00"),
        ("sat 20:00", "mon+1 11:00"),
        ("tue 16:30", "wed 09:30"),
        ("mon 14:31", "mon 16:31"),
    ],
)
def test_a_first_contact_is_due_after_two_business_hours(assigned: str, due: str) -> None:
    clock = watched(a_handoff(assigned)).clock("first_contact")
    assert (clock.due_at, clock.hours, clock.calendar) == (at(due), Hours.BUSINESS, "office")
    assert (clock.owner, clock.team, clock.manager, clock.handoff_id) == ("ann", "north", "mia", named("h1"))


def test_a_lower_score_is_owed_a_contact_within_a_day() -> None:
    clock = watched(a_handoff("sat 16:00", score=79.999)).clock("first_contact")
    assert (clock.due_at, clock.hours) == (at("sun 16:00"), Hours.ELAPSED)
    assert clock.reminders == (), "both would come in closed hours and move past the due instant"


def test_a_lead_nobody_calls_within_two_hours_is_warned_about_and_breaches_once() -> None:
    watch = watched(a_handoff("tue 10:24"))
    clock = watch.clock("first_contact")
    assert clock.reminders == (Reminder(at("tue 11:24"), 50), Reminder(at("tue 12:12"), 90))
    watch.until(at("tue 12:24") - SECOND)
    assert watch.heard("first_contact") == ["Started", "Warned", "Warned"]
    watch.until(at("tue 12:24")).until(at("tue 18:00"))
    assert watch.heard("first_contact") == ["Started", "Warned", "Warned", "Breached"]
    assert watch.clock("first_contact").state is State.BREACHED


def test_a_breach_is_never_early_and_never_twice() -> None:
    clock = watched(a_handoff("tue 10:24")).clock("first_contact")
    early, said = elapse(clock, clock.due_at - timedelta(microseconds=1))
    assert isinstance(said, Warned)
    assert early.state is State.RUNNING
    breached, said = elapse(clock, clock.due_at)
    assert said == Breached(breached)
    assert elapse(breached, clock.due_at + SECOND) == (breached, None)
    assert next_at(breached) is None


def test_reminders_missed_while_nobody_looked_are_not_caught_up() -> None:
    clock = watched(a_handoff("tue 10:24")).clock("first_contact")
    assert next_at(clock) == at("tue 11:24")
    late, said = elapse(clock, at("tue 12:15"))
    assert said == Warned(late, 90)
    assert next_at(late) == clock.due_at
    _, said = elapse(clock, at("tue 13:00"))
    assert isinstance(said, Breached)


def test_an_attempt_meets_the_clock() -> None:
    watch = watched(a_handoff("mon 14:31")).learn(a_contact("mon 14:52"))
    assert watch.heard("first_contact") == ["Started", "Met"]
    clock = watch.clock("first_contact")
    assert (clock.state, clock.proof_at) == (State.MET, at("mon 14:52"))
    assert (None, Met(clock, at("mon 14:52"))) in watch.said
    assert watch.until(at("wed 09:00")).heard("first_contact") == ["Started", "Met"]


def test_a_contact_that_arrives_before_its_assignment_meets_it() -> None:
    watch = watched(a_contact("mon 14:52"))
    assert watch.clocks == {}
    assert watch.learn(a_handoff("mon 14:31")).heard("first_contact") == ["Started", "Met"]


def test_a_contact_at_the_due_instant_is_in_time() -> None:
    assert watched(a_handoff("mon 14:31"), a_contact("mon 16:31")).states("first_contact") == [State.MET]


def test_a_late_contact_leaves_the_breach_and_shows_how_late() -> None:
    watch = watched(a_handoff("tue 16:30")).until(at("wed 09:30")).learn(a_contact("wed 14:50"))
    clock = watch.clock("first_contact")
    assert (clock.state, clock.proof_at) == (State.BREACHED, at("wed 14:50"))
    assert watch.heard("first_contact")[-1] == "Breached"


def test_a_late_contact_that_is_known_before_the_timer_looks_does_not_hide_the_breach() -> None:
    watch = watched(a_handoff("tue 16:30"), a_contact("wed 14:50")).tick(at("wed 15:00"))
    assert watch.heard("first_contact") == ["Started", "Breached"]


def test_proof_that_comes_after_the_breach_takes_it_back_once() -> None:
    watch = watched(a_handoff("sat 16:05")).until(at("mon+1 11:00"))
    assert watch.states("first_contact") == [State.BREACHED]
    proof = a_contact("mon+1 10:50", recorded="mon+1 12:05", next_step="wed+3 10:00")
    watch.learn(proof).learn(proof).learn(a_contact("mon+1 10:55", recorded="mon+1 12:06"))
    clock = watch.clock("first_contact")
    assert clock.state is State.REVOKED
    assert [said for _, said in watch.said if isinstance(said, Revoked)] == [Revoked(clock, at("mon+1 10:50"))]


def test_an_unproven_contact_revokes_nothing() -> None:
    watch = watched(a_handoff("sat 16:05")).until(at("mon+1 11:00"))
    watch.learn(a_contact("sun 11:00", recorded="mon+1 12:05", unproven=True))
    assert watch.states("first_contact") == [State.BREACHED]


def test_an_unproven_contact_still_shows_that_the_lead_is_no_longer_untouched() -> None:
    watch = watched(a_handoff("fri 17:00"), a_contact("fri 17:30", recorded="sat 18:00", unproven=True))
    clock = watch.clock("untouched")
    assert (clock.state, clock.proof_at) == (State.MET, at("sat 18:00"))


def test_a_lead_untouched_for_48_hours_is_to_be_recycled() -> None:
    watch = watched(a_handoff("tue 10:24")).until(at("thu 10:24"))
    clock = watch.clock("untouched")
    assert (clock.state, clock.due_at, clock.then) == (State.BREACHED, at("thu 10:24"), Then.RECYCLE)
    watch.learn(an_ending("thu 10:24", "recycled"))
    assert watch.states("first_contact") + watch.states("untouched") == [State.BREACHED] * 2


def test_a_handoff_that_ends_first_is_no_longer_owed() -> None:
    watch = watched(a_handoff("mon 14:31"), an_ending("mon 15:00"))
    clock = watch.clock("first_contact")
    assert (clock.state, clock.reason) == (State.CANCELLED, "rejected")
    assert watch.heard("first_contact") == ["Started", "Cancelled"]
    watch.learn(an_ending("mon 15:00")).until(at("fri 10:00"))
    assert watch.heard("first_contact") == ["Started", "Cancelled"]


def test_an_end_that_is_heard_of_after_the_breach_it_forestalled_takes_it_back() -> None:
    watch = watched(a_handoff("mon 14:31")).until(at("mon 16:31")).learn(an_ending("mon 16:30", "reassigned"))
    assert watch.heard("first_contact")[-2:] == ["Breached", "Cancelled"]
    assert (None, Cancelled(watch.clock("first_contact"), "reassigned")) in watch.said


def test_a_contact_after_the_end_keeps_no_promise() -> None:
    watch = watched(a_handoff("mon 14:31"), a_contact("mon 15:30")).learn(an_ending("mon 15:00"))
    assert watch.states("first_contact") == [State.CANCELLED]
    assert watch.states("silent") == [State.CANCELLED]


def test_a_contact_counts_for_its_own_handoff_only() -> None:
    watch = watched(a_handoff("mon 10:00"), a_handoff("mon 10:30", "h2"), a_contact("mon 10:40", "h2"))
    assert sorted(watch.states("first_contact")) == [State.MET, State.RUNNING]


def test_an_invalid_lead_is_owed_nothing_until_it_is_handed_off_again() -> None:
    watch = watched(a_qualification("wed 09:30"), a_handoff("wed 09:40"), Invalid(at("wed 10:05")))
    assert watch.states("first_contact") == [State.CANCELLED]
    watch.learn(a_handoff("thu 09:00", "h2", episode=2))
    assert watch.states("first_contact") == [State.CANCELLED, State.RUNNING]


def test_silence_is_reminded_of_after_seven_days_and_ends_a_day_later() -> None:
    watch = watched(a_handoff("tue 15:00"), a_contact("tue 15:20"))
    clock = watch.clock("silent")
    assert clock.reminders == (Reminder(at("tue+1 15:20"), 100),)
    assert (clock.due_at, clock.then) == (at("wed+1 15:20"), Then.REMIND_THEN_NURTURE)
    assert watch.until(at("fri+1 15:20")).heard("silent") == ["Started", "Warned", "Breached"]


def test_a_reminder_in_closed_hours_waits_for_the_next_opening_and_the_lead_a_day_more() -> None:
    clock = watched(a_handoff("fri 15:00"), a_contact("sat 15:20")).clock("silent")
    assert clock.reminders == (Reminder(at("mon+2 09:00"), 100),)
    assert clock.due_at == at("tue+2 09:00")


def test_each_contact_breaks_the_silence_and_starts_it_anew() -> None:
    watch = watched(a_handoff("tue 15:00"), a_contact("tue 15:20")).learn(a_contact("thu 11:00"))
    assert watch.states("silent") == [State.MET, State.RUNNING]
    assert max(clock.due_at for clock in watch.clocks.values()) == at("fri+1 11:00")


def test_a_dated_next_step_holds_the_silent_clock() -> None:
    watch = watched(a_handoff("wed 15:00"), a_contact("wed 15:20", next_step="wed+4 10:00"))
    assert watch.clock("silent").due_at == at("thu+4 10:00")
    watch.learn(a_contact("fri 10:00"))
    assert [clock.due_at for clock in watch.clocks.values() if clock.state is State.RUNNING] == [at("thu+4 10:00")]
    watch.learn(a_contact("fri 11:00", next_step="mon+1 10:00"))
    assert [clock.due_at for clock in watch.clocks.values() if clock.state is State.RUNNING] == [at("sat+1 11:00")]


def test_a_next_step_heard_of_after_the_silence_was_breached_takes_the_breach_back() -> None:
    watch = watched(a_handoff("mon 10:00"), a_contact("tue 10:00")).until(at("fri+1 10:00"))
    assert watch.states("silent") == [State.BREACHED]
    watch.learn(a_contact("mon 11:00", recorded="fri+1 10:00", next_step="mon+3 11:00"))
    assert sorted(watch.states("silent")) == [State.CANCELLED, State.MET, State.RUNNING]


def test_a_next_step_replaced_by_an_earlier_one_lets_the_silence_run_as_if_there_were_none() -> None:
    """Found by the property test: the deadline went away and came back, and the clock had been cancelled for good."""
    watch = watched(a_handoff("mon 10:00"), a_contact("wed 10:00")).learn(
        a_contact("mon 11:00", next_step="mon+3 11:00")
    )
    watch.learn(a_contact("tue 11:00", next_step="wed 11:00"))
    running = [clock for clock in watch.clocks.values() if clock.state is State.RUNNING]
    assert [clock.due_at for clock in running] == [at("thu+1 10:00")]


def test_an_owner_is_to_be_found_within_a_quarter_of_an_hour() -> None:
    watch = watched(a_qualification("wed 14:00")).until(at("wed 15:00"))
    clock = watch.clock("owner_found")
    assert (clock.state, clock.due_at, clock.handoff_id) == (State.BREACHED, at("wed 14:15"), None)
    watch.learn(a_handoff("wed 15:00"))
    assert watch.clock("owner_found").proof_at == at("wed 15:00")
    assert watch.clock("owner_found").state is State.BREACHED
    assert watched(a_handoff("wed 14:00"), a_qualification("wed 14:00")).states("owner_found") == [State.MET]


def test_an_episode_looks_for_its_own_owner() -> None:
    watch = watched(a_qualification("mon 10:00"), a_handoff("mon 10:01"), a_qualification("thu 10:00", episode=2))
    assert watch.states("owner_found") == [State.MET, State.RUNNING]


def test_a_manager_excuses_a_breach_and_only_a_breach() -> None:
    watch = watched(a_handoff("sat 16:05"))
    assert excuse(watch.clock("first_contact"), "ill") is None
    done = excuse(watch.until(at("mon+1 11:00")).clock("first_contact"), "ill")
    assert done is not None
    excused, said = done
    assert (excused.state, excused.reason, said.reason) == (State.EXCUSED, "ill", "ill")
    watch.clocks[excused.clock_id] = excused
    assert watch.learn(a_contact("tue+1 10:00")).states("first_contact") == [State.EXCUSED]
    assert watch.learn(a_contact("mon+1 10:00")).states("first_contact") == [State.REVOKED]


def test_an_erased_lead_has_no_running_clock_and_learns_nothing_more() -> None:
    watch = watched(a_handoff("tue 10:00")).until(at("tue 12:00")).learn(Erasure(at("tue 12:30")))
    assert watch.states("first_contact") == [State.BREACHED], "what happened stays in the figures"
    assert (watch.clock("untouched").state, watch.clock("untouched").reason) == (State.CANCELLED, "erased")
    heard = len(watch.said)
    watch.learn(a_contact("tue 11:00"), a_handoff("wed 10:00", "h2")).until(at("sun+3 10:00"))
    assert len(watch.said) == heard


def test_clock_ids_are_the_same_wherever_they_are_computed() -> None:
    facts = (a_qualification("mon 14:30"), a_handoff("mon 14:31"), a_contact("mon 14:52"))
    assert set(watched(*facts).clocks) == set(watched(*reversed(facts)).clocks)
    assert all(clock.lead_id == LEAD for clock in watched(*facts).clocks.values())
