"""Reports and KPIs through the API: the story's breaches and rejections, spend, scopes, exports."""

import csv
import io
import random
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import convert

from analytics.domain.basis import Basis
from analytics.domain.kpis import percentile
from analytics.main import service
from analytics.reporting.exporting import VIEWS
from analytics.reporting.making import REPORTS
from analytics.settings import Settings
from shared.contracts import (
    Attributes,
    ClockBreached,
    ClockRevoked,
    ClockStarted,
    Event,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadRecycled,
    LeadRejected,
    LeadScored,
    LeadWaiting,
    OpportunityLost,
    OpportunityOpened,
    OpportunityWon,
)
from tests.support.harness import MONDAY_NINE, Bench, a_service, interleaved
from tests.support.kpis_by_hand import by_hand
from tests.support.lead_stories import stories
from tests.support.postgres import MakeDatabase

D1 = MONDAY_NINE.replace(hour=0)
REP = {"Authorization": "Bearer rep:lina"}


@pytest.fixture
async def bench(make_database: MakeDatabase) -> AsyncIterator[Bench]:
    settings = Settings(Basis(), "CNY", frozenset({"own_list"}))
    async with a_service(service(settings), make_database) as running:
        yield running


def at(day: int, clock: str) -> datetime:
    hours, minutes = clock.split(":")
    return D1 + timedelta(days=day - 1, hours=int(hours), minutes=int(minutes))


class Told:
    """One lead's story, told event by event."""

    def __init__(self, day: int, clock: str, **attributes: str) -> None:
        self.lead_id = uuid4()
        self.events: list[Event] = []
        self.handoff: UUID = uuid4()
        self.owner = self.team = ""
        self.tell(LeadCaptured, at(day, clock), submission_id=uuid4(), attributes=convert(attributes, Attributes))
        self.tell(LeadScored, at(day, clock), score_milli=85_000, tier="sql", label="SQL", scorecard_version=1)

    def tell(self, kind: type[Event], when: datetime, **what: Any) -> None:
        told: dict[str, Any] = {"lead_id": self.lead_id, "occurred_at": when, "recorded_at": when, **what}
        self.events.append(kind(**told))

    def assigned(self, when: datetime, owner: str, team: str, due: datetime) -> UUID:
        self.handoff, self.owner, self.team = uuid4(), owner, team
        self.tell(LeadAssigned, when, handoff_id=self.handoff, episode=1, owner=owner, team=team, reason="qualified",
                  score_milli=85_000, tier="sql")  # fmt: skip
        self.clock = {**self.clock_of("first_contact", due), "handoff_id": self.handoff}
        self.tell(ClockStarted, when, **self.clock, started_at=when, hours="business")
        return self.handoff

    def clock_of(self, promise: str, due: datetime) -> dict[str, Any]:
        whose = {"owner": self.owner, "team": self.team} if self.owner else {}
        return {"clock_id": uuid4(), "promise": promise, "due_at": due, **whose}

    def called(self, when: datetime, channel: str = "phone", recorded: datetime | None = None) -> None:
        own = {"handoff_id": self.handoff, "owner": self.owner}
        self.tell(LeadAccepted, when, **own)
        self.tell(LeadContacted, when, **own, contact_id=uuid4(), channel=channel, result="reached",
                  recorded_at=recorded or when)  # fmt: skip

    def rejected(self, when: datetime, reason: str, pool: str | None, rating: int = 2) -> None:
        self.tell(
            LeadRejected, when, handoff_id=self.handoff, owner=self.owner, reason=reason, pool=pool, rating=rating
        )


def zhaomin() -> Told:
    lead = Told(2, "10:00", source="referral")
    lead.assigned(at(2, "10:24"), "chenhao", "shanghai", at(2, "12:24"))
    lead.tell(ClockBreached, at(2, "12:24"), **lead.clock)
    lead.tell(LeadRecycled, at(4, "10:24"), handoff_id=lead.handoff, owner="chenhao", cause="untouched", pool="public")
    untouched = lead.clock_of("untouched", at(4, "10:24"))
    lead.tell(ClockBreached, at(4, "10:24"), **untouched, handoff_id=lead.handoff, then="recycle")
    lead.assigned(at(4, "10:40"), "lina", "shanghai", at(4, "12:40"))
    lead.called(at(4, "10:55"))
    return lead


