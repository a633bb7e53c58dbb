"""What is promised: the promises of the SLA policy, and the terms under which one lead's clocks run."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import msgspec


class Origin(StrEnum):
    """What starts the clock. `contacted` starts anew with every contact: it measures silence."""

    ASSIGNED = "assigned"
    QUALIFIED = "qualified"
    CONTACTED = "contacted"


class Hours(StrEnum):
    BUSINESS = "business"
    ELAPSED = "elapsed"


class MetBy(StrEnum):
    """Which contact keeps the promise: any attempt, or one in which the lead spoke."""

    ATTEMPT = "attempt"
    REACHED = "reached"


class Then(StrEnum):
    """What follows a breach. `remind_then_nurture` reminds when the time is up and breaches `remind_for` later."""

    RECYCLE = "recycle"
    REMIND_THEN_NURTURE = "remind_then_nurture"
    NONE = "none"


class Terms(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A promise as it holds for one handoff (or one episode): fixed when the clock is armed, whatever the policy
    becomes later. `calendar` None = always open. A quiet promise is heard of only where it is not simply kept.
    """

    promise: str
    origin: Origin
    within: timedelta
    hours: Hours
    calendar: str | None = None
    warn_percent: tuple[int, ...] = ()
    met_by: MetBy = MetBy.ATTEMPT
    then: Then = Then.NONE
    remind_for: timedelta = timedelta(0)
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    """One line of the policy. Lines of one name are alternatives: the first whose `when` holds is the promise."""

    terms: Terms
    when: str | None = None


@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """`calendar` is used where neither the promise nor the team names one."""

    promises: tuple[Promise, ...]
    calendar: str | None = None


class Case(msgspec.Struct, frozen=True, gc=False):
    """What a promise may ask about: taken from the one event that arms the clock, never looked up."""

    score: float = 0.0
    tier: str | None = None
    segment: str | None = None
    attributes: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    calendar: str | None = None


Matches = Callable[[str, Case], bool]


def arm(policy: SlaPolicy, case: Case, origins: Collection[Origin], matches: Matches) -> tuple[Terms, ...]:
    """The terms that hold for this case, one per promise name, in the policy's order.

    A handoff is armed with {assigned, contacted}, an episode with {qualified}. `matches` evaluates a `when`.
    """
    chosen: dict[str, Terms] = {}
    for promise in policy.promises:
        terms = promise.terms
        if terms.promise in chosen or terms.origin not in origins:
            continue
        if promise.when is None or matches(promise.when, case):
            chosen[terms.promise] = _on_calendar(terms, terms.calendar or case.calendar or policy.calendar)
    return tuple(chosen.values())


def _on_calendar(terms: Terms, calendar: str | None) -> Terms:
    return terms if terms.calendar == calendar else msgspec.structs.replace(terms, calendar=calendar)
