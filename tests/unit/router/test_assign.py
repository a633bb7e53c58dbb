"""Assignment: team by rule, owner by strategy, caps, hours, leave, and the record of it."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router.domain.assign import Assigned, Choice, Lead, Outcome, Pooled, Waiting, assign, choose_team, teams_wanted
from router.domain.desk import Desk, Load, released
from router.domain.policy import Routing
from router.domain.rules import Policy, compile_policy, lint
from shared.rules import RuleRefused
from tests.support.examples import examples
from tests.unit.router.builders import MONDAY, OfficeHours, a_lead, a_policy, a_team, at

HOURS = OfficeHours()
PRESETS = Path(__file__).parents[3] / "policy" / "routing"


def north(policy: Policy, desk: Desk | None = None, *, hours: float = 0, lead: Lead | None = None) -> Outcome:
    return assign(lead or Lead(a_lead()), {"north": desk or Desk("north")}, policy, at(hours), HOURS)


def given_out(policy: Policy, leads: int) -> tuple[Counter[str], Outcome]:
    desk, owners = Desk("north"), Counter[str]()
    outcome: Outcome = Waiting("no_team")
    for _ in range(leads):
        outcome = north(policy, desk)
        assert outcome.desk is not None
        desk = outcome.desk
        if isinstance(outcome, Assigned):
            owners[outcome.owner] += 1
    return owners, outcome


def skipped(outcome: Outcome) -> dict[str, str | None]:
    assert outcome.decision is not None
    return {seen.rep: seen.skipped for seen in outcome.decision.considered}


def test_a_capacity_of_one_means_one_and_the_rest_wait_for_tomorrow() -> None:
    policy = a_policy(
        teams={"north": a_team({"id": "ann", "capacity": {"day": 1}}, calendar="office")}, fallback="north"
    )
    owners, last = given_out(policy, 3)
    assert owners == {"ann": 1}
    assert isinstance(last, Waiting)
    assert last.reason == "all_at_capacity"
    assert last.wake_at == MONDAY + timedelta(days=1)  # nine o'clock on Tuesday
    assert skipped(last) == {"ann": "capacity_day"}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 8)), min_size=1, max_size=5), st.integers(0, 30))
@examples(60)
def test_no_cap_is_ever_exceeded(team: list[tuple[int, int]], leads: int) -> None:
    reps = [{"id": f"r{i}", "weight": weight, "capacity": {"day": day}} for i, (day, weight) in enumerate(team)]
    owners, _ = given_out(a_policy(teams={"north": a_team(*reps)}, fallback="north"), leads)
    assert all(owners[f"r{i}"] <= day for i, (day, _) in enumerate(team))
    assert sum(owners.values()) == min(leads, sum(day for day, _ in team))


def test_a_new_day_in_the_teams_zone_counts_afresh_and_the_week_does_not() -> None:
    policy = a_policy(teams={"north": a_team({"id": "ann", "capacity": {"day": 1, "week": 2}})}, fallback="north")
    desk = Desk("north")
    for hours, owner in ((0, "ann"), (14.9, None), (15, "ann"), (39, None), (7 * 24, "ann")):
        outcome = north(policy, desk, hours=hours)
        assert (outcome.owner if isinstance(outcome, Assigned) else None) == owner, hours
        assert outcome.desk is not None
        desk = outcome.desk


def test_open_work_that_ends_makes_room() -> None:
    policy = a_policy(teams={"north": a_team({"id": "ann", "capacity": {"open": 1}})}, fallback="north")
    first = north(policy)
    assert isinstance(first, Assigned)
    full = north(policy, first.desk)
    assert isinstance(full, Waiting)
    assert full.wake_at is None  # no clock frees open work
    assert full.desk is not None
    assert isinstance(north(policy, released(full.desk, "ann")), Assigned)


def test_closed_hours_wait_for_the_opening_unless_the_team_assigns_then_too() -> None:
    waits = a_policy(teams={"north": a_team("ann", calendar="office")}, fallback="north")
    night = north(waits, hours=12)
    assert isinstance(night, Waiting)
    assert (night.reason, night.wake_at) == ("closed_hours", at(24))
    assigns = a_policy(teams={"north": a_team("ann", calendar="office", outside_hours="assign")}, fallback="north")
    assert isinstance(north(assigns, hours=12), Assigned)


def test_every_rep_who_is_passed_over_has_a_reason() -> None:
    team = a_team(
        {"id": "away", "leave": [{"from": "2026-03-01", "to": "2026-03-02"}]},
        {"id": "thai", "languages": ["th"]},
        {"id": "food", "industries": ["food"]},
        {"id": "south", "regions": ["south"]},
        {"id": "off"},
        {"id": "full", "capacity": {"open": 0}},
        {"id": "idle", "weight": 0},
        {"id": "gone", "active": False},
        {"id": "ann"},
    )
    policy = a_policy(7, teams={"north": team}, fallback="north")
    lead = Lead(a_lead(language="vi", industry="manufacturing", region="north"))
    outcome = north(policy, Desk("north", switched_off=frozenset({"off"})), lead=lead)
    assert isinstance(outcome, Assigned)
    assert outcome.owner == "ann"
    assert skipped(outcome) == {
        "away": "on_leave",
        "thai": "not_eligible_language",
        "food": "not_eligible_industry",
        "south": "not_eligible_region",
        "off": "switched_off",
        "full": "capacity_open",
        "idle": "no_weight",
        "gone": "inactive",
        "ann": None,
    }
    assert (outcome.decision.rule, outcome.decision.policy_version, outcome.desk.next_number) == ("fallback", 7, 2)


def test_leave_ends_by_itself() -> None:
    policy = a_policy(
        teams={"north": a_team({"id": "ann", "leave": [{"from": "2026-03-02", "to": "2026-03-03"}]})}, fallback="north"
    )
    waiting = north(policy)
    assert isinstance(waiting, Waiting)
    assert (waiting.reason, waiting.wake_at) == ("nobody_eligible", at(39))  # midnight after Tuesday
    assert isinstance(north(policy, hours=39), Assigned)


def test_the_first_rule_names_the_team_and_without_one_the_lead_waits() -> None:
    policy = a_policy(
        teams={"north": a_team("ann"), "south": a_team("bao")},
        rules=[{"when": 'lead.region == "south"', "team": "south"}],
    )
    south = Lead(a_lead(region="south"))
    chosen = choose_team(south, policy)
    assert chosen is not None
    assert (chosen.team, chosen.rule) == ("south", "rules[0]")
    assert teams_wanted(south, policy) == {"south"}
    assert assign(Lead(a_lead(region="th")), {}, policy, MONDAY, HOURS) == Waiting("no_team")


def test_the_returning_owner_comes_first_and_a_full_one_does_not() -> None:
    policy = a_policy(
        teams={"north": a_team("ann"), "south": a_team({"id": "bao", "capacity": {"open": 1}})}, fallback="north"
    )
    lead = Lead(a_lead(), previous_owner="bao")
    desks = {"north": Desk("north"), "south": Desk("south")}
    back = assign(lead, desks, policy, MONDAY, HOURS)
    assert isinstance(back, Assigned)
    assert (back.owner, back.team, back.decision.strategy) == ("bao", "south", "returning_owner")
    other = assign(lead, {**desks, "south": back.desk}, policy, MONDAY, HOURS)
    assert isinstance(other, Assigned)
    assert other.owner == "ann"


def test_whoever_lost_the_lead_does_not_get_it_again_by_itself() -> None:
    policy = a_policy(teams={"north": a_team("ann", "bao")}, fallback="north")
    outcome = north(policy, lead=Lead(a_lead(), previous_owner="ann", avoid=frozenset({"ann"})))
    assert isinstance(outcome, Assigned)
    assert outcome.owner == "bao"


def test_strategies_in_order_least_open_and_pull() -> None:
    reps = ({"id": "ann", "capacity": {"day": 2}}, {"id": "bao"})
    in_order, _ = given_out(a_policy(teams={"north": a_team(*reps, strategy="order")}, fallback="north"), 5)
    assert in_order == {"ann": 2, "bao": 3}
    least = a_policy(teams={"north": a_team("ann", "bao", strategy="least_open")}, fallback="north")
    chosen = north(least, Desk("north", loads={"ann": Load(open=3), "bao": Load(open=2)}))
    assert isinstance(chosen, Assigned)
    assert chosen.owner == "bao"
    pulled = north(a_policy(teams={"north": a_team("ann", strategy="pull")}, fallback="north"))
    assert isinstance(pulled, Pooled)
    assert pulled.pool == "public"


def test_a_late_reps_weight_falls_with_their_performance() -> None:
    policy = a_policy(teams={"north": a_team("ann", "bao", strategy="performance")}, fallback="north")
    desk, owners = Desk("north", loads={"bao": Load(performance_milli=500)}), Counter[str]()
    for _ in range(30):
        outcome = north(policy, desk)
        assert isinstance(outcome, Assigned)
        owners[outcome.owner] += 1
        desk = outcome.desk
    assert owners == {"ann": 20, "bao": 10}


def test_a_policy_names_what_is_wrong_with_it() -> None:
    with pytest.raises(ValidationError, match="no team 'west'"):
        a_policy(teams={"north": a_team("ann")}, fallback="west")
    with pytest.raises(ValidationError, match="stands in north and south"):
        a_policy(teams={"north": a_team("ann"), "south": a_team("ann")})
    with pytest.raises(ValidationError, match="IANA"):
        a_policy(teams={"north": {"zone": "Hanoi"}})


def test_reasons_are_laid_over_the_presets() -> None:
    policy = a_policy(reasons={"timing": {"to": "re-marketing"}, "moved_away": {"to": "raw"}})
    assert policy.routing.reasons["timing"].to == "re-marketing"
    assert policy.routing.reasons["wrong_info"].to == "invalid"
    assert policy.routing.reasons["moved_away"].to == "raw"


def test_lint_finds_dead_rules_empty_teams_and_reps_without_capacity() -> None:
    routing = Routing.model_validate(
        {
            "teams": {"north": a_team({"id": "ann", "capacity": {"day": 0}}), "south": a_team("bao")},
            "rules": [{"when": "true", "team": "north"}, {"when": 'lead.region == "south"', "team": "south"}],
        }
    )
    paths = {finding.path for finding in lint(routing)}
    assert paths == {"rules[1]", "teams.north", "teams.north.reps.ann"}


@pytest.mark.parametrize("preset", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_is_valid_and_lint_finds_no_error(preset: Path) -> None:
    policy = compile_policy(yaml.safe_load(preset.read_text()), version=1)
    assert policy.team_of
    assert not [finding for finding in lint(policy.routing) if finding.severity == "error"]


def test_an_unknown_attribute_matches_no_rule() -> None:
    rule = {"when": 'lead.region != "south" || score >= 90', "team": "north", "name": "not south"}
    policy = a_policy(teams={"north": a_team("ann")}, rules=[rule])
    assert choose_team(Lead(a_lead()), policy) is None
    assert choose_team(Lead(a_lead(region="west")), policy) == Choice("north", "not south")
    assert choose_team(Lead(a_lead(), score_milli=90_000), policy) == Choice("north", "not south")


def test_a_mistyped_rule_is_refused() -> None:
    with pytest.raises(RuleRefused, match=r"lead\.region"):
        a_policy(teams={"north": a_team("ann")}, rules=[{"when": 'lead.regoin == "x"', "team": "north"}])
