"""A quiet promise is heard of only where it is not simply kept, and from then on to its end."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from sla_watcher.domain import Contact, Ending, State, is_said, pause, resume, waive
from tests.unit.sla_watcher.leads import Watch, a_contact, a_handoff, a_qualification, an_ending, at, named, watched


def said(watch: Watch, promise: str) -> list[str]:
    """What others hear of a promise."""
    return [type(each).__name__ for _, each in watch.said if each.clock.promise == promise and is_said(each)]


def test_a_kept_or_ended_quiet_promise_is_never_heard_of() -> None:
    kept = watched(a_handoff("tue 10:24"), a_contact("tue 11:00")).until(at("tue 18:00"))
    assert (kept.heard("untouched"), said(kept, "untouched")) == (["Started", "Met"], [])
    assert said(kept, "first_contact") == ["Started", "Met"], "this one is not quiet"
    ended = watched(a_handoff("tue 10:24"), an_ending("tue 11:00"))
    assert (ended.states("untouched"), said(ended, "untouched")) == ([State.CANCELLED], [])


def test_a_broken_quiet_promise_is_heard_of_when_it_breaks() -> None:
    watch = watched(a_handoff("tue 10:24")).until(at("fri 09:00"))
    assert said(watch, "untouched") == ["Breached"]
    assert not watch.clock("untouched").quiet


def test_a_late_owner_is_heard_of_and_so_is_the_proof_that_there_was_one_in_time() -> None:
    watch = watched(a_qualification("wed 14:00")).until(at("wed 14:15"))
    assert said(watch, "owner_found") == ["Breached"]
    assert said(watch.learn(a_handoff("wed 14:10")), "owner_found") == ["Breached", "Revoked"]


def test_once_warned_about_its_end_is_heard_of_too() -> None:
    watch = watched(a_handoff("fri 15:00"), a_contact("fri 15:20")).until(at("fri+1 15:20"))
    assert said(watch, "silent") == ["Warned"]
    assert said(watch.learn(a_contact("fri+1 16:00")), "silent") == ["Warned", "Met"]


def test_what_a_manager_does_is_heard_of() -> None:
    watch = watched(a_handoff("tue 10:24"))
    stopped = pause(watch.clock("untouched"), at("tue 11:00"), "illness", "mia")
    assert stopped is not None
    paused, event = stopped
    assert is_said(event)
    again = resume(paused, at("tue 12:00"), None, "mia")
    assert again is not None
    watch.clocks[paused.clock_id] = again[0]
    assert said(watch.learn(a_contact("tue 13:00")), "untouched") == ["Met"]
    let_go = waive(watched(a_handoff("tue 10:24")).clock("untouched"), "holiday", "mia")
    assert let_go is not None
    assert is_said(let_go[1])


@given(
    contacts=st.lists(st.integers(1, 400), max_size=4, unique=True),
    looks=st.lists(st.integers(1, 400), max_size=6),
    ended=st.none() | st.integers(1, 400),
)
def test_whoever_heard_of_a_clock_hears_how_it_ended(contacts: list[int], looks: list[int], ended: int | None) -> None:
    """At any instant a quiet clock that runs or ended well was not heard of, and every other was heard to its state."""
    began, handoff = at("tue 10:00"), named("h1")
    acts = [(hour, "contact") for hour in contacts] + [(hour, "look") for hour in looks]
    watch = watched(a_handoff("tue 10:00"), a_qualification("tue 10:00"))
    for hour, act in sorted(acts):
        moment = began + timedelta(hours=hour)
        watch.until(moment)
        if act == "contact":
            watch.learn(Contact(named(f"call {hour}"), handoff, moment, moment, "no_answer"))
    if ended is not None:
        watch.learn(Ending(began + timedelta(hours=ended), "rejected", handoff))
    for clock in watch.clocks.values():
        words = [
            type(each).__name__ for _, each in watch.said if each.clock.clock_id == clock.clock_id and is_said(each)
        ]
        quiet = clock.promise != "first_contact"
        if quiet and not {"Warned", "Breached"} & set(words):
            assert words == []
            assert clock.quiet
        elif clock.state is not State.RUNNING:
            assert words[-1].lower() == clock.state.value, (clock, words)
