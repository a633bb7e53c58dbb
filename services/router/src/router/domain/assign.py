"""Who gets the lead: team by rule, owner by strategy, with the record of everybody considered."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, assert_never

from router.domain.desk import Desk, Hours, Skip, local_day, skip, taken
from router.domain.policy import Pool, Rep, Team
from router.domain.rotation import lot, pick
from router.domain.rules import Policy
from shared.contracts.attributes import Attributes, values
from shared.contracts.handoffs import Considered, Decision

WaitingReason = Literal["no_team", "nobody_eligible", "all_at_capacity", "closed_hours"]
Skips = Mapping[str, Skip | None]


@dataclass(frozen=True)
class Lead:
    """What routing needs of a lead. `avoid`: owners who lost it in this episode; `step`: who is to act next."""

    attributes: Attributes
    score_milli: int = 0
    tier: str | None = None
    previous_owner: str | None = None
    avoid: frozenset[str] = frozenset()
    step: Literal["sdr", "rep"] = "rep"


@dataclass(frozen=True)
class Assigned:
    """One owner. `desk` is the team's desk afterwards; `calendar` and `manager` travel with the handoff."""

    owner: str
    team: str
    decision: Decision
    desk: Desk
    calendar: str | None
    manager: str | None


@dataclass(frozen=True)
class Waiting:
    """Nobody now: why, and when to look again where time alone can change it. Without a team, no desk either."""

    reason: WaitingReason
    team: str | None = None
    wake_at: datetime | None = None
    decision: Decision | None = None
    desk: Desk | None = None


@dataclass(frozen=True)
class Pooled:
    """The team pulls: the lead goes to a pool and is claimed there."""

    pool: Pool
    team: str
    decision: Decision
    desk: Desk


Outcome = Assigned | Waiting | Pooled


@dataclass(frozen=True)
class Choice:
    """The team a rule chose, or the fallback."""

    team: str
    rule: str


def rule_values(lead: Lead) -> dict[str, object]:
    """What a rule's condition sees, by dotted name; what is unknown is left out. See `rules.VARIABLES`."""
    known: dict[str, object] = {f"lead.{name}": value for name, value in values(lead.attributes).items()}
    known["score"] = lead.score_milli / 1000
    if lead.tier is not None:
        known["tier"] = lead.tier
    return known


def choose_team(lead: Lead, policy: Policy) -> Choice | None:
    """The team of the first rule that holds, else the fallback, else none."""
    seen = rule_values(lead)
    for compiled in policy.rules:
        if compiled.condition.matches(seen):
            sdr = compiled.rule.sdr if lead.step == "sdr" else None
            return Choice(sdr or compiled.rule.team, compiled.label)
    return None if policy.routing.fallback is None else Choice(policy.routing.fallback, "fallback")


def first_step(lead: Lead, policy: Policy) -> Literal["sdr", "rep"]:
    """Whether the rule that takes this lead lets an SDR pre-screen it."""
    seen = rule_values(lead)
    rule = next((compiled.rule for compiled in policy.rules if compiled.condition.matches(seen)), None)
    return "sdr" if rule is not None and rule.sdr is not None else "rep"


def preferred(lead: Lead, policy: Policy) -> tuple[tuple[str, str], ...]:
    """Reps who come before the rotation, best first, with why: whoever had the lead before, the account's owner."""
    if lead.step == "sdr":
        return ()
    wanted: list[tuple[str, str]] = []
    if policy.routing.returning_owner and lead.previous_owner is not None:
        wanted.append((lead.previous_owner, "returning_owner"))
    account = policy.routing.accounts.get(lead.attributes.company_domain or "")
    if account is not None:
        wanted.append((account, "account_owner"))
    return tuple((rep, why) for rep, why in wanted if rep in policy.team_of and rep not in lead.avoid)


def teams_wanted(lead: Lead, policy: Policy) -> frozenset[str]:
    """Every team whose desk `assign` may look at: lock these, in ascending order, before calling it."""
    choice = choose_team(lead, policy)
    return frozenset(policy.team_of[rep] for rep, _ in preferred(lead, policy)) | ({choice.team} if choice else set())