def wanglei() -> Told:
    lead = Told(1, "10:15", source="search_ads", campaign="=cmd|' /C calc'!A0")
    lead.assigned(at(2, "16:30"), "lina", "shanghai", at(3, "09:30"))
    lead.tell(ClockBreached, at(3, "09:30"), **lead.clock)
    lead.called(at(3, "14:50"))
    lead.rejected(at(3, "14:50"), "no_need", "nurture")
    return lead


def priya() -> Told:
    lead = Told(6, "16:00", source="content_form")
    lead.assigned(at(6, "16:05"), "grace", "english", at(8, "11:00"))
    lead.tell(ClockBreached, at(8, "11:00"), **lead.clock)
    lead.called(at(8, "10:50"), channel="wechat", recorded=at(8, "12:05"))
    lead.tell(ClockRevoked, at(8, "12:05"), **lead.clock, met_at=at(8, "10:50"), elapsed_s=6600)
    return lead


def tuan() -> Told:
    lead = Told(3, "09:35", source="facebook")
    lead.assigned(at(3, "09:40"), "lan", "hanoi", at(3, "11:40"))
    lead.called(at(3, "10:05"))
    lead.rejected(at(3, "10:05"), "wrong_info", None, rating=1)
    return lead


def somchai() -> Told:
    lead = Told(3, "13:50", source="google")
    lead.tell(LeadWaiting, at(3, "14:00"), episode=1, reason="no_team")
    lead.tell(ClockBreached, at(3, "14:15"), **lead.clock_of("owner_found", at(3, "14:15")))
    lead.assigned(at(3, "15:00"), "grace", "english", at(3, "17:00"))
    lead.called(at(3, "15:20"))
    return lead


async def deliver(bench: Bench, *told: Told) -> None:
    await bench.deliver([event for each in told for event in each.events], shuffle=random.Random(1))


async def read(bench: Bench, path: str, **headers: str) -> Any:
    answer = await bench.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def section(pack: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in pack["sections"] if each["name"] == name)


async def test_the_weekly_pack_names_the_breaches_the_rejections_and_the_late_rep(bench: Bench) -> None:
    leads = [zhaomin(), wanglei(), priya(), tuan(), somchai()]
    left = Told(11, "10:00")
    left.assigned(at(11, "10:10"), "minh", "hanoi", at(11, "12:10"))
    left.tell(ClockBreached, at(11, "12:10"), **left.clock)
    waiting = Told(10, "08:00")
    waiting.tell(LeadWaiting, at(10, "08:01"), episode=1, reason="no_team")
    await deliver(bench, *leads, left, waiting)
    bench.clock.now = at(12, "17:00")

    whole = f"from={D1.date()}&to={at(12, '17:00').date()}"
    pack = await read(bench, f"/v1/reports/weekly-pack?{whole}")
    breaches = [
        (row["promise"]["code"], row["owner"], row["breaches"], row["revoked"])
        for row in section(pack, "breaches")["rows"]
    ]
    assert breaches == [
        ("first_contact", "grace", 0, 1),
        ("first_contact", "minh", 1, 0),
        ("first_contact", "chenhao", 1, 0),
        ("first_contact", "lina", 1, 0),
        ("owner_found", None, 1, 0),
        ("untouched", "chenhao", 1, 0),
    ]
    rejections = section(pack, "rejections")
    assert [(row["reason"]["code"], row["rejections"], row["rejections_late_rep"]) for row in rejections["rows"]] == [
        ("no_need", 1, 1),
        ("wrong_info", 1, 0),
    ]
    late = section(pack, "late-reps")["rows"]
    assert [(row["lead_id"], row["suggestion"]["text"]) for row in late] == [
        (str(leads[1].lead_id), "late rep, not bad lead: call again")
    ]
    forgotten = [(row["lead_id"], row["why"]["code"]) for row in section(pack, "forgotten-leads")["rows"]]
    assert forgotten == [(str(waiting.lead_id), "waiting"), (str(left.lead_id), "not_contacted")]

    this_week = await read(bench, "/v1/reports/weekly-pack?lang=zh")
    assert (this_week["from"], this_week["to"]) == ("2026-11-21", "2026-11-27")
    assert section(this_week, "late-reps")["rows"] == []
    sheet = (await bench.client.get(f"/v1/reports/weekly-pack?{whole}&format=csv&lang=vi")).text
    assert "Sales chậm, không phải lead kém: gọi lại" in sheet


