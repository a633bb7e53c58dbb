"""The policies that sla-watcher keeps, and how the versions in force arm a case."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.calendars import Compiled
from shared.runtime.calendars import CALENDARS
from shared.runtime.policies import PolicyDefinition, PolicyInvalid
from shared.runtime.service import Unprocessable
from shared.runtime.work import Work
from sla_watcher import expressions
from sla_watcher.domain import (
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


def parse(body: Mapping[str, Any], calendars: Collection[str] | None = None) -> SlaPolicy:
    """The policy; `calendars` are those that it may name, None where that is not known.

    Raises PolicyInvalid with each promise's first problem.
    """
    try:
        return parse_sla(body, check=expressions.fault, calendars=calendars)
    except InvalidPromises as error:
        raise PolicyInvalid([f"{each.path}: {each.what}; {each.fix}" for each in error.problems]) from error


SLA: Final = PolicyDefinition(
    kind="sla",
    parse=parse,
    preset=PRESETS["eighty-sixty"],
    write_roles=frozenset({"manager", "admin"}),
)


@dataclass(frozen=True, slots=True)
class InForce:
    """The versions that decide one transaction."""

    promises: SlaPolicy
    calendars: Mapping[str, Compiled]

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


def without_calendar(error: UnknownCalendar) -> str:
    """What is missing, and the cure: parked, no promise is lost; round the clock, it would be another promise."""
    return f"{error}; publish a calendars policy that has {error.name!r}, or an sla or routing policy that does not"


async def in_force(work: Work) -> InForce:
    promises, calendars = await work.policy(SLA.kind), await work.policy(CALENDARS.kind)
    return InForce(promises.value, calendars.value)
