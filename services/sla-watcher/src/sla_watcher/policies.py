"""The policies that sla-watcher keeps, and how the versions in force arm a case."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from shared.calendars import Compiled
from shared.contracts import LeadScored
from shared.contracts.attributes import values
from shared.runtime.calendars import CALENDARS
from shared.runtime.policies import Beside, PolicyBody, PolicyDefinition, PolicyInvalid
from shared.runtime.service import Unprocessable
from shared.runtime.work import Work
from sla_watcher import expressions
from sla_watcher.domain import (
    NURTURE,
    PRESETS,
    Case,
    InvalidPromises,
    Origin,
    SlaPolicy,
    Terms,
    UnknownCalendar,
    arm,
    compiled_calendar,
    parse_sla,
)
from sla_watcher.domain.cadences import NurturePolicy
from sla_watcher.domain.nurture_policy import parse_nurture
from sla_watcher.domain.runs import Plan

_COLD: Final = frozenset({"content", "store"})


def parse(body: Mapping[str, Any], calendars: Collection[str] | None = None) -> SlaPolicy:
    """The policy; `calendars` are those that it may name, None where that is not known.

    Raises PolicyInvalid with each promise's first problem.
    """
    try:
        return parse_sla(body, check=expressions.fault, calendars=calendars)
    except InvalidPromises as error:
        raise PolicyInvalid([f"{each.path}: {each.what}; {each.fix}" for each in error.problems]) from error


async def _names_calendars(body: PolicyBody, beside: Beside) -> None:
    parse(body, await beside(CALENDARS.kind))


SLA: Final = PolicyDefinition(
    kind="sla",
    parse=parse,
    fits=_names_calendars,
    preset=PRESETS["eighty-sixty"],
    write_roles=frozenset({"manager", "admin"}),
)


def parse_cadences(body: Mapping[str, Any], calendars: Collection[str] | None = None) -> NurturePolicy:
    """The nurture policy; `calendars` are those that it may name, None where that is not known.

    Raises PolicyInvalid with each cadence's first problem.
    """
    try:
        return parse_nurture(body, check=expressions.fault, tier_alone=expressions.asks_tier_alone, calendars=calendars)
    except InvalidPromises as error:
        raise PolicyInvalid([f"{each.path}: {each.what}; {each.fix}" for each in error.problems]) from error


async def _cadences_name_calendars(body: PolicyBody, beside: Beside) -> None:
    parse_cadences(body, await beside(CALENDARS.kind))


CADENCES: Final = PolicyDefinition(
    kind="nurture",
    parse=parse_cadences,
    fits=_cadences_name_calendars,
    preset=NURTURE,
    write_roles=frozenset({"marketer", "manager", "admin"}),
)


@dataclass(frozen=True, slots=True)
class InForce:
    """The versions that decide one transaction."""

    promises: SlaPolicy
    calendars: Mapping[str, Compiled]
    plan: Plan

    def arm(self, case: Case, origins: frozenset[Origin]) -> tuple[Terms, ...]:
        """The terms of a case.

        Raises Unprocessable where a condition can't be evaluated for it or a calendar is not known: the policy is at
        fault, and can be mended.
        """
        try:
            armed = arm(self.promises, case, origins, expressions.matches)
            for terms in armed:
                compiled_calendar(terms.calendar, self.calendars)
        except UnknownCalendar as error:
            raise Unprocessable(without_calendar(error)) from error
        except (ValueError, RuntimeError) as error:
            raise Unprocessable(f"a condition of the sla policy fails: {error}; publish a mended one") from error
        return armed

    def cadence_of(self, event: LeadScored) -> str | None:
        """The cadence that a score calls for.

        Raises Unprocessable where a condition can't be evaluated for it.
        """
        attributes = {} if event.attributes is None else values(event.attributes)
        return _cadence(self.plan.policy, Case(event.score_milli / 1000, event.tier, attributes=attributes))

    def starts(self, event: LeadScored) -> bool:
        """Whether this score may start a cadence."""
        return event.cause == "fact"

    def heeds(self, event: LeadScored) -> bool:
        """Whether a score may start or stop a cadence: what concerns neither must not cost a look at the lead."""
        policy = self.plan.policy
        if self.starts(event) and is_passed_over(event) and policy.pool is not None:
            return True
        if policy.by_tier_alone:
            return _heeds(policy, event.tier, event.previous_tier, event.action, self.starts(event))
        if self.starts(event) and self.cadence_of(event) is not None:
            return True
        return event.previous_tier is not None


def _cadence(policy: NurturePolicy, case: Case) -> str | None:
    try:
        for cadence in policy.cadences:
            if cadence.when is None or expressions.matches(cadence.when, case):
                return cadence.name
    except (ValueError, RuntimeError) as error:
        raise Unprocessable(f"a condition of the nurture policy fails: {error}; publish a mended one") from error
    return None


# There are a handful of tiers; a policy is one object as long as it is in force.
@lru_cache(maxsize=256)
def _heeds(policy: NurturePolicy, tier: str, previous: str | None, action: str | None, starts: bool) -> bool:  # noqa: FBT001  part of the cache's key
    if starts and _cadence(policy, Case(tier=tier)) is not None:
        return True
    if previous is None or previous == tier:
        return False
    # one that falls so far may have been passed over above, where no tier says that a cadence holds
    return action in _COLD or _cadence(policy, Case(tier=previous)) is not None


def is_passed_over(event: LeadScored) -> bool:
    """Above marketing's band and yet not qualified: scorer tells attributes of those alone that are marketing's."""
    return event.action == "assign" and event.attributes is not None


def without_calendar(error: UnknownCalendar) -> str:
    """What is missing, and the cure: parked, no promise is lost; round the clock, it would be another promise."""
    return f"{error}; publish a calendars policy that has {error.name!r}, or an sla, nurture or routing policy that does not"


async def in_force(work: Work) -> InForce:
    """The versions in force in a transaction."""
    promises, calendars = await work.policy(SLA.kind), await work.policy(CALENDARS.kind)
    cadences = await work.policy(CADENCES.kind)
    return InForce(promises.value, calendars.value, Plan(cadences.value, cadences.version))