async def test_bad_lead_or_late_rep(bench: Bench) -> None:
    late, bad = wanglei(), tuan()
    await deliver(bench, late, bad)

    rows = (await read(bench, "/v1/reports/lateness-or-quality"))["rows"]
    assert [(row["lead_id"], row["verdict"]["code"], row["breached"]) for row in rows] == [
        (str(late.lead_id), "late_rep", True),
        (str(bad.lead_id), "bad_lead", False),
    ]
    wang = rows[0]
    assert (wang["response"]["text"], wang["score"], wang["rating"], wang["rep"]) == ("22:20:00", "85.0", 2, "lina")
    assert (wang["promise"]["code"], wang["due_at"]) == ("first_contact", "2026-11-18T09:30:00Z")
    first = await read(bench, "/v1/reports/lateness-or-quality?limit=1")
    assert (len(first["rows"]), first["more"]) == (1, 1)
    none = await read(bench, "/v1/reports/lateness-or-quality?from=2026-11-19")
    assert none["rows"] == []


async def test_a_rep_reads_their_own_rows_and_nothing_of_others(bench: Bench) -> None:
    await deliver(bench, zhaomin(), wanglei(), priya(), tuan())

    everybody = (await read(bench, "/v1/reports/rep-follow-up"))["rows"]
    assert [row["rep"] for row in everybody] == ["grace", "lan", "chenhao", "lina"]
    lina = everybody[-1]
    assert (lina["leads"], lina["contacts"], lina["contacts_phone"], lina["contacts_wechat"]) == (2, 2, 2, 0)
    assert (lina["breaches"], lina["in_promise"]["text"], lina["in_time"]["text"]) == (1, "50.00 %", "100.00 %")
    grace = everybody[0]
    assert (grace["breaches"], grace["revoked"], grace["in_promise"]["text"]) == (0, 1, "100.00 %")

    mine = await read(bench, "/v1/reports/rep-follow-up", **REP)
    assert [row["rep"] for row in mine["rows"]] == ["lina"]
    assert mine["total"]["leads"] == 2
    assert {row["rep"] for row in (await read(bench, "/v1/reports/lateness-or-quality", **REP))["rows"]} == {"lina"}
    listed = await read(bench, "/v1/reports?lang=vi", **REP)
    assert {each["name"]: each["title"] for each in listed["items"]}["forgotten-leads"] == "Lead bị bỏ quên"
    assert (await bench.client.get("/v1/reports/source-funnel", headers=REP)).status_code == 403
    assert (await bench.client.get("/v1/kpis", headers=REP)).status_code == 403
    assert (await bench.client.get("/v1/reports/nothing")).status_code == 404


async def test_a_lead_given_up_uncalled_is_forgotten_until_somebody_calls(bench: Bench) -> None:
    lead = Told(2, "10:00")
    lead.assigned(at(2, "10:24"), "chenhao", "shanghai", at(2, "12:24"))
    lead.tell(ClockBreached, at(2, "12:24"), **lead.clock)
    lead.tell(LeadRecycled, at(4, "10:24"), handoff_id=lead.handoff, owner="chenhao", cause="untouched", pool="public")
    await deliver(bench, lead)
    bench.clock.now = at(4, "12:24")
    (row,) = (await read(bench, "/v1/reports/forgotten-leads?lang=zh"))["rows"]
    assert (row["why"]["text"], row["owner"], row["age"]["text"]) == ("未联系即被回收", "chenhao", "50:00:00")
    assert row["place"] == {"code": "pool:public", "text": "公共线索池"}

    lead.events = []
    lead.called(at(4, "13:00"))
    await deliver(bench, lead)
    assert (await read(bench, "/v1/reports/forgotten-leads"))["rows"] == []


async def test_from_the_first_day_there_is_to_the_last_is_all_of_it(bench: Bench) -> None:
    records = [bench.record(event) for event in stories(3, 40, MONDAY_NINE)]
    await bench.deliver_records(records)
    ever = "from=0001-01-01&to=9999-12-31"
    for path in ("/v1/kpis?basis=cohort&", "/v1/kpis?basis=period&", "/v1/funnel?", "/v1/drill?", "/v1/spend?"):
        whole, open_ended = await read(bench, f"{path}{ever}"), await read(bench, path)
        for name in ("items", "rows", "total"):
            assert whole.get(name) == open_ended.get(name), (path, name)
    for name in REPORTS:
        shown = await read(bench, f"/v1/reports/{name}?{ever}")
        assert shown["from"] == "0001-01-01"
    for view in VIEWS:
        answer = await bench.client.get(f"/v1/export/{view}.csv?{ever}")
        assert answer.status_code == 200, (view, answer.text)


