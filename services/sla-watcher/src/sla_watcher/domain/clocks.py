"""Clocks: what is recorded of each, and the two things that move it: new facts (`reconcile`) and time (`elapse`).

A breach comes from time alone, and the recorded clock is its token: running and due = breach, once. Facts come in any
order; whatever order they came in, the recorded clocks end in the same state, because every state is derived from
the whole set of facts. A breach that the facts turn out to deny is taken back by `Revoked` (the contact was in time)
or by `Cancelled` (the promise was no longer owed, or a next step known later holds it).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from shared.calendars import Compiled, add_open, next_opening
from sla_watcher.domain.facts import LeadFacts
from sla_watcher.domain.promises import Hours, Terms, Then
from sla_watcher.domain.truths import Truth, truths


class State(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    EXCUSED = "excused"


_OPEN: Final = frozenset({State.RUNNING, State.PAUSED})


class Reminder(msgspec.Struct, frozen=True, gc=False):
    """Warn at `at`, when `share_percent` of the promised time is gone (100: time is up, the breach follows later)."""

    at: datetime
    share_percent: int


class Clock(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One recorded clock. `proof_at` is the first proof (in a breached clock: how late), `reminders` those to come.

    While it is paused, `due_at` is what it was due till then. `waived`: excused before it was breached. A `quiet` clock
    has not been heard of yet: the first thing said of it but that it started, was met or was cancelled ends that.
    """

    clock_id: UUID
    lead_id: UUID
    promise: str
    started_at: datetime
    due_at: datetime
    hours: Hours = Hours.ELAPSED
    calendar: str | None = None
    then: Then = Then.NONE
    reminders: tuple[Reminder, ...] = ()
    handoff_id: UUID | None = None
    owner: str | None = None
    team: str | None = None
    manager: str | None = None
    state: State = State.RUNNING
    proof_at: datetime | None = None
    reason: str | None = None
    paused_at: datetime | None = None
    waived: bool = False
    quiet: bool = False


class Started(msgspec.Struct, frozen=True, gc=False):
    clock: Clock


class Warned(msgspec.Struct, frozen=True, gc=False):
    clock: Clock
    share_percent: int


class Breached(msgspec.Struct, frozen=True, gc=False):
    clock: Clock


class Met(msgspec.Struct, frozen=True, gc=False):
    clock: Clock
    met_at: datetime


class Revoked(msgspec.Struct, frozen=True, gc=False):
    clock: Clock
    met_at: datetime


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    clock: Clock
    reason: str


class Excused(msgspec.Struct, frozen=True, gc=False):
    clock: Clock
    reason: str
    by: str = ""


class Paused(msgspec.Struct, frozen=True, gc=False):
    clock: Clock
    reason: str
    by: str


class Resumed(msgspec.Struct, frozen=True, gc=False):
    clock: Clock
    paused_at: datetime
    reason: str | None
    by: str


class UnknownCalendar(LookupError):
    """A clock can't be started: the calendar it is to run on is none of those that are known."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        super().__init__(f"no calendar is named {name!r}; known are {', '.join(sorted(known)) or 'none'}")
        self.name = name


Transition = Started | Warned | Breached | Met | Revoked | Cancelled | Excused | Paused | Resumed
Calendars = Mapping[str, Compiled]


def reconcile(
    known: LeadFacts, recorded: Mapping[UUID, Clock], calendars: Calendars
) -> tuple[tuple[Clock, ...], tuple[Transition, ...]]:
    """The clocks to write (new or changed), and what to say, for one lead after new facts were learned.

    `recorded` are all of the lead's clocks. Raises UnknownCalendar where a clock starts whose calendar is not known.
    """
    changed: list[Clock] = []
    said: list[Transition] = []
    others = dict(recorded)
    for truth in truths(known):
        before = others.pop(truth.clock_id, None) if others else None
        clock = before
        if clock is None:
            clock = _started(known.lead_id, truth, calendars)
            said.append(Started(clock))
        after, transition = _settled(clock, truth)
        if transition is not None:
            said.append(transition)
        if after is not before:
            changed.append(after)
    for clock in others.values():
        if _falls(known, clock):
            gone = _over(clock, "superseded" if known.erased_at is None else "erased", clock.proof_at)
            changed.append(gone.clock)
            said.append(gone)
    return tuple(changed), tuple(said)


def elapse(clock: Clock, now: datetime) -> tuple[Clock, Warned | Breached | None]:
    """The clock at `now`: a breach when it is due, else the latest reminder that has come, else nothing.

    Reminders missed while nobody looked are not caught up: only the latest is given, and none after the due instant.
    """
    if clock.state is not State.RUNNING:
        return clock, None
    if now >= clock.due_at:
        breached = replace(clock, state=State.BREACHED, reminders=(), quiet=False)
        return breached, Breached(breached)
    passed = [reminder for reminder in clock.reminders if reminder.at <= now]
    if not passed:
        return clock, None
    warned = replace(clock, reminders=clock.reminders[len(passed) :], quiet=False)
    return warned, Warned(warned, passed[-1].share_percent)


def is_said(transition: Transition) -> bool:
    """Whether others hear of it: of a quiet clock they don't hear that it runs, was met or is no longer owed."""
    return not (transition.clock.quiet and isinstance(transition, Started | Met | Cancelled))


