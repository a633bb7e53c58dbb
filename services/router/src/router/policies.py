"""The policies the router keeps, and the versions in force in one transaction, ready for decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from router.domain.desk import CalendarHours, Hours
from router.domain.rules import Policy, compile_policy, lint
from shared.calendars import Compiled
from shared.rules import RuleRefused
from shared.runtime.calendars import CALENDARS
from shared.runtime.calendars import parse as parse_calendars
from shared.runtime.policies import Beside, PolicyBody, PolicyDefinition, PolicyInvalid
from shared.runtime.work import Work

PRESET: Final[Mapping[str, Any]] = {
    "teams": {
        "hanoi": {
            "zone": "Asia/Ho_Chi_Minh",
            "calendar": "office",
            "strategy": "rotation",
            "outside_hours": "assign",
            "manager": "huong",
            "reps": [
                {"id": "minh", "name": "Minh", "weight": 1, "capacity": {"day": 20, "open": 50}},
                {"id": "lan", "name": "Lan", "weight": 1, "capacity": {"day": 20, "open": 50}},
            ],
        },
        "shanghai": {
            "zone": "Asia/Shanghai",
            "calendar": "office-cn",
            "strategy": "rotation",
            "outside_hours": "assign",
            "manager": "zhang",
            "reps": [
                {"id": "lina", "name": "李娜", "weight": 1, "capacity": {"day": 20, "open": 50}},
                {"id": "chenhao", "name": "陈浩", "weight": 1, "capacity": {"day": 20, "open": 50}},
            ],
        },
    },
    "rules": [{"name": "china", "when": 'lead.country == "CN"', "team": "shanghai"}],
    "fallback": "hanoi",
    "recycle": {
        "untouched": "public",
        "no_potential_now": "nurture",
        "silent": "nurture",
        "returned": "next_rep",
        "hops": 3,
    },
    "pools": {"public": {"claim": True, "day": 5, "open": 10}},
    "upgrade": "handoff",
}


def parse(body: Mapping[str, Any]) -> Policy:
    """The routing policy with its rules compiled; its version is known only where it is in force.

    Raises PolicyInvalid with every problem found.
    """
    try:
        return compile_policy(dict(body), version=0)
    except ValidationError as error:
        raise PolicyInvalid([f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]) from error
    except RuleRefused as error:
        raise PolicyInvalid([f"rules: {error.expression}: {problem}" for problem in error.problems]) from error


def linted(policy: Policy) -> Sequence[str]:
    """What would surprise, in words."""
    return [f"{found.severity}: {found.path}: {found.message}" for found in lint(policy.routing)]


def check(routing: Policy, calendars: Mapping[str, Any]) -> None:
    """Raise PolicyInvalid with every calendar that routing names and the calendars policy has not."""
    problems = [
        f"{where}: there is no calendar {name!r}; the calendars policy has {', '.join(sorted(calendars))}"
        for where, name in _named(routing)
        if name not in calendars
    ]
    if problems:
        raise PolicyInvalid(problems)


def _named(routing: Policy) -> Sequence[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for team_id, team in routing.routing.teams.items():
        if team.calendar is not None:
            found.append((f"teams.{team_id}.calendar", team.calendar))
        found += [(f"teams.{team_id}.reps.{rep.id}.calendar", rep.calendar) for rep in team.reps if rep.calendar]
    return found


def keeps_to(teams: frozenset[str], old: PolicyBody, new: PolicyBody) -> bool:
    """Whether nothing differs but what stands under these teams; none of them comes or goes."""
    was, is_now = old.get("teams"), new.get("teams")
    if not isinstance(was, Mapping) or not isinstance(is_now, Mapping) or was.keys() != is_now.keys():
        return False
    return {**old, "teams": {}} == {**new, "teams": {}} and all(
        team in teams or was[team] == is_now[team] for team in was
    )


async def _routing_fits(body: PolicyBody, beside: Beside) -> None:
    check(parse(body), await beside(CALENDARS.kind))


async def _calendars_fit(body: PolicyBody, beside: Beside) -> None:
    check(await beside(ROUTING.kind), parse_calendars(body))


ROUTING: Final = PolicyDefinition(
    kind="routing",
    parse=parse,
    fits=_routing_fits,
    within=lambda old, new, teams: keeps_to(teams, old, new),
    preset=PRESET,
    read_roles=frozenset({"marketer", "manager", "viewer", "analyst", "operator", "admin"}),
    write_roles=frozenset({"manager", "admin"}),
    lint=linted,
)
POLICIES: Final = (ROUTING, replace(CALENDARS, fits=_calendars_fit))


@dataclass(frozen=True)
class LenientHours:
    """Hours by the calendars policy. A calendar it does not have (yet) counts as open: no lead waits for a typo."""

    known: CalendarHours

    def is_open(self, calendar: str, at: datetime, /) -> bool:
        return calendar not in self.known.calendars or self.known.is_open(calendar, at)

    def next_opening(self, calendar: str, at: datetime, /) -> datetime:
        return self.known.next_opening(calendar, at) if calendar in self.known.calendars else at


@dataclass(frozen=True)
class InForce:
    """What decides one transaction. `basis` grows with every publication of either policy."""

    policy: Policy
    hours: Hours
    basis: int


def hours_of(compiled: Mapping[str, Compiled]) -> Hours:
    """Hours by a published calendars policy."""
    return LenientHours(CalendarHours(compiled))


async def in_force(work: Work) -> InForce:
    """The versions in effect at the transaction's instant."""
    routing = await work.policy("routing")
    calendars = await work.policy("calendars")
    policy: Policy = routing.value
    compiled: Mapping[str, Compiled] = calendars.value
    return InForce(
        replace(policy, version=routing.version),
        LenientHours(CalendarHours(compiled)),
        routing.version + calendars.version,
    )