@pytest.mark.parametrize("seed", [1, 2])
async def test_kpis_equal_a_count_by_hand_over_the_events(bench: Bench, seed: int) -> None:
    records = [bench.record(event) for event in stories(seed, 120, MONDAY_NINE)]
    mixed = interleaved(records, random.Random(seed))
    for start in range(0, len(mixed), 300):
        await bench.deliver_records(mixed[start : start + 300])
    told = [(record.id, event) for record in records if (event := record.event()) is not None]

    second = MONDAY_NINE.date() + timedelta(days=1)
    windows: list[tuple[date | None, date | None]] = [(None, None), (second, None), (second, second)]
    for since, until in windows:
        for basis in ("cohort", "period"):
            days = "".join(f"&{name}={day}" for name, day in (("from", since), ("to", until)) if day)
            found = {each["id"]: each for each in (await read(bench, f"/v1/kpis?basis={basis}{days}"))["items"]}
            counts, spans = by_hand(told, since, until, period=basis == "period")
            due = counts["kept"] + counts["missed"]
            pairs = {
                "mql_to_sql": (counts["sql"], counts["mql"]),
                "lead_to_opportunity": (counts["opportunity"], counts["leads"]),
                "sql_to_customer": (counts["won"], counts["sql"]),
                "win_rate": (counts["deals_won"], counts["deals_won"] + counts["deals_lost"]),
                "missed_leads": (counts["never_contacted"], counts["leads"]),
                "missed_handoffs": (counts["missed"], due),
                "follow_up_timeliness": (counts["kept"], due),
                "flow_time": (sum(spans["flow"]), len(spans["flow"])),
                "sales_cycle": (sum(spans["cycle"]), len(spans["cycle"])),
            }
            shown = {name: (found[name]["numerator"], found[name]["denominator"]) for name in pairs}
            assert shown == pairs
            assert found["missed_handoffs"]["not_yet_due"] == counts["not_yet_due"]
            for name, took in (("response_time", spans["response"]), ("customer_response_time", spans["customer"])):
                ordered = sorted(took)
                assert found[name]["p50_ms"] == percentile(ordered, 50)
                assert found[name]["p90_ms"] == percentile(ordered, 90)
                assert found[name]["denominator"] == len(ordered)
            orders = {each["currency"]: each["numerator"] for each in found["average_order_value"]["by_currency"]}
            for currency in ("CNY", "VND"):
                assert orders.get(currency, 0) == counts[f"won {currency}"]


def won(day: int, campaign: str | None, amount_minor: int, currency: str, source: str = "google") -> Told:
    lead = Told(day, "10:00", source=source, **({"campaign": campaign} if campaign else {}))
    deal = {"opportunity_id": uuid4(), "handoff_id": lead.assigned(at(day, "10:10"), "minh", "hanoi", at(day, "12:10"))}
    lead.tell(OpportunityOpened, at(day, "11:00"), **deal, owner="minh")
    lead.tell(OpportunityWon, at(day, "12:00"), **deal, owner="minh", amount_minor=amount_minor, currency=currency)
    return lead


async def spend(bench: Bench, content: str, kind: str = "text/csv", **headers: str) -> Any:
    return await bench.client.post("/v1/spend", content=content, headers={"Content-Type": kind, **headers})


