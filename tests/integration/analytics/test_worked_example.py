"""The worked example: 1,650 leads of four sources come out exactly, whatever order their events take."""

import random
from datetime import timedelta
from typing import Any, NamedTuple

from analytics.domain.basis import Basis
from analytics.main import service
from analytics.settings import Settings
from shared.contracts import Attributes, Event, LeadCaptured, LeadScored, OpportunityOpened, OpportunityWon
from tests.support.harness import MONDAY_NINE, a_service, interleaved
from tests.support.lead_stories import an_id
from tests.support.postgres import MakeDatabase


class Line(NamedTuple):
    source: str
    leads: int
    mql: int
    opportunities: int
    won_yuan: int


LINES = (
    Line("search ads", 800, 150, 60, 300_000),
    Line("content form", 500, 90, 30, 150_000),
    Line("trade show", 300, 120, 80, 500_000),
    Line("referral", 50, 40, 35, 400_000),
)


def a_lead(rng: random.Random, line: Line, n: int) -> list[Event]:
    """The n-th lead of a source: the first ones get furthest, and half of the opportunities' MQL score never came."""
    at = MONDAY_NINE + timedelta(minutes=n)
    common: dict[str, Any] = {"lead_id": an_id(rng), "occurred_at": at, "recorded_at": at}
    events: list[Event] = [
        LeadCaptured(**common, submission_id=an_id(rng), attributes=Attributes(source=line.source)),
        LeadScored(**common, score_milli=10_000, tier="raw", scorecard_version=1),
    ]
    if n < line.mql and (n >= line.opportunities or n % 2):
        events.append(LeadScored(**common, score_milli=65_000, tier="mql", label="MQL", scorecard_version=1))
    deal: dict[str, Any] = {**common, "opportunity_id": an_id(rng), "handoff_id": an_id(rng), "owner": "ann"}
    if n < line.opportunities:
        events.append(OpportunityOpened(**deal))
    if n < 10:
        events.append(OpportunityWon(**deal, amount_minor=line.won_yuan * 10, currency="CNY"))
    return events


async def test_the_funnel_of_1650_leads_comes_out_exactly(make_database: MakeDatabase) -> None:
    rng = random.Random(1650)
    events = [event for line in LINES for n in range(line.leads) for event in a_lead(rng, line, n)]
    async with a_service(service(Settings(Basis(), "CNY")), make_database) as bench:
        records = interleaved([bench.record(event) for event in events], rng)
        for start in range(0, len(records), 500):
            await bench.deliver_records(records[start : start + 500])
        funnel = (await bench.client.get("/v1/funnel?by=source")).json()

    shown = [
        Line(row["source"], row["leads"], row["mql"], row["opportunities"], row["won_amount"]) for row in funnel["rows"]
    ]
    assert tuple(shown) == LINES
    total = funnel["total"]
    assert (total["leads"], total["mql"], total["opportunities"], total["won"]) == (1650, 400, 205, 40)
    assert (total["won_amount"], total["won_amount_minor"], total["currency"]) == (1_350_000, 135_000_000, "CNY")
