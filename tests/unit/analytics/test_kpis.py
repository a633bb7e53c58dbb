"""The KPIs equal a count by hand over the events, for any stories in any order, by cohort and by period."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from analytics.domain.basis import Basis
from analytics.domain.facts import NOTHING, pack, unpack
from analytics.domain.fold import fold
from analytics.domain.kpis import Kpi, Spent, kpis, percentile, spent
from analytics.domain.spend import read_rows
from analytics.domain.tally import Days, Tally, add
from shared.contracts import Event
from tests.support.kpis_by_hand import by_hand
from tests.support.lead_stories import an_id, stories

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
LAST = START.date() + timedelta(days=1)
WINDOWS = ((None, None), (START.date(), START.date()), (LAST, None), (None, START.date()), (LAST, LAST))
SALES = frozenset({"search"})


def told(seed: int, leads: int) -> list[tuple[UUID, Event]]:
    rng = random.Random(seed)
    return [(an_id(rng), event) for event in stories(seed, leads, START)]


def tallied(events: list[tuple[UUID, Event]], days: Days) -> Tally:
    leads: defaultdict[UUID, list[tuple[UUID, Event]]] = defaultdict(list)
    for event_id, event in events:
        leads[event.lead_id].append((event_id, event))
    tally = Tally()
    for mine in leads.values():
        add(tally, unpack(pack(fold(NOTHING, mine))), Basis(), days, SALES)
    return tally


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("period", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
def test_sums_equal_a_count_by_hand(seed: int, period: bool, window: tuple[date | None, date | None]) -> None:  # noqa: FBT001
    events = told(seed, 60)
    tally = tallied(events, Days(*window, by_event=period))
    counts, spans = by_hand(events, *window, period=period)

    day_ms = 86_400_000
    in_time = sum(each <= day_ms for each in spans["response"])
    customers_in_time = sum(each <= day_ms for each in spans["customer"])
    amounts = {"won ": tally.won, "orders ": tally.orders, "marketing ": tally.marketing_won}
    mine = {**+tally.counts, **{f"{name}{each}": sums[each] for name, sums in amounts.items() for each in sums}}
    expected = {**counts, "in_time": in_time, "customer_in_time": customers_in_time}
    assert {name: n for name, n in mine.items() if n} == {name: n for name, n in expected.items() if n}
    found = (tally.responses, tally.customer_responses, tally.flow, tally.cycles)
    for name, mine_ms in zip(("response", "customer", "flow", "cycle"), found, strict=True):
        assert sorted(mine_ms) == sorted(spans[name])


def test_the_stories_reach_every_figure() -> None:
    counts, spans = by_hand(told(3, 400), None, None, period=False)
    names = ("mql", "sql", "won", "kept", "missed", "not_yet_due", "not_owed", "deals_lost", "marketing CNY")
    assert all(counts[name] for name in names)
    assert all(spans[name] for name in ("response", "customer", "flow", "cycle"))


@pytest.mark.parametrize(("values", "percent", "expected"), [
    ([], 50, None),
    ([7], 90, 7),
    ([1, 2, 3, 4], 50, 2),
    ([1, 2, 3, 4], 90, 4),
    (list(range(1, 11)), 90, 9),
])  # fmt: skip
def test_a_percentile_is_the_nearest_rank(values: list[int], percent: int, expected: int | None) -> None:
    assert percentile(values, percent) == expected


def by_id(found: list[Kpi]) -> dict[str, Kpi]:
    return {each.id: each for each in found}


def test_currencies_are_never_added() -> None:
    costs = spent(
        read_rows([
            {"month": "2026-05", "amount_minor": 31_000, "currency": "CNY"},
            {"month": "2026-05", "amount_minor": 5_000, "currency": "VND", "kind": "sales"},
        ]),
        None,
        None,
    )  # fmt: skip
    tally = Tally()
    tally.counts.update(leads=10, won=2, deals_won=2)
    tally.won.update(CNY=62_000, USD=9)
    tally.orders.update(CNY=1, USD=1)
    found = by_id(kpis(tally, costs, "CNY"))

    roi = dict(found["roi"].by_currency)
    assert {each: value.text for each, value in roi.items()} == {"CNY": "2.00", "USD": "–", "VND": "0.00"}
    assert found["cost_per_lead"].value == dict(found["cost_per_lead"].by_currency)["CNY"]
    assert {each: value.text for each, value in found["cac"].by_currency} == {"CNY": "¥155.00", "VND": "₫2,500"}
    assert {each: value.text for each, value in found["average_order_value"].by_currency} == {
        "CNY": "¥620.00",
        "USD": "$0.09",
    }


def test_nothing_at_all_divides_to_nothing() -> None:
    found = kpis(Tally(), Spent(spent([], None, None).marketing, spent([], None, None).sales), "VND")
    assert all(each.value is None or each.value.text == "–" for each in found)
    assert len({each.id for each in found}) == len(found)
