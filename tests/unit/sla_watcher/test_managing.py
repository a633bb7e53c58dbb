"""What managers do to clocks: paused ones stand, resumed ones have the time that was left, excused ones are over."""

import pytest

from sla_watcher.domain import (
    Clock,
    Excused,
    Met,
    Paused,
    Resumed,
    Revoked,
    State,
    elapse,
    next_at,
    pause,
    resume,
    waive,
)
from sla_watcher.domain.managing import excuse
from tests.unit.sla_watcher.leads import CALENDARS, Watch, a_contact, a_handoff, an_ending, at, watched

OFFICE = CALENDARS["office"]


def paused(watch: Watch, promise: str, moment: str) -> Clock:
    done = pause(watch.clock(promise), at(moment), "illness", "mia")
    assert done is not None
    clock, said = done
    assert isinstance(said, Paused)
    watch.clocks[clock.clock_id] = clock
    return clock


def resumed(watch: Watch, promise: str, moment: str) -> Clock:
    done = resume(watch.clock(promise), at(moment), OFFICE, "mia")
    assert done is not None
    clock, said = done
    assert isinstance(said, Resumed)
    watch.clocks[clock.clock_id] = clock
    return clock


def test_a_paused_clock_neither_warns_nor_breaches() -> None:
    watch = watched(a_handoff("mon 09:40"))
    clock = paused(watch, "first_contact", "mon 10:00")
    assert (clock.state, next_at(clock), elapse(clock, at("fri 10:00"))) == (State.PAUSED, None, (clock, None))
    assert watch.until(at("tue 18:00")).heard("first_contact") == ["Started"]


@pytest.mark.parametrize(
    ("again", "due", "warned"),
    [
        ("mon 11:00", "mon 12:40", ["mon 11:40", "mon 12:28"]),  # an hour later
        ("mon 17:30", "tue 10:10", ["tue 09:10", "tue 09:58"]),  # 100 minutes left: 30 today, 70 tomorrow
        ("sat 12:00", "mon+1 10:40", ["mon+1 09:40", "mon+1 10:28"]),  # closed days do not count
    ],
)
def test_a_promise_in_business_hours_is_due_later_by_the_open_time_that_it_stood(
    again: str, due: str, warned: list[str]
) -> None:
    watch = watched(a_handoff("mon 09:40"))
    paused(watch, "first_contact", "mon 10:00")
    clock = resumed(watch, "first_contact", again)
    assert (clock.state, clock.due_at) == (State.RUNNING, at(due))
    assert [reminder.at for reminder in clock.reminders] == [at(each) for each in warned]


def test_a_promise_in_elapsed_hours_is_due_later_by_the_time_that_it_stood() -> None:
    watch = watched(a_handoff("mon 09:40"))
    paused(watch, "untouched", "mon 10:00")
    assert resumed(watch, "untouched", "sat 10:00").due_at == at("mon+1 09:40")


def test_what_follows_a_reminder_keeps_its_distance() -> None:
    watch = watched(a_handoff("mon 09:40"), a_contact("mon 10:00"))
    paused(watch, "silent", "tue 10:00")
    clock = resumed(watch, "silent", "thu 20:00")  # two days and ten hours: Wednesday evening, so Thursday morning
    assert clock.reminders[-1].at == at("thu+1 09:00")
    assert clock.due_at == at("fri+1 09:00")


def test_a_contact_while_it_stands_keeps_the_promise() -> None:
    watch = watched(a_handoff("mon 09:40"))
    paused(watch, "first_contact", "mon 10:00")
    watch.learn(a_contact("tue 16:00"))
    assert watch.states("first_contact") == [State.MET]
    assert watch.heard("first_contact")[-1] == Met.__name__


def test_an_end_while_it_stands_ends_it() -> None:
    watch = watched(a_handoff("mon 09:40"))
    paused(watch, "first_contact", "mon 10:00")
    assert watch.learn(an_ending("tue 16:00")).states("first_contact") == [State.CANCELLED]


def test_only_a_running_clock_is_paused_and_only_a_paused_one_resumed() -> None:
    watch = watched(a_handoff("mon 09:40"))
    assert resume(watch.clock("first_contact"), at("mon 10:00"), OFFICE, "mia") is None
    assert pause(watch.clock("first_contact"), at("mon 11:40"), "illness", "mia") is None
    clock = paused(watch, "first_contact", "mon 10:00")
    assert pause(clock, at("mon 10:10"), "illness", "mia") is None


def test_a_promise_that_was_let_go_neither_warns_nor_breaches() -> None:
    watch = watched(a_handoff("mon 09:40"))
    done = waive(watch.clock("first_contact"), "illness", "mia")
    assert done is not None
    assert done[1] == Excused(done[0], "illness", "mia")
    watch.clocks[done[0].clock_id] = done[0]
    assert watch.until(at("tue 18:00")).heard("first_contact") == ["Started"]
    assert waive(done[0], "illness", "mia") is None
    watch.learn(a_contact("mon 10:00", recorded="tue 18:00"))
    assert watch.heard("first_contact") == ["Started", "Met"]


def test_an_excused_breach_is_still_revoked_by_proof() -> None:
    watch = watched(a_handoff("mon 09:40")).until(at("mon 12:00"))
    done = excuse(watch.clock("first_contact"), "illness", "mia")
    assert done is not None
    watch.clocks[done[0].clock_id] = done[0]
    assert excuse(done[0], "illness", "mia") is None
    assert waive(done[0], "illness", "mia") is None
    watch.learn(a_contact("mon 11:00", recorded="mon 12:05"))
    assert watch.heard("first_contact")[-1] == Revoked.__name__
