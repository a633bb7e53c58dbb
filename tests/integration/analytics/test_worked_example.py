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

REPORT = (
    ("search ads", "800", "150", "18.75 %", "60", "40.00 %", "7.50 %", "¥300,000", "¥375.00", "¥5,000.00"),
    ("content form", "500", "90", "18.00 %", "30", "33.33 %", "6.00 %", "¥150,000", "¥300.00", "¥5,000.00"),
    ("trade show", "300", "120", "40.00 %", "80", "66.67 %", "26.67 %", "¥500,000", "¥1,666.67", "¥6,250.00"),
    ("referral", "50", "40", "80.00 %", "35", "87.50 %", "70.00 %", "¥400,000", "¥8,000.00", "¥11,428.57"),
    ("all", "1650", "400", "24.24 %", "205", "51.25 %", "12.42 %", "¥1,350,000", "¥818.18", "¥6,585.37"),
)
SHEET = (
    "source,leads,MQL,lead→MQL (%),opportunities,MQL→opportunity (%),lead→opportunity (%),won amount (CNY),"
    "per lead (CNY),per opportunity (CNY)\r\n"
    "search ads,800,150,18.75,60,40.00,7.50,300000.00,375.00,5000.00\r\n"
    "content form,500,90,18.00,30,33.33,6.00,150000.00,300.00,5000.00\r\n"
    "trade show,300,120,40.00,80,66.67,26.67,500000.00,1666.67,6250.00\r\n"
    "referral,50,40,80.00,35,87.50,70.00,400000.00,8000.00,11428.57\r\n"
    "all,1650,400,24.24,205,51.25,12.42,1350000.00,818.18,6585.37\r\n"
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
        report = (await bench.client.get("/v1/reports/source-funnel")).json()
        sheet = (await bench.client.get("/v1/reports/source-funnel", headers={"Accept": "text/csv"})).text
        export = (await bench.client.get("/v1/export/source-funnel.csv")).text

    shown = [
        Line(row["source"], row["leads"], row["mql"], row["opportunities"], row["won_amount"]) for row in funnel["rows"]
    ]
    assert tuple(shown) == LINES
    total = funnel["total"]
    assert (total["leads"], total["mql"], total["opportunities"], total["won"]) == (1650, 400, 205, 40)
    assert (total["won_amount"], total["won_amount_minor"], total["currency"]) == (1_350_000, 135_000_000, "CNY")

    names = [each["id"] for each in report["columns"]]
    rows = [[_text(row[name]) for name in names] for row in report["rows"]]
    assert [*rows, [_text(report["total"][name]) for name in names]] == [list(each) for each in REPORT]
    assert sheet == export == SHEET


def _text(cell: Any) -> str:
    return cell["text"] if isinstance(cell, dict) else str(cell)
