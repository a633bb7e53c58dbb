"""What a manager of some teams sees of the figures: these teams', and of what no team bounds a plain refusal."""

import csv
import io
from typing import Any

import pytest

from tests.integration.analytics.test_reports import Told, at, deliver, priya, read, tuan, wanglei, zhaomin
from tests.integration.analytics.test_reports import bench as bench  # noqa: PLC0414 - a fixture
from tests.support.harness import Bench

HANOI = {"Authorization": "Bearer manager:hanoi"}
SHANGHAI = {"Authorization": "Bearer manager:shanghai"}


def handed_on() -> Told:
    """Lan of Shanghai had it, in vain; then Lan of Hanoi, to whom it is worth something."""
    lead = Told(5, "09:00", source="referral")
    lead.assigned(at(5, "09:10"), "lan", "shanghai", at(5, "11:10"))
    lead.called(at(5, "10:00"))
    lead.rejected(at(5, "10:05"), "timing", None)
    lead.assigned(at(6, "09:10"), "lan", "hanoi", at(6, "11:10"))
    lead.called(at(6, "09:30"))
    return lead


def by(rows: list[dict[str, Any]], name: str) -> dict[str, tuple[int, int, int]]:
    return {row[name]: (row["leads"], row["handoffs"], row["contacts"]) for row in rows}


async def test_the_funnel_is_of_the_managers_teams_by_team_and_by_rep(bench: Bench) -> None:
    leads = [zhaomin(), wanglei(), priya(), tuan(), handed_on()]
    await deliver(bench, *leads)

    everybody = await read(bench, "/v1/funnel?by=rep")
    assert by(everybody["rows"], "rep")["lan"] == (2, 3, 3)
    for whose, team, reps in (
        (HANOI, {"hanoi": (2, 2, 2)}, {"lan": (2, 2, 2)}),
        (SHANGHAI, {"shanghai": (2, 4, 3)}, {"lina": (2, 2, 2), "chenhao": (0, 1, 0), "lan": (0, 1, 1)}),
    ):
        unasked = await read(bench, "/v1/funnel", **whose)
        by_team, by_rep = [await read(bench, f"/v1/funnel?by={name}", **whose) for name in ("team", "rep")]
        assert unasked == by_team
        assert by(by_team["rows"], "team") == team
        assert by(by_rep["rows"], "rep") == reps
        assert by_team["total"] == by_rep["total"]
    assert (await read(bench, "/v1/funnel"))["by"] == "source"
    narrow = await read(bench, f"/v1/funnel?by=rep&from={at(4, '00:00').date()}", **HANOI)
    assert by(narrow["rows"], "rep") == {"lan": (1, 1, 1)}


async def test_behind_a_number_are_the_managers_leads_alone(bench: Bench) -> None:
    mine, others, shared = tuan(), wanglei(), handed_on()
    await deliver(bench, mine, others, shared)

    async def behind(query: str, whose: dict[str, str]) -> dict[str, int]:
        items = (await read(bench, f"/v1/drill?{query}", **whose))["items"]
        return {
            item["lead_id"]: next(n for name, n in item.items() if name not in ("lead_id", "day")) for item in items
        }

    hanois = {str(mine.lead_id): 1, str(shared.lead_id): 1}
    for query in ("by=team", "by=team&value=hanoi", "by=rep", "by=rep&value=lan", "measure=contacts"):
        assert await behind(query, HANOI) == hanois, query
    assert await behind("by=rep&measure=leads", SHANGHAI) == {str(others.lead_id): 1}
    assert await behind("by=rep&value=lan&measure=contacts", SHANGHAI) == {str(shared.lead_id): 1}
    assert await behind("by=team&value=hanoi", SHANGHAI) == {}
    assert await behind("by=rep&value=lan&measure=contacts", {}) == {str(mine.lead_id): 1, str(shared.lead_id): 2}


async def test_exports_are_of_the_managers_leads_alone(bench: Bench) -> None:
    mine, others, shared, nobodys = tuan(), wanglei(), handed_on(), Told(2, "10:00")
    await deliver(bench, mine, others, shared, nobodys)

    async def sheet(view: str, whose: dict[str, str]) -> list[dict[str, str]]:
        answer = await bench.client.get(f"/v1/export/{view}.csv", headers=whose)
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    def leads_of(rows: list[dict[str, str]]) -> set[str]:
        return {row["lead_id"] for row in rows}

    hanois = {str(mine.lead_id), str(shared.lead_id)}
    assert leads_of(await sheet("leads", HANOI)) == hanois
    assert leads_of(await sheet("leads", SHANGHAI)) == {str(others.lead_id), str(shared.lead_id)}
    assert leads_of(await sheet("leads", {})) == hanois | {str(others.lead_id), str(nobodys.lead_id)}
    assert [row["team"] for row in await sheet("funnel", HANOI)] == ["hanoi"]
    assert "lina" not in (await bench.client.get("/v1/export/funnel.csv?by=rep", headers=HANOI)).text
    listed = {item["name"] for item in (await read(bench, "/v1/reports", **HANOI))["items"]}
    assert listed == {"rep-follow-up", "forgotten-leads", "lateness-or-quality", "weekly-pack"}


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        *((f"/v1/{what}?by={each}", "by=team") for what in ("funnel", "drill") for each in ("source", "place", "week")),
        ("/v1/export/funnel.csv?by=promise", "by=rep"),
        ("/v1/export/spend.csv", "leads"),
        ("/v1/export/campaign-roi.csv", "rep-follow-up"),
        ("/v1/reports/source-funnel", "rep-follow-up"),
        ("/v1/kpis", "rep-follow-up"),
        ("/v1/kpis?format=csv&basis=period", "by=team"),
        ("/v1/events", "timeline"),
        ("/v1/reconciliation", "by=team"),
        ("/v1/spend", "budget"),
    ],
)
async def test_what_no_team_bounds_is_refused_with_what_to_ask_instead(bench: Bench, path: str, instead: str) -> None:
    refused = await bench.client.get(path, headers=HANOI)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:baton:problem:teams")
    assert "hanoi" in refused.json()["detail"]
    assert instead in refused.json()["detail"]
    assert (await bench.client.get(path, headers={"Authorization": "Bearer manager"})).status_code == 200


async def test_a_manager_of_some_teams_tells_nothing_of_everybodys_spend(bench: Bench) -> None:
    row = {"day": "2026-11-16", "source": "google", "amount_minor": 1, "currency": "CNY"}
    refused = await bench.client.post("/v1/spend", json=[row], headers=HANOI)
    assert refused.status_code == 403
    assert (await read(bench, "/v1/spend"))["items"] == []
