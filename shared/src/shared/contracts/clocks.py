"""What sla-watcher says of a promise."""

from uuid import UUID

from shared.contracts.base import Event, Instant, named


class ClockEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One running promise of one handoff, or of the lead itself (`owner_found` runs before there is an owner)."""

    clock_id: UUID
    promise: str
    due_at: Instant
    handoff_id: UUID | None = None
    owner: str | None = None
    team: str | None = None


@named("sla.started")
class ClockStarted(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The clock runs."""

    started_at: Instant
    hours: str = "elapsed"


@named("sla.warned")
class ClockWarned(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A share of the time is gone (in percent)."""

    share_percent: int
    manager: str | None = None


@named("sla.breached")
class ClockBreached(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Due and not kept: once, never early. `then` is what the policy asks for (recycle, remind_then_nurture)."""

    then: str | None = None
    manager: str | None = None
    started_at: Instant | None = None


@named("sla.met")
class ClockMet(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Kept; `elapsed_s` from its start to the proof."""

    met_at: Instant
    elapsed_s: int


@named("sla.revoked")
class ClockRevoked(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A breach taken back: proof arrived that the contact was in time."""

    met_at: Instant
    elapsed_s: int


@named("sla.cancelled")
class ClockCancelled(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """No longer owed: the handoff ended first."""

    reason: str


@named("sla.excused")
class ClockExcused(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A manager forgave it, once: neither kept nor counted against the owner. `breached`: it had been breached."""

    reason: str
    by: str
    breached: bool = False


@named("sla.paused")
class ClockPaused(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A manager stopped it: until it is resumed it neither warns nor breaches. `due_at` is what it was due till then."""

    reason: str
    by: str


@named("sla.resumed")
class ClockResumed(ClockEvent, frozen=True, kw_only=True, omit_defaults=True):
    """It runs again: `due_at` is later by the time that it stood (in open hours, for a promise in business hours)."""

    by: str
    paused_at: Instant
    reason: str | None = None
