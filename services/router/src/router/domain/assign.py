"""Who gets the lead: team by rule, owner by strategy, with the record of everybody considered."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple, assert_never

import msgspec
from msgspec.structs import replace

from router.domain.desk import Desk, Hours, fuller, skip
from router.domain.dossier import NOBODY
from router.domain.policy import Pool, Rep
from router.domain.roster import Roster, Rosters, View, WaitingReason, considered
from router.domain.rotation import Rotation, lot, next_turn
from router.domain.rules import Policy
from shared.contracts.attributes import Attributes, values
from shared.contracts.handoffs import Considered, Decision


class Lead(msgspec.Struct, frozen=True, gc=False):
    """What routing needs of a lead. `avoid`: owners who lost it in this episode; `step`: who is to act next."""

    attributes: Attributes
    score_milli: int = 0
    tier: str | None = None
    previous_owner: str | None = None
    avoid: frozenset[str] = NOBODY
    step: Literal["sdr", "rep"] = "rep"


class Assigned(NamedTuple):
    """One owner. `desk` is the team's desk afterwards; `calendar` and `manager` travel with the handoff."""

    owner: str
    team: str
    decision: Decision
    desk: Desk
    calendar: str | None
    manager: str | None


class Waiting(NamedTuple):
    """Nobody now: why, and when to look again where time alone can change it. Without a team, no desk either."""

    reason: WaitingReason
    team: str | None = None
    wake_at: datetime | None = None
    decision: Decision | None = None
    desk: Desk | None = None


class Pooled(NamedTuple):
    """The team pulls: the lead goes to a pool and is claimed there."""

    pool: Pool
    team: str
    decision: Decision
    desk: Desk


Outcome = Assigned | Waiting | Pooled


class Choice(NamedTuple):
    """The team a rule chose, or the fallback."""

    team: str
    rule: str


class Ways(NamedTuple):
    """Where a lead may go: reps who come before the rotation, with why, and the team of everybody else."""

    preferred: tuple[tuple[str, str], ...]
    choice: Choice | None


def rule_values(lead: Lead) -> dict[str, object]:
    """What a rule's condition sees, by dotted name; what is unknown is left out. See `rules.VARIABLES`."""
    known: dict[str, object] = {f"lead.{name}": value for name, value in values(lead.attributes).items()}
    known["score"] = lead.score_milli / 1000
    if lead.tier is not None:
        known["tier"] = lead.tier
    return known


def choose_team(lead: Lead, policy: Policy) -> Choice | None:
    """The team of the first rule that holds, else the fallback, else none."""
    seen = rule_values(lead) if policy.rules else {}
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
    if not wanted:
        return ()
    return tuple((rep, why) for rep, why in wanted if rep in policy.team_of and rep not in lead.avoid)


def ways(lead: Lead, policy: Policy) -> Ways:
    """Where this lead may go under this policy, whoever is there now."""
    return Ways(preferred(lead, policy), choose_team(lead, policy))


def teams_of(found: Ways, policy: Policy) -> frozenset[str]:
    """Every team whose desk `decide` may look at."""
    chosen = NOBODY if found.choice is None else _alone(found.choice.team)
    return chosen.union([policy.team_of[rep] for rep, _ in found.preferred]) if found.preferred else chosen


@lru_cache(maxsize=1024)
def _alone(team: str) -> frozenset[str]:
    return frozenset((team,))


def teams_wanted(lead: Lead, policy: Policy) -> frozenset[str]:
    """Every team whose desk `assign` may look at: lock these, in ascending order, before calling it."""
    return teams_of(ways(lead, policy), policy)


def assign(lead: Lead, desks: Mapping[str, Desk], policy: Policy, at: datetime, hours: Hours) -> Outcome:
    """Decide. Pure and deterministic: the same lead, desks, policy and instant give the same outcome."""
    return decide(lead, ways(lead, policy), desks, Rosters(policy, at, hours))


def decide(lead: Lead, found: Ways, desks: Mapping[str, Desk], rosters: Rosters) -> Outcome:
    """`assign` for one of many leads of an instant: `rosters` spares the next ones what this one had to work out."""
    policy = rosters.policy
    for rep_id, why in found.preferred:
        roster = rosters.of(desks[policy.team_of[rep_id]])
        rep = roster.team.rep(rep_id)
        if rep is not None and _may(rep, roster, lead):
            decision = _decision(roster, policy, why, why, (considered(rep_id, None),))
            return _assigned(rep, roster, roster.desk.rotation, decision)
    if found.choice is None:
        return Waiting("no_team")
    roster = rosters.of(desks[found.choice.team])
    view = roster.view(lead.attributes, lead.avoid)
    decision = _decision(roster, policy, found.choice.rule, roster.team.strategy, view.considered)
    if roster.team.strategy == "pull":
        return Pooled("public", found.choice.team, decision, _decided(roster))
    if not view.able:
        return Waiting(view.reason, roster.desk.team, view.wake_at, decision, _decided(roster))
    rep, rotation = _choose(view, roster)
    return _assigned(rep, roster, rotation, decision)


def _may(rep: Rep, roster: Roster, lead: Lead) -> bool:
    return skip(rep, roster.team, roster.desk, lead.attributes, at=roster.at, hours=roster.hours) is None


def _choose(view: View, roster: Roster) -> tuple[Rep, Rotation]:
    desk, strategy = roster.desk, roster.team.strategy
    match strategy:
        case "order":
            return next(iter(view.able.values())), desk.rotation
        case "least_open":
            return view.able[_least_open(view.able, desk)], desk.rotation
        case "rotation" | "performance":
            chosen, rotation = next_turn(desk.rotation, view.eligible, team=desk.team, number=desk.next_number)
            return view.able[chosen], rotation
        case "pull":
            raise ValueError("a team that pulls is assigned nothing")
        case _:
            assert_never(strategy)


def _least_open(able: Mapping[str, Rep], desk: Desk) -> str:
    """Least open work, then fewest today, then a lot: an empty desk must not always start with the same name."""
    held = [(rep_id, desk.load(rep_id)) for rep_id in able]
    loads = [(load.open, load.today, rep_id) for rep_id, load in held]
    least = min(loads)
    tied = [rep_id for open_work, today, rep_id in loads if (open_work, today) == least[:2]]
    return min(tied, key=lambda rep_id: lot(desk.team, desk.next_number, rep_id))


def _assigned(rep: Rep, roster: Roster, rotation: Rotation, decision: Decision) -> Assigned:
    team, desk = roster.team, roster.desk
    after = replace(desk, next_number=desk.next_number + 1, rotation=rotation, loads=fuller(desk, rep.id, roster.day))
    roster.go_on(after, rep)
    return Assigned(rep.id, desk.team, decision, after, rep.calendar or team.calendar, team.manager)


def _decided(roster: Roster) -> Desk:
    """The desk after a decision that gave the lead to nobody."""
    after = replace(roster.desk, next_number=roster.desk.next_number + 1)
    roster.go_on(after)
    return after


def _decision(roster: Roster, policy: Policy, rule: str, strategy: str, record: tuple[Considered, ...]) -> Decision:
    return Decision(
        number=roster.desk.next_number, rule=rule, strategy=strategy, policy_version=policy.version, considered=record
    )
