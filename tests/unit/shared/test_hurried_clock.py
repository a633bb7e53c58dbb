"""The clock that can hurry: it stands, moves on, never back, and once it goes it never stands again."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.runtime.clock import ClockRefused, HurriedClock, system_clock

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = MONDAY + timedelta(hours=2)


def test_it_moves_on_and_wakes_whoever_sleeps() -> None:
    woken: list[str] = []
    clock = HurriedClock(MONDAY, [lambda: woken.append("timers")])
    clock.move(LATER)
    assert (clock(), woken) == (LATER, ["timers"])


def test_it_never_runs_backwards() -> None:
    clock = HurriedClock(LATER)
    with pytest.raises(ClockRefused):
        clock.move(MONDAY)
    assert clock() == LATER


def test_once_it_goes_it_never_stands_again() -> None:
    clock = HurriedClock(MONDAY)
    clock.move(None)
    clock.move(None)
    assert system_clock() - clock() < timedelta(seconds=5)
    with pytest.raises(ClockRefused):
        clock.move(LATER)


def test_of_several_stores_that_a_kill_left_apart_the_first_counts() -> None:
    ahead = HurriedClock()
    ahead.restore(LATER)
    ahead.restore(MONDAY)
    assert ahead() == LATER
    live = HurriedClock()
    live.restore(None)
    live.restore(MONDAY)
    assert live.standing is None