def assign(lead: Lead, desks: Mapping[str, Desk], policy: Policy, at: datetime, hours: Hours) -> Outcome:
    """Decide. Pure and deterministic: the same lead, desks, policy and instant give the same outcome."""
    for rep_id, why in preferred(lead, policy):
        team_id = policy.team_of[rep_id]
        team, desk = policy.team(team_id), desks[team_id]
        rep = team.rep(rep_id)
        if rep is not None and skip(rep, team, desk, lead.attributes, at=at, hours=hours) is None:
            return _assigned(rep, team, desk, _decision(desk, policy, why, why, {rep_id: None}), at)
    choice = choose_team(lead, policy)
    if choice is None:
        return Waiting("no_team")
    team, desk = policy.team(choice.team), desks[choice.team]
    skips = {rep.id: _skip(rep, team, desk, lead, at=at, hours=hours) for rep in team.reps}
    decision = _decision(desk, policy, choice.rule, team.strategy, skips)
    if team.strategy == "pull":
        return Pooled("public", choice.team, decision, replace(desk, next_number=desk.next_number + 1))
    able = [rep for rep in team.reps if skips[rep.id] is None]
    if not able:
        return _waiting(desk, decision, [why for why in skips.values() if why is not None])
    rep, turned = _choose(able, team, desk)
    return _assigned(rep, team, turned, decision, at)


def _skip(rep: Rep, team: Team, desk: Desk, lead: Lead, *, at: datetime, hours: Hours) -> Skip | None:
    if rep.id in lead.avoid:
        return Skip("had_it_before")
    found = skip(rep, team, desk, lead.attributes, at=at, hours=hours)
    if found is None and team.strategy in ("rotation", "performance") and _weight(rep, team, desk) <= 0:
        return Skip("no_weight")
    return found


def _choose(able: list[Rep], team: Team, desk: Desk) -> tuple[Rep, Desk]:
    match team.strategy:
        case "order":
            return able[0], desk
        case "least_open":
            return min(able, key=lambda rep: _least_open_key(rep, desk)), desk
        case "rotation" | "performance":
            weights = ((rep.id, _weight(rep, team, desk)) for rep in able)
            chosen, rotation = pick(desk.rotation, weights, team=desk.team, number=desk.next_number)
            return next(rep for rep in able if rep.id == chosen), replace(desk, rotation=rotation)
        case "pull":
            raise ValueError("a team that pulls is assigned nothing")
        case _:
            assert_never(team.strategy)


def _least_open_key(rep: Rep, desk: Desk) -> tuple[int, int, bytes]:
    """Least open work, then fewest today, then a lot: an empty desk must not always start with the same name."""
    load = desk.load(rep.id)
    return load.open, load.today, lot(desk.team, desk.next_number, rep.id)


def _weight(rep: Rep, team: Team, desk: Desk) -> int:
    if team.strategy != "performance":
        return rep.weight_milli
    return rep.weight_milli * desk.load(rep.id).performance_milli // 1000


def _assigned(rep: Rep, team: Team, desk: Desk, decision: Decision, at: datetime) -> Assigned:
    fuller = taken(desk, rep.id, local_day(team, at))
    after = replace(fuller, next_number=desk.next_number + 1)
    return Assigned(rep.id, desk.team, decision, after, rep.calendar or team.calendar, team.manager)


def _waiting(desk: Desk, decision: Decision, skips: list[Skip]) -> Waiting:
    reasons = {found.reason for found in skips}
    reason: WaitingReason = "nobody_eligible"
    if "closed_hours" in reasons:
        reason = "closed_hours"
    elif reasons & {"capacity_day", "capacity_week", "capacity_open"}:
        reason = "all_at_capacity"
    wakes = [found.until.astimezone(UTC) for found in skips if found.until is not None]
    after = replace(desk, next_number=desk.next_number + 1)
    return Waiting(reason, desk.team, min(wakes, default=None), decision, after)


def _decision(desk: Desk, policy: Policy, rule: str, strategy: str, skips: Skips) -> Decision:
    considered = tuple(Considered(rep=rep, skipped=why.reason if why else None) for rep, why in skips.items())
    return Decision(
        number=desk.next_number, rule=rule, strategy=strategy, policy_version=policy.version, considered=considered
    )