async def test_spend_is_taken_once_and_makes_roi_and_costs(bench: Bench) -> None:
    lost = Told(2, "10:00", source="own_list")
    lost.tell(OpportunityLost, at(3, "10:00"), opportunity_id=uuid4(), handoff_id=uuid4(), owner="minh", reason="price")
    await deliver(bench, won(1, "spring", 90_000, "CNY"), won(1, None, 30_000, "CNY", "own_list"), lost)
    sheet = (
        "month,source,campaign,amount,currency,kind\n"
        "2026-11,google,spring,300.00,CNY,marketing\n2026-11,,,600.00,CNY,sales\n"
    )
    assert (await spend(bench, sheet)).json() == {"rows": 2, "added": 2, "changed": 0, "same": 0}
    assert (await spend(bench, sheet)).json() == {"rows": 2, "added": 0, "changed": 0, "same": 2}
    corrected = '{"items": [{"month": "2026-11", "kind": "sales", "amount_minor": 30000, "currency": "CNY"}]}'
    answer = await spend(bench, corrected, "application/json")
    assert answer.json() == {"rows": 1, "added": 0, "changed": 1, "same": 0}
    refused = await spend(bench, "month,amount,currency\n2026-11,5,CNY\n2026-14,1,CNY\n")
    assert (refused.status_code, refused.json()["problems"][0]["where"]) == (422, "row 2")
    assert (await spend(bench, sheet, Authorization="Bearer viewer")).status_code == 403

    page = await read(bench, "/v1/spend?limit=1")
    rest = await read(bench, f"/v1/spend?limit=1&cursor={page['next']}")
    assert sorted(each["amount_minor"] for each in page["items"] + rest["items"]) == [30_000, 30_000]

    found = {each["id"]: each for each in (await read(bench, "/v1/kpis"))["items"]}
    assert (found["roi"]["numerator"], found["roi"]["denominator"], found["roi"]["ratio"]) == (120_000, 60_000, 2.0)
    assert found["roi"]["return"] == 1.0
    assert (found["cost_per_lead"]["text"], found["cac"]["text"]) == ("¥100.00", "¥300.00")
    assert (found["marketing_sourced"]["numerator"], found["marketing_sourced"]["denominator"]) == (90_000, 120_000)
    assert found["win_rate"]["text"] == "66.67 %"
    assert found["alignment_score"]["ratio"] is None
    assert found["alignment_score"]["reason"] == "no survey is kept"
    half = {each["id"]: each for each in (await read(bench, "/v1/kpis?from=2026-11-16&to=2026-11-30"))["items"]}
    assert half["roi"]["denominator"] == 30_000  # 15 of 30 days
    assert half["roi"]["currency"] == "CNY"

    rows = (await read(bench, "/v1/reports/campaign-roi"))["rows"]
    shown = {row["campaign"]: (row["cost"]["text"], row["won_amount"]["text"], row["roi"]["text"]) for row in rows}
    assert shown == {"spring": ("¥300", "¥900", "3.00"), "unknown": ("¥300", "¥300", "1.00")}


async def test_two_currencies_stand_in_columns_of_their_own(bench: Bench) -> None:
    await deliver(bench, won(1, "spring", 90_000, "CNY"), won(1, "spring", 5_000_000, "VND"))
    report = await read(bench, "/v1/reports/source-funnel")
    (row,) = report["rows"]
    assert (row["won_amount"]["text"], row["won_amount_VND"]["text"]) == ("¥900", "₫5,000,000")
    assert [each["title"] for each in report["columns"]][-1] == "per opportunity (VND)"
    assert report["total"]["per_lead_VND"]["text"] == "₫2,500,000"


async def test_exports_are_safe_for_spreadsheets_and_hold_every_lead(bench: Bench) -> None:
    evil, good = wanglei(), won(1, "spring", 90_000, "CNY")
    await deliver(bench, evil, good)

    answer = await bench.client.get("/v1/export/leads.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = {row["lead_id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert set(lines) == {str(evil.lead_id), str(good.lead_id)}
    assert lines[str(evil.lead_id)]["campaign"] == "'=cmd|' /C calc'!A0"
    assert (lines[str(good.lead_id)]["won_amount_minor"], lines[str(good.lead_id)]["currency"]) == ("90000", "CNY")
    assert lines[str(good.lead_id)]["won_at"] == "2026-11-16T12:00:00+00:00"
    for view in ("funnel", "spend", "weekly-pack", "rep-follow-up", "campaign-roi"):
        sheet = await bench.client.get(f"/v1/export/{view}.csv?by=campaign&from=2026-11-16")
        assert sheet.status_code == 200
        cells = [cell for line in csv.reader(io.StringIO(sheet.text)) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert (await bench.client.get("/v1/export/secrets.csv")).status_code == 404
    assert (await bench.client.get("/v1/export/leads.csv", headers=REP)).status_code == 403


@pytest.mark.parametrize("path", ["/v1/kpis?basis=other", "/v1/kpis?lang=xx", "/v1/reports/weekly-pack?format=pdf",
                                  "/v1/export/funnel.csv?by=shoe", "/v1/spend?cursor=x"])  # fmt: skip
async def test_a_wrong_question_is_told_so(bench: Bench, path: str) -> None:
    assert (await bench.client.get(path)).status_code == 422


async def test_kpis_as_csv_carry_their_definitions(bench: Bench) -> None:
    sheet = (await bench.client.get("/v1/kpis?lang=zh", headers={"Accept": "text/csv"})).text
    lines = list(csv.reader(io.StringIO(sheet)))
    assert lines[0][0] == "指标"
    assert any(line[0] == "线索遗漏率" and line[-1] == "获取后从未联系的线索数 / 线索数。" for line in lines)
