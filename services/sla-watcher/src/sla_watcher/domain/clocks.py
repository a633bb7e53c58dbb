"""Clocks: what is recorded of each, and the two things that move it: new facts (`reconcile`) and time (`elapse`).

A breach comes from time alone, and the recorded clock is its token: running and due = breach, once. Facts come in any
order; whatever order they came in, the recorded clocks end in the same state, because every state is derived from
the whole set of facts. A breach that the facts turn out to deny is taken back by `Revoked` (the contact was in time)
or by `Cancelled` (the promise was no longer owed, or a next step known later holds it).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.calendars import Compiled, add_open, next_opening
from sla_watcher.domain.facts import LeadFacts
from sla_watcher.domain.promises import Hours, Terms, Then
from sla_watcher.domain.truths import Truth, truths


class State(StrEnum):
    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    EXCUSED = "excused"


@dataclass(frozen=True, slots=True)
class Reminder:
    """Warn at `at`, when `share_percent` of the promised time is gone (100: time is up, the breach follows later)."""

    at: datetime
    share_percent: int


@dataclass(frozen=True, slots=True)
class Clock:
    """One recorded clock. `proof_at` is the first proof (in a breached clock: how late), `reminders` those to come."""

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


@dataclass(frozen=True, slots=True)
class Started:
    clock: Clock


@dataclass(frozen=True, slots=True)
class Warned:
    clock: Clock
    share_percent: int


@dataclass(frozen=True, slots=True)
class Breached:
    clock: Clock


@dataclass(frozen=True, slots=True)
class Met:
    clock: Clock
    met_at: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    clock: Clock
    met_at: datetime


@dataclass(frozen=True, slots=True)
class Cancelled:
    clock: Clock
    reason: str


@dataclass(frozen=True, slots=True)
class Excused:
    clock: Clock
    reason: str


Transition = Started | Warned | Breached | Met | Revoked | Cancelled | Excused
Calendars = Mapping[str, Compiled]


def reconcile(
    known: LeadFacts, recorded: Mapping[UUID, Clock], calendars: Calendars
) -> tuple[tuple[Clock, ...], tuple[Transition, ...]]:
    """The clocks to write (new or changed), and what to say, for one lead after new facts were learned.

    `recorded` are all of the lead's clocks. A clock whose calendar is unknown runs round the clock.
    """
    changed: list[Clock] = []
    said: list[Transition] = []
    wanted: set[UUID] = set()
    for truth in truths(known):
        wanted.add(truth.clock_id)
        before = recorded.get(truth.clock_id)
        clock = before or _started(known.lead_id, truth, calendars)
        if before is None:
            said.append(Started(clock))
        after, transitions = _settled(clock, truth)
        said += transitions
        if after != before:
            changed.append(after)
    for clock in recorded.values():
        if clock.clock_id not in wanted and _falls(known, clock):
            gone, reason = _over(clock, "superseded" if known.erased_at is None else "erased")
            changed.append(gone)
            said.append(reason)
    return tuple(changed), tuple(said)


def elapse(clock: Clock, now: datetime) -> tuple[Clock, Warned | Breached | None]:
    """The clock at `now`: a breach when it is due, else the latest reminder that has come, else nothing.

    Reminders missed while nobody looked are not caught up: only the latest is given, and none after the due instant.
    """
    if clock.state is not State.RUNNING:
        return clock, None
    if now >= clock.due_at:
        breached = replace(clock, state=State.BREACHED, reminders=())
        return breached, Breached(breached)
    passed = [reminder for reminder in clock.reminders if reminder.at <= now]
    if not passed:
        return clock, None
    warned = replace(clock, reminders=clock.reminders[len(passed) :])
    return warned, Warned(warned, passed[-1].share_percent)


def next_at(clock: Clock) -> datetime | None:
    """When `elapse` has something to say next; None for a clock that time no longer moves."""
    if clock.state is not State.RUNNING:
        return None
    return clock.reminders[0].at if clock.reminders else clock.due_at


def excuse(clock: Clock, reason: str) -> tuple[Clock, Excused] | None:
    """A manager forgives a breach; None when there is no breach to forgive. Proof of a timely contact outranks it."""
    if clock.state is not State.BREACHED:
        return None
    excused = replace(clock, state=State.EXCUSED, reason=reason)
    return excused, Excused(excused, reason)


def _started(lead_id: UUID, truth: Truth, calendars: Calendars) -> Clock:
    terms, handoff = truth.terms, truth.handoff
    due_at, reminders = _schedule(terms, truth, calendars.get(terms.calendar or ""))
    return Clock(
        clock_id=truth.clock_id,
        lead_id=lead_id,
        promise=terms.promise,
        started_at=truth.started_at,
        due_at=due_at,
        hours=terms.hours,
        calendar=terms.calendar if terms.calendar in calendars else None,
        then=terms.then,
        reminders=reminders,
        handoff_id=None if handoff is None else handoff.handoff_id,
        owner=None if handoff is None else handoff.owner,
        team=None if handoff is None else handoff.team,
        manager=None if handoff is None else handoff.manager,
    )


def _schedule(terms: Terms, truth: Truth, calendar: Compiled | None) -> tuple[datetime, tuple[Reminder, ...]]:
    """The due instant and the reminders before it. A reminder in closed hours waits for the next opening."""

    def later(share: float) -> datetime:
        if calendar is None or terms.hours is Hours.ELAPSED:
            return truth.started_at + terms.within * share
        return add_open(calendar, truth.started_at, terms.within * share)

    up_at = max(later(1), truth.held_until or later(1))
    reminders = [Reminder(_opening(calendar, later(share / 100)), share) for share in terms.warn_percent]
    if terms.then is Then.REMIND_THEN_NURTURE:
        reminders.append(Reminder(_opening(calendar, up_at), 100))
        up_at = reminders[-1].at + terms.remind_for
    return up_at, tuple(reminder for reminder in reminders if reminder.at < up_at)


def _opening(calendar: Compiled | None, at: datetime) -> datetime:
    return at if calendar is None else next_opening(calendar, at)


def _settled(clock: Clock, truth: Truth) -> tuple[Clock, Iterator[Transition]]:
    """The clock as the facts have it. Its own terms count: they were fixed when it started."""
    clock = replace(clock, proof_at=truth.proof_at)
    if truth.proof_at is not None and truth.proof_at <= clock.due_at:
        return _kept(clock, truth.proof_at)
    if truth.ended_at is not None and truth.ended_at < clock.due_at:
        reason = truth.ended_by or "ended"
        if clock.state is State.CANCELLED:
            return replace(clock, reason=reason), iter(())
        cancelled, said = _over(clock, reason)
        return cancelled, iter((said,))
    return clock, iter(())


def _kept(clock: Clock, met_at: datetime) -> tuple[Clock, Iterator[Transition]]:
    match clock.state:
        case State.MET | State.REVOKED:
            return clock, iter(())
        case State.BREACHED | State.EXCUSED:
            revoked = replace(clock, state=State.REVOKED, reminders=(), reason=None)
            return revoked, iter((Revoked(revoked, met_at),))
        case State.RUNNING | State.CANCELLED:
            met = replace(clock, state=State.MET, reminders=(), reason=None)
            return met, iter((Met(met, met_at),))
        case _:
            assert_never(clock.state)


def _over(clock: Clock, reason: str) -> tuple[Clock, Cancelled]:
    cancelled = replace(clock, state=State.CANCELLED, reminders=(), reason=reason)
    return cancelled, Cancelled(cancelled, reason)


def _falls(known: LeadFacts, clock: Clock) -> bool:
    """A clock no fact calls for any more is over; of an erased lead only what still runs, its history stays."""
    if known.erased_at is not None:
        return clock.state is State.RUNNING
    return clock.state is not State.CANCELLED
