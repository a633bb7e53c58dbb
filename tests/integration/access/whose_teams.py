"""What a manager whose key is bound to teams sees of other teams' leads: the faults found, in words."""

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import httpx

from tests.support.wait import until

if TYPE_CHECKING:
    from tests.integration.access.test_whose_rows import Firm

SIDES: Final = (("ann", "northern", "southern"), ("bob", "southern", "northern"))
"""A rep, the manager of the rep's team, and the manager of the other."""


async def pass_of(firm: "Firm", who: str, lead: str) -> tuple[str | None, str]:
    """What router lets this caller read of a lead, and the pass for it."""
    told = (await firm.ask(who, "GET", f"/v1/leads/{lead}/pass")).json()
    return told.get("opens"), told.get("pass") or ""


async def shown_to(firm: "Firm", who: str, lead: str, faults: list[str], *, person: bool, score: int) -> None:
    """Whether the one origin shows this caller who a lead is, and how it answers for the score."""
    seen = await firm.ask(who, "GET", f"/v1/leads/{lead}")
    if seen.status_code != 200 or ("Customer of" in seen.text or "buyer@" in seen.text) != person:
        faults.append(f"{who} at the one origin is shown {seen.status_code} {seen.text[:200]}")
    scored = await firm.ask(who, "GET", f"/v1/scores/{lead}")
    if scored.status_code != score:
        faults.append(f"{who} reads the score of {seen.text[:60]}: {scored.status_code}, not {score}")


async def a_lead_is_its_teams(firm: "Firm", faults: list[str]) -> None:
    """A manager of teams reads these teams' leads, by the pass of that key alone; other leads are masked."""
    for rep, leader, stranger in SIDES:
        lead = firm.leads[rep]
        given, reps = (await pass_of(firm, leader, lead))[1], (await pass_of(firm, rep, lead))[1]
        listed = (await firm.ask(leader, "GET", f"/v1/handoffs?lead_id={lead}")).json()["items"]
        alone = (await firm.ask(leader, "GET", f"/v1/handoffs/{firm.handoffs[rep]}")).json()
        for who, key, status in (
            (leader, given, 200), (leader, listed[0].get("pass"), 200), (leader, alone.get("pass"), 200),
            (leader, "", 404), (leader, reps, 404), (stranger, given, 404), (rep, given, 404),
        ):  # fmt: skip
            seen = await firm.ask(who, "GET", f"/v1/leads/{lead}?pass={key}")
            if (f"Customer of {rep}" in seen.text) != (status == 200):
                faults.append(f"{who} with the pass {key!r} is shown {seen.text[:200]}")
            score = await firm.ask(who, "GET", f"/v1/scores/{lead}?pass={key}")
            if score.status_code != status:
                faults.append(f"{who} with the pass {key!r} reads the score: {score.status_code}")
        await shown_to(firm, leader, lead, faults, person=True, score=200)
        await shown_to(firm, stranger, lead, faults, person=False, score=404)
        await shown_to(firm, "director", lead, faults, person=True, score=200)
        if (await pass_of(firm, stranger, lead))[0] or (await pass_of(firm, "director", lead))[0]:
            faults.append("a pass is given to who has no right to one, or needs none")


async def lists_of_people_are_masked(firm: "Firm", faults: list[str]) -> None:
    """As a rep, a manager of teams finds a person by the whole address, and pages through nobody."""
    for path, shows in (
        ("/v1/leads", False), ("/v1/leads?name=Customer", False), ("/v1/leads?email=buyer@bob-works.example", True),
    ):  # fmt: skip
        told = await firm.ask("northern", "GET", path)
        if not told.json()["items"] or ("Customer of" in told.text) != shows:
            faults.append(f"northern {path} is shown {told.text[:200]}")


async def a_lead_that_waits(firm: "Firm", country: str) -> str:
    """A hot lead whose team has no room."""
    http = firm.product.http
    body = {
        "name": "Customer of whoever comes", "email": f"buyer@{country.lower()}.example", "title": "Founder",
        "industry": "manufacturing", "timeframe": "within a month", "source": "search_ads", "country": country,
    }  # fmt: skip
    lead = str((await http.post("/v1/leads", json=body)).json()["lead_id"])
    for kind in ("demo_requested", "price_page_viewed"):
        engagement = {"id": str(uuid4()), "kind": kind}
        (await http.post(f"/v1/leads/{lead}/engagements", json=engagement)).raise_for_status()

    async def waits() -> bool:
        return any(item["lead_id"] == lead for item in (await http.get("/v1/waiting")).json()["items"])

    await until(waits)
    return lead


