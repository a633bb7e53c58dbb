"""From transitions to events: what sla-watcher says of a clock."""

from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from shared.contracts import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockRevoked,
    ClockStarted,
    ClockWarned,
    Event,
)
from sla_watcher.domain import (
    Breached,
    Cancelled,
    Clock,
    Excused,
    Met,
    Revoked,
    Started,
    Then,
    Transition,
    Warned,
)


def event_of(transition: Transition, now: datetime, causation: UUID | None = None) -> Event:
    """The event of a transition made at `now`. A breach happened at its due instant, a met promise at its proof."""
    clock = transition.clock
    about = _about(clock, now, causation)
    match transition:
        case Started():
            started_at = clock.started_at
            return ClockStarted(occurred_at=started_at, started_at=started_at, hours=clock.hours.value, **about)
        case Warned():
            return ClockWarned(occurred_at=now, share_percent=transition.share_percent, **about)
        case Breached():
            return ClockBreached(
                occurred_at=clock.due_at,
                then=None if clock.then is Then.NONE else clock.then.value,
                manager=clock.manager,
                started_at=clock.started_at,
                **about,
            )
        case Met():
            met_at = transition.met_at
            return ClockMet(occurred_at=met_at, met_at=met_at, elapsed_s=_elapsed_s(clock, met_at), **about)
        case Revoked():
            met_at = transition.met_at
            return ClockRevoked(occurred_at=now, met_at=met_at, elapsed_s=_elapsed_s(clock, met_at), **about)
        case Cancelled():
            return ClockCancelled(occurred_at=now, reason=transition.reason, **about)
        case Excused():
            raise TypeError("an excuse is a manager's command, not something that facts or time say")
        case _:
            assert_never(transition)


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
