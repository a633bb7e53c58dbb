"""The nurture policy: what it may say, and what is refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.runtime.policies import PolicyInvalid
from sla_watcher.domain import NURTURE
from sla_watcher.domain.cadences import Step
from sla_watcher.policies import CADENCES, parse_cadences

STEPS = [{"day": 0, "content": "thanks"}]


def refusals(body: Mapping[str, Any]) -> list[str]:
    with pytest.raises(PolicyInvalid) as refused:
        parse_cadences(body, {"office"})
    return [problem.partition(":")[0] for problem in refused.value.problems]


def test_the_preset_sends_on_days_0_3_7_and_10_to_14() -> None:
    policy = parse_cadences(NURTURE, {"office"})
    (cadence,) = policy.cadences
    assert cadence.steps == (
        Step(0, "thanks"),
        Step(3, "best_practice"),
        Step(7, "demo_video"),
        Step(10, "invitation"),
    )
    assert (cadence.by, cadence.calendar, policy.pool) == (("industry", "title_level"), "office", "warm_up")
    assert (policy.by_tier_alone, policy.asked) == (True, ("industry", "title_level"))


def test_a_condition_may_ask_for_the_score_and_the_lead() -> None:
    when = 'score >= 40 && lead.industry == "food"'
    policy = parse_cadences({"cadences": [{"name": "food", "when": when, "steps": STEPS}]})
    assert (policy.by_tier_alone, policy.pool) == (False, "food")


@pytest.mark.parametrize("pool", [{}, [], 5, True, "cold"])
def test_a_pool_that_names_no_cadence_is_refused(pool: object) -> None:
    assert refusals({"cadences": [{"name": "warm_up", "steps": STEPS}], "pool": pool}) == ["pool"]


def test_no_cadence_at_all_is_a_policy_too() -> None:
    assert CADENCES.parse({"cadences": []}).pool is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"steps": []}, "cadences[0].steps"),
        ({"steps": [{"day": -1, "content": "thanks"}]}, "cadences[0].steps[0].day"),
        ({"steps": [{"day": "14..10", "content": "thanks"}]}, "cadences[0].steps[0].day"),
        ({"steps": [{"day": True, "content": "thanks"}]}, "cadences[0].steps[0].day"),
        ({"steps": [{"day": 3, "content": "thanks"}, {"day": 0, "content": "thanks"}]}, "cadences[0].steps"),
        ({"steps": [{"day": 3, "content": "A mail!"}]}, "cadences[0].steps[0].content"),
        ({"when": "tier =="}, "cadences[0].when"),
        ({"when": "colour == 1"}, "cadences[0].when"),
        ({"by": ["email"]}, "cadences[0].by[0]"),
        ({"by": ["industry", "industry"]}, "cadences[0].by"),
        ({"calendar": "night"}, "cadences[0].calendar"),
        ({"name": "Warm up"}, "cadences[0].name"),
        ({"colour": 1}, "cadences[0].colour"),
    ],
)
def test_a_cadence_that_makes_no_sense_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    assert refusals({"cadences": [{"name": "warm_up", "steps": STEPS, **change}]}) == [place]


def test_cadences_that_nobody_reaches_and_pools_without_one_are_refused() -> None:
    first, second = {"name": "a", "steps": STEPS}, {"name": "b", "steps": STEPS}
    assert refusals({"cadences": [first, second]}) == ["cadences[1]"]
    assert refusals({"cadences": [{**first, "when": "score > 1.0"}, {**first}]}) == ["cadences[1].name"]
    assert refusals({"cadences": [first], "pool": "c"}) == ["pool"]
    assert refusals({"cadences": [first], "contents": ["Thank you"]}) == ["contents[0]"]
    assert refusals({"cadences": {}}) == ["cadences"]