async def a_waiting_lead_is_the_teams_that_is_to_have_it(firm: "Firm", faults: list[str]) -> None:
    """What waits for a team, its manager sees, and the other teams' managers neither see nor take."""
    lead = await a_lead_that_waits(firm, "JP")
    items: list[dict[str, Any]] = (await firm.ask("eastern", "GET", "/v1/waiting")).json()["items"]
    given = next((item.get("pass") for item in items if item["lead_id"] == lead), None)
    if "Customer of whoever" not in (await firm.ask("eastern", "GET", f"/v1/leads/{lead}?pass={given}")).text:
        faults.append("the waiting list's pass does not open its lead")
    await shown_to(firm, "eastern", lead, faults, person=True, score=200)
    await shown_to(firm, "northern", lead, faults, person=False, score=404)
    if (await firm.ask("northern", "GET", "/v1/waiting")).json()["items"]:
        faults.append("northern sees who waits for another team")
    for who, status in (("northern", 403), ("eastern", 200)):
        if (await firm.ask(who, "GET", f"/v1/leads/{lead}/timeline")).status_code != status:
            faults.append(f"{who} reads the timeline of a lead that waits for the east, or does not")
    for path, body in (
        (f"/v1/leads/{lead}/assign", {"to": "ann", "reason": "workload"}),
        (f"/v1/leads/{lead}/pool", {"pool": "public"}),
        (f"/v1/leads/{lead}/status", {"status": "invalid", "reason": "spam"}),
        (f"/v1/leads/{lead}/notes", {"text": "mine now"}),
    ):
        taken = await firm.ask("northern", "POST", path, body)
        if taken.status_code != 403:
            faults.append(f"northern takes what waits for another team: {path} {taken.status_code} {taken.text[:160]}")


async def a_clock_of_no_team_is_its_leads(firm: "Firm", faults: list[str]) -> None:
    """A promise that began before anybody had the lead is shown to the managers whose team had it since."""
    for rep, leader, stranger in SIDES:
        path = f"/v1/clocks?lead_id={firm.leads[rep]}"
        shown = {who: (await firm.ask(who, "GET", path)).json()["items"] for who in (leader, stranger, "director")}
        teamless = [item["clock_id"] for item in shown["director"] if item["team"] is None]
        if not teamless or shown[stranger] or len(shown[leader]) != len(shown["director"]):
            faults.append(f"clocks of {rep}'s lead: {[(who, len(items)) for who, items in shown.items()]}")
        for clock in teamless:
            excused = await firm.ask(stranger, "POST", f"/v1/clocks/{clock}/excuse", {"reason": "illness"})
            if excused.status_code != 403:
                faults.append(f"{stranger} excuses a clock of {rep}'s lead: {excused.status_code}")


async def the_page_is_of_the_teams(firm: "Firm", faults: list[str]) -> None:
    """The page asks with the reader's own rights: a manager of teams finds these teams' funnel and people there."""
    url = firm.product.url
    async with httpx.AsyncClient(base_url=url, timeout=30) as browser:
        await browser.post("/sign-in", data={"token": firm.tokens["northern"]}, headers={"origin": url})
        home = (await browser.get("/?lang=en")).text
        if "Funnel by team" not in home or "north" not in home or "south" in home or "Customer of bob" in home:
            faults.append(f"the page of northern: {home[home.find('<section') :][:2000]}")
        for rep, shows in (("ann", True), ("bob", False)):
            story = (await browser.get(f"/follow/{firm.leads[rep]}?lang=en")).text
            if (f"Customer of {rep}" in story) != shows or ("opportunity" in story.lower()) != shows:
                faults.append(f"the page of northern tells of {rep}'s lead: {story[-2000:]}")


async def replays_are_the_companys(firm: "Firm", faults: list[str]) -> None:
    """A what-if replays, and a backtest counts, what all teams had."""
    scorecard = (await firm.ask("director", "GET", "/v1/policies/scorecard")).json()["body"]
    asked: tuple[tuple[str, str, Any, int], ...] = (
        ("POST", "/v1/what-ifs", {"from": "2026-01-01T00:00:00Z"}, 201),
        ("GET", f"/v1/what-ifs/{uuid4()}", None, 404),
        ("POST", "/v1/backtests", {"scorecard": scorecard}, 202),
        ("GET", "/v1/backtests", None, 200),
        ("GET", f"/v1/backtests/{uuid4()}", None, 404),
    )
    for method, path, body, status in asked:
        for who, expected in (("northern", 403), ("director", status)):
            told = await firm.ask(who, method, path, body)
            if told.status_code != expected:
                faults.append(f"{who} {method} {path}: {told.status_code} {told.text[:160]}")


async def a_pooled_lead_has_a_score_and_no_name(firm: "Firm", faults: list[str]) -> None:
    """Of what may be claimed a manager of teams sees the score, as a rep does; of the other pools' leads not even that."""
    for pool, score in (("public", 200), ("nurture", 404)):
        body = {"name": f"Customer of {pool}", "email": f"buyer@{pool}.example", "country": "VN"}
        lead = (await firm.product.http.post("/v1/leads", json=body)).json()["lead_id"]

        async def is_scored(lead: str = lead) -> bool:
            return (await firm.product.http.get(f"/v1/scores/{lead}")).status_code == 200

        async def is_pooled(lead: str = lead, pool: str = pool) -> bool:
            moved = await firm.product.http.post(f"/v1/leads/{lead}/pool", json={"pool": pool})
            return moved.status_code in (200, 409)

        await until(is_scored)
        await until(is_pooled)
        items = (await firm.ask("northern", "GET", f"/v1/pools/{pool}")).json()["items"]
        row = next(item for item in items if item["lead_id"] == lead)
        if bool(row.get("pass")) != (score == 200):
            faults.append(f"the row of the {pool} pool has the pass {row.get('pass')!r}")
        for who in ("northern", "ann"):
            await shown_to(firm, who, lead, faults, person=False, score=score)
