"""A transaction's rosters: what is worked out once for many leads changes no decision."""

import random
from datetime import timedelta

import pytest

from router.domain.assign import Lead, assign, decide, ways
from router.domain.desk import Desk, released
from router.domain.roster import Rosters
from tests.unit.router.builders import MONDAY, OfficeHours, a_lead, a_policy, a_team

HOURS = OfficeHours()
REPS = (
    {"id": "ann", "capacity": {"day": 3}},
    {"id": "bao", "languages": ["vi"], "weight": 2},
    {"id": "chi", "regions": ["south"], "capacity": {"open": 2}},
    {"id": "dung", "weight": 0},
    {"id": "em", "leave": [{"from": "2026-03-02", "to": "2026-03-02"}]},
)


@pytest.mark.parametrize("strategy", ["rotation", "performance", "order", "least_open", "pull"])
@pytest.mark.parametrize("seed", range(4))
def test_many_leads_of_one_instant_are_decided_as_each_alone(strategy: str, seed: int) -> None:
    policy = a_policy(teams={"north": a_team(*REPS, strategy=strategy, calendar="office")}, fallback="north")
    chance, desk, now = random.Random(seed), Desk("north"), MONDAY
    rosters = Rosters(policy, now, HOURS)
    for _ in range(80):
        if chance.random() < 0.1:
            now += timedelta(hours=chance.choice([1, 7, 20]))
            rosters = Rosters(policy, now, HOURS)
        if chance.random() < 0.2:
            desk = released(desk, "chi")  # by another door than an assignment: the roster must notice
        lead = Lead(
            a_lead(language=chance.choice([None, "vi", "th"]), region=chance.choice([None, "north", "south"])),
            previous_owner=chance.choice([None, None, "dung"]),
            avoid=frozenset(chance.choice([(), (), ("ann",)])),
        )
        alone = assign(lead, {"north": desk}, policy, now, HOURS)
        assert decide(lead, ways(lead, policy), {"north": desk}, rosters) == alone
        assert alone.desk is not None
        desk = alone.desk


def test_a_filled_cap_is_seen_by_the_next_lead_of_the_same_instant() -> None:
    team = a_team({"id": "ann", "capacity": {"day": 1}}, {"id": "bao", "capacity": {"open": 1}}, strategy="order")
    policy = a_policy(teams={"north": team}, fallback="north")
    rosters, desk, lead = Rosters(policy, MONDAY, HOURS), Desk("north"), Lead(a_lead())
    records: list[list[str | None]] = []
    for _ in range(3):
        outcome = decide(lead, ways(lead, policy), {"north": desk}, rosters)
        assert outcome.desk is not None
        assert outcome.decision is not None
        desk = outcome.desk
        records.append([seen.skipped for seen in outcome.decision.considered])
    assert records == [[None, None], ["capacity_day", None], ["capacity_day", "capacity_open"]]
