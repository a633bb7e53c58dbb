"""Random leads through a team with joiners, leavers, capacities and restarts: the bound and the caps, at every lead."""

import random
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from router.domain.assign import Assigned, Lead, decide, ways
from router.domain.desk import Desk, local_day, released
from router.domain.roster import Rosters
from router.domain.rotation import deviations
from router.domain.rules import Policy, compile_policy
from router.policies import hours_of
from shared.contracts.attributes import Attributes
from tests.support.harness import MONDAY_NINE

CAPACITIES = ({"open": 1}, {"day": 14}, {"week": 15}, {"open": 44, "day": 44}, {"day": 15, "week": 44}, {})
WEIGHTS = (1, 1, 1, 2, 0.5, 3)
KINDS = tuple(Attributes(region=region) for region in ("north", "south", None))


class Figures(NamedTuple):
    """What a run came to."""

    leads: int
    assigned: int
    waited: int
    changes: int
    restarts: int
    greatest: float


def a_policy(rng: random.Random, version: int) -> Policy:
    """Some of nine reps, with new weights and the same capacities: joiners, leavers, changes."""
    there = rng.sample(range(9), rng.randint(1, 9))
    reps = [
        {
            "id": f"rep-{n}",
            "weight": rng.choice(WEIGHTS),
            "capacity": CAPACITIES[n % len(CAPACITIES)],
            "regions": ["north"] if n == 4 else [],
        }
        for n in there
    ]
    return compile_policy({"teams": {"north": {"zone": "UTC", "reps": reps}}, "fallback": "north"}, version=version)


def played(leads: int, seed: int) -> Figures:
    """Hand out so many leads.

    Raises AssertionError where somebody is a lead or more from their share, or over a cap.
    """
    rng, now, desk = random.Random(seed), MONDAY_NINE, Desk("north")
    policy = a_policy(rng, 1)
    rosters = Rosters(policy, now, hours_of({}))
    assigned = waited = changes = restarts = 0
    greatest = 0.0
    work: list[str] = []
    for _ in range(leads):
        chance = rng.random()
        if chance < 0.002:
            policy, changes = a_policy(rng, changes + 2), changes + 1
        elif chance < 0.004:
            desk, restarts = msgspec.json.decode(msgspec.json.encode(desk), type=Desk), restarts + 1
        elif chance < 0.05:
            now += timedelta(minutes=rng.choice((1, 10, 300)))
        while work and (len(work) > 200 or rng.random() < 0.45):
            desk = released(desk, work.pop(rng.randrange(len(work))))
        if rosters.policy is not policy or rosters.at != now:
            rosters = Rosters(policy, now, hours_of({}))
        lead = Lead(rng.choice(KINDS))
        outcome = decide(lead, ways(lead, policy), {"north": desk}, rosters)
        assert outcome.desk is not None
        desk = outcome.desk
        if not isinstance(outcome, Assigned):
            waited += 1
            continue
        assigned += 1
        work.append(outcome.owner)
        _within_caps(policy, desk, outcome.owner, now)
        greatest = max(greatest, *map(abs, deviations(desk.rotation).values()))
        assert greatest <= 1, f"{greatest} from the share after {assigned} leads of seed {seed}"
    return Figures(leads, assigned, waited, changes, restarts, greatest)


def _within_caps(policy: Policy, desk: Desk, rep_id: str, now: datetime) -> None:
    team = policy.team("north")
    rep, load = team.rep(rep_id), desk.load(rep_id)
    assert rep is not None
    assert load.day == local_day(team, now)
    for cap, held in (
        (rep.capacity.open, load.open),
        (rep.capacity.day, load.today),
        (rep.capacity.week, load.this_week),
    ):
        assert cap is None or held <= cap, f"{rep_id} holds {held} of {cap}"
