"""A published routing policy ready for use: rules compiled, reps found by id; and what lint says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from router.domain.policy import Rep, Routing, Team, TeamRule
from shared.contracts.attributes import ATTRIBUTE_NAMES
from shared.rules import VariableType, compile_rule

VARIABLES: Mapping[str, VariableType] = {
    **{f"lead.{name}": "string" for name in ATTRIBUTE_NAMES},
    "lead.tags": "list",
    "lead.referred": "bool",
    "score": "number",
    "tier": "string",
}


class Rule(Protocol):
    """A compiled condition over `VARIABLES`."""

    def matches(self, values: Mapping[str, object], /) -> bool: ...


@dataclass(frozen=True)
class CompiledRule:
    label: str
    rule: TeamRule
    condition: Rule


@dataclass(frozen=True)
class Policy:
    """One immutable version. Built by `compile_policy`. `screens`: some rule lets an SDR come first.

    `mailed`: reps who have an e-mail address.
    """

    version: int
    routing: Routing
    rules: tuple[CompiledRule, ...]
    team_of: Mapping[str, str]
    screens: bool
    mailed: frozenset[str] = frozenset()

    def team(self, team_id: str) -> Team:
        return self.routing.teams[team_id]


@dataclass(frozen=True)
class Finding:
    """What lint found: an `error` refuses the policy, a `warning` is shown."""

    severity: str
    path: str
    message: str


def step_of(policy: Policy, team_id: str) -> Literal["sdr", "rep"]:
    """What a handoff to this team is: a pre-screening, where the rules name it as an SDR desk and nothing else."""
    screens = any(compiled.rule.sdr == team_id for compiled in policy.rules)
    sells = policy.routing.fallback == team_id or any(compiled.rule.team == team_id for compiled in policy.rules)
    return "sdr" if screens and not sells else "rep"


def compile_when(expression: str) -> Rule:
    return compile_rule(expression, VARIABLES)


def compile_policy(document: object, *, version: int, compile_rule: Callable[[str], Rule] = compile_when) -> Policy:
    """Parse, validate and compile. Raises pydantic.ValidationError, or RuleRefused for a condition."""
    routing = Routing.model_validate(document)
    compiled = tuple(
        CompiledRule(rule.name or f"rules[{index}]", rule, compile_rule(rule.when))
        for index, rule in enumerate(routing.rules)
    )
    team_of = {rep.id: team_id for team_id, team in routing.teams.items() for rep in team.reps}
    mailed = frozenset(rep.id for team in routing.teams.values() for rep in team.reps if rep.email)
    return Policy(version, routing, compiled, team_of, any(rule.sdr for rule in routing.rules), mailed)


def lint(routing: Routing) -> tuple[Finding, ...]:
    """What would surprise: unreachable rules, teams nobody reaches or works in, reps who can never take a lead."""
    return (*_rule_findings(routing), *_team_findings(routing))


def _rule_findings(routing: Routing) -> list[Finding]:
    found: list[Finding] = []
    seen: dict[str, int] = {}
    for index, rule in enumerate(routing.rules):
        earlier = seen.get(rule.when.strip(), seen.get("true"))
        if earlier is not None:
            found.append(Finding("warning", f"rules[{index}]", f"never reached: rules[{earlier}] always comes first"))
        seen.setdefault(rule.when.strip(), index)
    if routing.fallback is None and "true" not in seen:
        found.append(Finding("warning", "fallback", "leads that no rule takes will wait for a team"))
    return found


def _team_findings(routing: Routing) -> list[Finding]:
    reached = {rule.team for rule in routing.rules} | {rule.sdr for rule in routing.rules} | {routing.fallback}
    found: list[Finding] = []
    for team_id, team in routing.teams.items():
        path = f"teams.{team_id}"
        if team_id not in reached:
            found.append(Finding("warning", path, "no rule leads here"))
        if team.strategy != "pull" and not any(can_ever_take(rep, team) for rep in team.reps):
            found.append(Finding("warning", path, "has nobody who can take a lead"))
        found.extend(
            Finding("warning", f"{path}.reps.{rep.id}", "has no effective capacity")
            for rep in team.reps
            if rep.active and not can_ever_take(rep, team)
        )
    return found


def can_ever_take(rep: Rep, team: Team) -> bool:
    """Whether weight and caps leave room for even one lead."""
    weighted = team.strategy in ("order", "least_open") or rep.weight_milli > 0
    return rep.active and weighted and 0 not in (rep.capacity.day, rep.capacity.week, rep.capacity.open)