def next_at(clock: Clock) -> datetime | None:
    """When `elapse` has something to say next; None for a clock that time no longer moves."""
    if clock.state is not State.RUNNING:
        return None
    return clock.reminders[0].at if clock.reminders else clock.due_at


def compiled_calendar(name: str | None, calendars: Calendars) -> Compiled | None:
    """The calendar of this name; None is always open, and stays what nobody named a calendar for.

    Raises UnknownCalendar: to take another one in its place would be to promise something else.
    """
    if name is None:
        return None
    compiled = calendars.get(name)
    if compiled is None:
        raise UnknownCalendar(name, calendars)
    return compiled


def _started(lead_id: UUID, truth: Truth, calendars: Calendars) -> Clock:
    terms, handoff = truth.terms, truth.handoff
    calendar = compiled_calendar(terms.calendar, calendars)
    due_at, reminders = _schedule(terms, truth.started_at, truth.held_until, calendar)
    return Clock(
        clock_id=truth.clock_id,
        lead_id=lead_id,
        promise=terms.promise,
        started_at=truth.started_at,
        due_at=due_at,
        hours=terms.hours,
        calendar=terms.calendar,
        then=terms.then,
        reminders=reminders,
        handoff_id=handoff and handoff.handoff_id,
        owner=handoff and handoff.owner,
        team=handoff and handoff.team,
        manager=handoff and handoff.manager,
        quiet=terms.quiet,
    )


# The handoffs of one batch were decided at the same instant, mostly under the same terms.
@lru_cache(maxsize=256)
def _schedule(
    terms: Terms, started_at: datetime, held_until: datetime | None, calendar: Compiled | None
) -> tuple[datetime, tuple[Reminder, ...]]:
    """The due instant and the reminders before it. A reminder in closed hours waits for the next opening."""

    def later(share: float) -> datetime:
        if calendar is None or terms.hours is Hours.ELAPSED:
            return started_at + terms.within * share
        return add_open(calendar, started_at, terms.within * share)

    up_at = later(1)
    if held_until is not None:
        up_at = max(up_at, held_until)
    reminders = [Reminder(opening(calendar, later(share / 100)), share) for share in terms.warn_percent]
    if terms.then is Then.REMIND_THEN_NURTURE:
        reminders.append(Reminder(opening(calendar, up_at), 100))
        up_at = reminders[-1].at + terms.remind_for
    return up_at, tuple([reminder for reminder in reminders if reminder.at < up_at])


def opening(calendar: Compiled | None, at: datetime) -> datetime:
    return at if calendar is None else next_opening(calendar, at)


def _settled(clock: Clock, truth: Truth) -> tuple[Clock, Transition | None]:
    """The clock as the facts have it, itself where they change nothing. Its own terms count: fixed when it started."""
    proof_at, ended_at = truth.proof_at, truth.ended_at
    # a paused clock can't run out: whatever proves or ends it comes in time
    stands = clock.state is State.PAUSED
    if proof_at is not None and (stands or proof_at <= clock.due_at):
        return _kept(clock, proof_at)
    if ended_at is not None and (stands or ended_at < clock.due_at):
        reason = truth.ended_by or "ended"
        if clock.state is State.CANCELLED:
            same = clock.proof_at == proof_at and clock.reason == reason
            return (clock if same else replace(clock, proof_at=proof_at, reason=reason)), None
        over = _over(clock, reason, proof_at)
        return over.clock, over
    return _proven(clock, proof_at), None


def _proven(clock: Clock, proof_at: datetime | None) -> Clock:
    return clock if clock.proof_at == proof_at else replace(clock, proof_at=proof_at)


def _kept(clock: Clock, met_at: datetime) -> tuple[Clock, Transition | None]:
    match clock.state:
        case State.MET | State.REVOKED:
            return _proven(clock, met_at), None
        case State.BREACHED | State.EXCUSED if not clock.waived:
            revoked = replace(clock, state=State.REVOKED, reminders=(), reason=None, proof_at=met_at)
            return revoked, Revoked(revoked, met_at)
        case State.RUNNING | State.PAUSED | State.CANCELLED | State.BREACHED | State.EXCUSED:
            met = replace(clock, state=State.MET, reminders=(), reason=None, proof_at=met_at, paused_at=None)
            return met, Met(met, met_at)
        case _:
            assert_never(clock.state)


def _over(clock: Clock, reason: str, proof_at: datetime | None) -> Cancelled:
    over = replace(clock, state=State.CANCELLED, reminders=(), reason=reason, proof_at=proof_at, paused_at=None)
    return Cancelled(over, reason)


def _falls(known: LeadFacts, clock: Clock) -> bool:
    """A clock no fact calls for any more is over; of an erased lead only what still runs, its history stays."""
    if known.erased_at is not None:
        return clock.state in _OPEN
    return clock.state is not State.CANCELLED
