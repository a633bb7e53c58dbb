"""The published bound over a hundred thousand random leads (a million in bench/ours/fairness.py), and as it is shown."""

import pytest

from router.domain.desk import Desk
from router.domain.rotation import Place, Rotation
from router.watching import unfairness
from tests.support.fairness import played


@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_a_lead_from_their_share_nor_over_a_cap_through_every_change(seed: int) -> None:
    figures = played(10_000, seed)
    assert figures.greatest <= 1
    assert figures.assigned > 2_000
    assert figures.waited > 0
    assert figures.changes > 10
    assert figures.restarts > 10


def test_what_is_shown_is_the_greatest_difference_of_a_team() -> None:
    places = {"a": Place(3), "b": Place(1)}
    assert unfairness(Desk("north", rotation=Rotation((("a", 1), ("b", 1)), 4, places))) == 1.0
    assert unfairness(Desk("north")) == 0.0
