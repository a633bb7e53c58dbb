"""Live figures, rebuilt figures and plain SQL over the events are the same numbers, to the last bit."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from analytics.domain.basis import Basis
from analytics.domain.contribution import MEASURES
from analytics.main import service
from analytics.settings import Settings
from shared.contracts import Attributes, LeadCaptured, OpportunityOpened, OpportunityWon
from tests.integration.analytics.brute_force import funnel_sql
from tests.support.harness import MONDAY_NINE, PARTITIONS, Bench, a_service, interleaved
from tests.support.lead_stories import an_id, stories
from tests.support.postgres import MakeDatabase

_SUMS = ", ".join(f"sum({name})::bigint as {name}" for name in MEASURES)
_ANY = " or ".join(f"sum({name}) <> 0" for name in MEASURES)
BY = ("source", "industry", "tier", "rep", "team")


@pytest.fixture
async def bench(make_database: MakeDatabase) -> AsyncIterator[Bench]:
    async with a_service(service(Settings(Basis(), "CNY")), make_database) as running:
        yield running


def _by_key(rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {(row.pop("value"), row.pop("day"), row.pop("currency")): row for row in rows}


async def live(bench: Bench, by: str) -> dict[Any, dict[str, Any]]:
    query = f"select value, day, currency, {_SUMS} from rollup where dimension = :by group by 1, 2, 3 having {_ANY}"
    return _by_key(await bench.rows(query, by=by))


async def everything(bench: Bench) -> Any:
    """All cells and all facts."""
    cells = await bench.rows(
        f"select partition, dimension, value, day, currency, {_SUMS} from rollup group by 1, 2, 3, 4, 5"
        f" having {_ANY} order by 1, 2, 3, 4, 5"
    )
    facts = await bench.rows("select lead_id, day, place, touched_at, facts from lead_fact order by lead_id")
    return cells, facts


async def tell(bench: Bench, seed: int, leads: int, batch: int) -> None:
    records = [bench.record(event) for event in stories(seed, leads, MONDAY_NINE)]
    mixed = interleaved(records, random.Random(seed))
    for start in range(0, len(mixed), batch):
        await bench.deliver_records(mixed[start : start + batch])


async def rebuild(bench: Bench, limit: int) -> None:
    assert (await bench.client.post("/v1/ops/analytics/rebuild")).status_code == 202
    timer = bench.service.timers[0]
    while await bench.next_due():
        for partition in range(PARTITIONS):
            async with bench.transactions.locked([partition]) as work:
                await timer.fire(work, partition, limit)


@pytest.mark.parametrize("seed", [1, 2])
async def test_live_figures_equal_plain_sql_and_the_rebuild(bench: Bench, seed: int) -> None:
    await tell(bench, seed, leads=120, batch=97)
    before = await everything(bench)

    for by in BY:
        plain = _by_key(await bench.rows(funnel_sql(by)))
        assert await live(bench, by) == plain
        assert sum(row["leads"] for row in plain.values()) > 50

    await rebuild(bench, limit=7)
    assert await everything(bench) == before


async def test_a_rebuild_mends_cells_and_facts_that_went_wrong(bench: Bench) -> None:
    await tell(bench, 3, leads=30, batch=400)
    right = await everything(bench)
    async with bench.transactions.free() as work:
        raw = await work.raw()
        await raw.execute("update rollup set leads = leads + 5 where dimension = 'source'")
        await raw.execute("delete from lead_fact where lead_id in (select lead_id from lead_fact limit 3)")
        await raw.execute("update lead_fact set facts = '' where place = 'test' or mod(partition, 2) = 0")
    await rebuild(bench, limit=4)

    assert await everything(bench) == right
    assert (await bench.client.post("/v1/ops/analytics/rebuild")).json()["leads_left"] == 30


async def test_the_figures_stay_right_while_a_rebuild_goes_on_and_leads_come_in(bench: Bench) -> None:
    await tell(bench, 4, leads=30, batch=400)
    await bench.client.post("/v1/ops/analytics/rebuild")
    timer = bench.service.timers[0]
    async with bench.transactions.locked([0]) as work:
        await timer.fire(work, 0, 3)
    records = [bench.record(event) for event in stories(5, 30, MONDAY_NINE)]
    await bench.deliver_records(records)

    assert await live(bench, "source") == _by_key(await bench.rows(funnel_sql("source")))
    await rebuild(bench, limit=5)
    assert await live(bench, "source") == _by_key(await bench.rows(funnel_sql("source")))


def captured(rng: random.Random, source: str | None, days: int = 0) -> LeadCaptured:
    at = MONDAY_NINE + timedelta(days=days)
    return LeadCaptured(
        lead_id=an_id(rng),
        occurred_at=at,
        recorded_at=at,
        submission_id=an_id(rng),
        attributes=Attributes(source=source),
    )


async def test_the_funnel_shows_sources_unknown_ones_amounts_and_a_total(bench: Bench) -> None:
    rng = random.Random(1)
    leads = [captured(rng, "search"), captured(rng, "search", 1), captured(rng, None)]
    deal: dict[str, Any] = {
        "lead_id": leads[0].lead_id,
        "occurred_at": MONDAY_NINE,
        "recorded_at": MONDAY_NINE,
        "opportunity_id": an_id(rng),
        "handoff_id": an_id(rng),
        "owner": "ann",
        "currency": "CNY",
    }
    won = [OpportunityOpened(**deal, amount_minor=100_50), OpportunityWon(**deal, amount_minor=90_00)]
    await bench.deliver([*leads, *won], shuffle=rng)

    funnel = (await bench.client.get("/v1/funnel?by=source")).json()
    search, unknown = funnel["rows"]
    assert (search["source"], search["leads"], search["mql"], search["opportunities"]) == ("search", 2, 1, 1)
    assert (search["opportunity_amount"], search["won_amount"], search["currency"]) == (100.5, 90, "CNY")
    assert (unknown["source"], unknown["leads"], unknown["won_amount"]) == ("unknown", 1, 0)
    assert funnel["total"]["leads"] == 3

    by_day = (await bench.client.get("/v1/funnel?by=day")).json()["rows"]
    assert [(row["day"], row["leads"]) for row in by_day] == [("2026-11-16", 2), ("2026-11-17", 1)]
    second = (await bench.client.get("/v1/funnel?from=2026-11-17&to=2026-11-17")).json()
    assert second["total"]["leads"] == 1

    found = (await bench.client.get("/v1/drill?by=source&value=search&measure=won")).json()
    assert found == {"items": [{"lead_id": str(leads[0].lead_id), "day": "2026-11-16", "won": 1}], "next": None}
    assert (await bench.client.get("/v1/funnel?by=shoe_size")).status_code == 422


async def test_the_leads_behind_every_number_are_as_many_as_it_says(bench: Bench) -> None:
    await tell(bench, 6, leads=40, batch=1000)

    for by, measure in (
        ("source", "leads"),
        ("rep", "breaches"),
        ("place", "leads"),
        ("month", "mql"),
        ("tier", "sql"),
    ):
        for row in (await bench.client.get(f"/v1/funnel?by={by}")).json()["rows"]:
            found: list[dict[str, Any]] = []
            cursor = ""
            while cursor is not None:
                page = await bench.client.get(
                    "/v1/drill", params={"by": by, "value": row[by], "measure": measure, "limit": 7} | (
                        {"cursor": cursor} if cursor else {}
                    )
                )  # fmt: skip
                found += page.json()["items"]
                cursor = page.json()["next"]
            assert sum(item[measure] for item in found) == row[measure]
            assert len({UUID(item["lead_id"]) for item in found}) == len(found)
