"""What a manager does to one clock: pause, resume, excuse."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.calendars import Compiled, add_open, open_between
from sla_watcher.domain.clocks import Clock, Excused, Paused, Reminder, Resumed, State, opening
from sla_watcher.domain.promises import Hours, Then


def excuse(clock: Clock, reason: str, by: str = "") -> tuple[Clock, Excused] | None:
    """A manager forgives a breach; None when there is no breach to forgive. Proof of a timely contact outranks it."""
    if clock.state is not State.BREACHED:
        return None
    excused = replace(clock, state=State.EXCUSED, reason=reason)
    return excused, Excused(excused, reason, by)


def waive(clock: Clock, reason: str, by: str = "") -> tuple[Clock, Excused] | None:
    """A manager lets go of a promise before it is breached; None where it is no longer open."""
    if clock.state not in (State.RUNNING, State.PAUSED):
        return None
    waived = replace(clock, state=State.EXCUSED, reminders=(), reason=reason, paused_at=None, waived=True, quiet=False)
    return waived, Excused(waived, reason, by)


def pause(clock: Clock, now: datetime, reason: str, by: str) -> tuple[Clock, Paused] | None:
    """The clock stands: it neither warns nor breaches. None where it does not run, or its time is up."""
    if clock.state is not State.RUNNING or now >= clock.due_at:
        return None
    paused = replace(clock, state=State.PAUSED, paused_at=now, reason=reason, quiet=False)
    return paused, Paused(paused, reason, by)


def resume(
    clock: Clock, now: datetime, calendar: Compiled | None, by: str, reason: str | None = None
) -> tuple[Clock, Resumed] | None:
    """The clock runs again, with as much of its time left as when it was paused. None where it is not paused.

    Of a promise in business hours only open hours count, on either side.
    """
    paused_at = clock.paused_at
    if clock.state is not State.PAUSED or paused_at is None:
        return None
    hours = calendar if clock.hours is Hours.BUSINESS else None
    due_at = _later(clock.due_at, paused_at, now, hours)
    reminders = [
        Reminder(opening(calendar, _later(each.at, paused_at, now, hours)), each.share_percent)
        for each in clock.reminders
    ]
    if clock.then is Then.REMIND_THEN_NURTURE and reminders:
        # what follows the reminder keeps its distance, wherever the reminder had to go
        due_at = reminders[-1].at + (clock.due_at - clock.reminders[-1].at)
    resumed = replace(
        clock,
        state=State.RUNNING,
        due_at=due_at,
        reminders=tuple([each for each in reminders if each.at < due_at]),
        paused_at=None,
        reason=None,
    )
    return resumed, Resumed(resumed, paused_at, reason, by)


def _later(at: datetime, paused_at: datetime, now: datetime, hours: Compiled | None) -> datetime:
    if hours is None:
        return at + (now - paused_at)
    return add_open(hours, now, max(open_between(hours, paused_at, at), timedelta(0)))
