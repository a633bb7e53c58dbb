"""From transitions to events: what sla-watcher says of a clock."""

from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import msgspec

from shared.contracts import (
    ClockBreached,
    ClockCancelled,
    ClockExcused,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockRevoked,
    ClockStarted,
    ClockWarned,
    Event,
    NurtureDue,
)
from sla_watcher.domain import (
    Breached,
    Cancelled,
    Clock,
    Excused,
    Met,
    Paused,
    Resumed,
    Revoked,
    Started,
    Then,
    Transition,
    Warned,
)
from sla_watcher.domain.runs import Due, Run


def event_of(transition: Transition, now: datetime, causation: UUID | None = None) -> Event:
    """The event of a transition made at `now`. A breach happened at its due instant, a met promise at its proof."""
    clock = transition.clock
    about = _about(clock, now, causation)
    match transition:
        case Started():
            started_at = clock.started_at
            event = ClockStarted(occurred_at=started_at, started_at=started_at, hours=clock.hours.value, **about)
        case Warned():
            event = ClockWarned(occurred_at=now, share_percent=transition.share_percent, manager=clock.manager, **about)
        case Breached():
            event = ClockBreached(
                occurred_at=clock.due_at,
                then=None if clock.then is Then.NONE else clock.then.value,
                manager=clock.manager,
                started_at=clock.started_at,
                **about,
            )
        case Met():
            met_at = transition.met_at
            event = ClockMet(occurred_at=met_at, met_at=met_at, elapsed_s=_elapsed_s(clock, met_at), **about)
        case Revoked():
            met_at = transition.met_at
            event = ClockRevoked(occurred_at=now, met_at=met_at, elapsed_s=_elapsed_s(clock, met_at), **about)
        case Cancelled():
            event = ClockCancelled(occurred_at=now, reason=transition.reason, **about)
        case Excused() | Paused() | Resumed():
            event = _by_a_manager(transition, now, about)
        case _:
            assert_never(transition)
    return event


def nurture_due(run: Run, step: Due, now: datetime) -> Event:
    """A step of a cadence, said at `now`."""
    best, *plainer = step.pieces or (step.content,)
    return NurtureDue(
        lead_id=run.lead_id,
        occurred_at=step.due_at,
        recorded_at=now,
        cadence=run.cadence,
        episode=run.episode,
        step=step.number,
        day=step.day,
        content=best,
        fallbacks=tuple(plainer),
        due_at=step.due_at,
        started_at=run.started_at,
        policy_version=run.policy_version,
    )


def shown(clock: Clock) -> dict[str, Any]:
    """The clock as the doors show it: every field, also those that say nothing of it."""
    return msgspec.structs.asdict(clock)


def _by_a_manager(transition: Excused | Paused | Resumed, now: datetime, about: dict[str, Any]) -> Event:
    match transition:
        case Excused():
            breached = not transition.clock.waived
            return ClockExcused(occurred_at=now, reason=transition.reason, by=transition.by, breached=breached, **about)
        case Paused():
            return ClockPaused(occurred_at=now, reason=transition.reason, by=transition.by, **about)
        case Resumed():
            return ClockResumed(
                occurred_at=now, reason=transition.reason, by=transition.by, paused_at=transition.paused_at, **about
            )


def _about(clock: Clock, now: datetime, causation: UUID | None) -> dict[str, Any]:
    return {
        "recorded_at": now,
        "causation": causation,
        "lead_id": clock.lead_id,
        "clock_id": clock.clock_id,
        "promise": clock.promise,
        "due_at": clock.due_at,
        "handoff_id": clock.handoff_id,
        "owner": clock.owner,
        "team": clock.team,
    }


def _elapsed_s(clock: Clock, met_at: datetime) -> int:
    # An owner may have been found by hand before the lead qualified.
    return max(0, int((met_at - clock.started_at).total_seconds()))
