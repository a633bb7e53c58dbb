"""The fair rotation: its published bound, and that nobody is favoured, flooded or punished."""

import random
from collections import Counter
from itertools import pairwise
from time import perf_counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from router.domain.rotation import Rotation, deviations, pick, within_bound
from tests.support.examples import examples

WEIGHTS = st.sampled_from([1, 1, 1, 2, 3, 5, 8, 20, 500, 1000])


def run(weights: dict[str, int], picks: int, rotation: Rotation | None = None) -> tuple[list[str], Rotation]:
    rotation = rotation or Rotation()
    turns: list[str] = []
    for number in range(1, picks + 1):
        rep, rotation = pick(rotation, weights.items(), team="north", number=number)
        assert within_bound(rotation)
        turns.append(rep)
    return turns, rotation


@given(st.lists(WEIGHTS, min_size=1, max_size=8), st.integers(1, 300))
@examples(80)
def test_every_rep_stays_within_one_lead_of_their_share(weights: list[int], picks: int) -> None:
    _, rotation = run({f"rep-{i}": weight for i, weight in enumerate(weights)}, picks)
    assert all(abs(deviation) < 1 for deviation in deviations(rotation).values())


@given(st.lists(st.tuples(WEIGHTS, st.floats(0.2, 1)), min_size=2, max_size=7), st.integers(1, 12), st.randoms())
@examples(80)
def test_the_bound_holds_since_the_last_change_whoever_comes_and_goes(
    team: list[tuple[int, float]], stay: int, chance: random.Random
) -> None:
    rotation, present = Rotation(), dict[str, int]()
    for number in range(1, 200):
        if not present or number % stay == 0:
            there = {f"rep-{i}": weight for i, (weight, presence) in enumerate(team) if chance.random() < presence}
            present = there or {"rep-0": team[0][0]}
        rep, rotation = pick(rotation, present.items(), team="north", number=number)
        assert rep in present
        assert within_bound(rotation)


@given(st.sampled_from([1, 2, 3, 5, 7, 9]), st.lists(st.sampled_from([1, 2, 5, 8]), min_size=2, max_size=6))
@examples(40)
def test_changes_every_few_leads_add_up_to_nobodys_loss(every: int, weights: list[int]) -> None:
    always = {f"rep-{i}": weight for i, weight in enumerate(weights)}
    rotation, share, got = Rotation(), Counter[str](), Counter[str]()
    for number in range(1, 1500):
        present = {**always, "now-and-then": 1} if (number // every) % 2 else always
        for rep, weight in present.items():
            share[rep] += weight / sum(present.values())  # pyright: ignore[reportArgumentType]
        rep, rotation = pick(rotation, present.items(), team="north", number=number)
        got[rep] += 1
    assert all(abs(got[rep] - share[rep]) < 2 for rep in share)


def test_eight_to_one_to_one_is_spread_and_not_served_in_blocks() -> None:
    turns, _ = run({"an": 1, "binh": 1, "chi": 8}, 1000)
    assert Counter(turns) == {"an": 100, "binh": 100, "chi": 800}
    light = [index for index, rep in enumerate(turns) if rep == "an"]
    assert all(later - earlier <= 20 for earlier, later in pairwise(light))


def test_thirty_leads_among_equals_are_ten_each_and_no_name_always_starts() -> None:
    turns, _ = run({"an": 1, "binh": 1, "chi": 1}, 30)
    assert set(Counter(turns).values()) == {10}
    first = Counter(pick(Rotation(), {"an": 1, "binh": 1}.items(), team="t", number=n)[0] for n in range(400))
    assert min(first.values()) > 120


def test_a_rep_back_from_leave_is_not_flooded_and_lost_nothing() -> None:
    everyone = {"an": 1, "binh": 1, "chi": 1}
    _, rotation = run(everyone, 4)
    _, rotation = run({"an": 1, "binh": 1}, 1000, rotation)
    turns, _ = run(everyone, 9, rotation)
    assert 2 <= Counter(turns)["chi"] <= 4


def test_the_same_rotation_decides_alike_and_survives_its_row() -> None:
    weights = {"an": 5, "binh": 1}
    turns, rotation = run(weights, 50)
    assert turns == run(weights, 50)[0]
    kept = msgspec.json.decode(msgspec.json.encode(rotation), type=Rotation)
    assert kept == rotation


def test_a_hundred_thousand_leads_take_seconds_not_minutes() -> None:
    weights = {f"rep-{i}": weight for i, weight in enumerate([5, 1, 1, 8, 3, 2, 1, 1, 4, 7])}
    rotation, started = Rotation(), perf_counter()
    for number in range(100_000):
        _, rotation = pick(rotation, weights.items(), team="north", number=number)
    assert within_bound(rotation)
    assert perf_counter() - started < 10
