"""What a rep sees of a lead by its id, and what a manager bound to teams may publish: the faults found, in words."""

from typing import TYPE_CHECKING, Any, Final

from tests.support.wait import until

if TYPE_CHECKING:
    from tests.integration.access.test_whose_rows import Firm

_NOBODYS: Final = {
    "name": "Customer of nobody",
    "email": "buyer@nobody.example",
    "source": "search_ads",
    "country": "VN",
}


async def passes_of(firm: "Firm", rep: str) -> str:
    """The pass to the rep's lead, as the list of the rep's handoffs and the handoff alone give it."""
    listed = (await firm.ask(rep, "GET", f"/v1/handoffs?lead_id={firm.leads[rep]}")).json()["items"]
    alone = (await firm.ask(rep, "GET", f"/v1/handoffs/{firm.handoffs[rep]}")).json()
    return listed[0].get("pass") or alone.get("pass") or ""


async def a_lead_is_its_reps(firm: "Firm", faults: list[str]) -> None:
    """A rep reads leads that are the rep's, with the router's pass; another's pass opens nothing."""
    for rep, other in (("ann", "bob"), ("bob", "ann")):
        lead, given = firm.leads[rep], await passes_of(firm, rep)
        person = f"Customer of {rep}"
        for who, key, status, shows in (
            (rep, given, 200, True), (rep, "", 404, False), (rep, given + "0", 404, False),
            (rep, await passes_of(firm, other), 404, False), (other, given, 404, False), (other, "", 404, False),
            ("director", "", 200, True), ("sdr", "", 200, True),
        ):  # fmt: skip
            seen = await firm.ask(who, "GET", f"/v1/leads/{lead}?pass={key}")
            if (person in seen.text) != shows:
                faults.append(f"{who} with the pass {key!r} is shown {seen.text[:200]}")
            score = await firm.ask(who, "GET", f"/v1/scores/{lead}?pass={key}")
            if score.status_code != status:
                faults.append(f"{who} with the pass {key!r} reads the score: {score.status_code}")
        await the_one_origin_carries_the_pass(firm, rep, other, faults)
        for path in (f"/v1/nurture?lead_id={lead}", f"/v1/leads/{lead}/timeline", f"/v1/scores/{lead}?lang=vi"):
            for who, status in ((rep, 200), (other, 404), ("director", 200)):
                answer = await firm.ask(who, "GET", path)
                if answer.status_code != status:
                    faults.append(f"{who} {path}: {answer.status_code}, not {status}")
        strange = await firm.ask({"ann": "southern", "bob": "northern"}[rep], "GET", f"/v1/nurture?lead_id={lead}")
        if strange.status_code != 404:
            faults.append(f"another team's manager reads nurture: {strange.status_code}")
    if "pass" in (await firm.ask("director", "GET", f"/v1/handoffs/{firm.handoffs['ann']}")).json():
        faults.append("who needs no pass is given one")


async def the_one_origin_carries_the_pass(firm: "Firm", rep: str, other: str, faults: list[str]) -> None:
    """Whoever asks there needs to know nothing of passes."""
    for who, shows in ((rep, True), (other, False)):
        seen = await firm.ask(who, "GET", f"/v1/leads/{firm.leads[rep]}")
        if (f"Customer of {rep}" in seen.text) != shows:
            faults.append(f"{who} at the one origin is shown {seen.text[:200]}")


async def a_pooled_lead_is_masked(firm: "Firm", faults: list[str]) -> None:
    """Of what nobody has, a rep sees the pools that may be claimed from, and never who it is."""
    http = firm.product.http
    lead = (await http.post("/v1/leads", json=_NOBODYS)).json()["lead_id"]

    async def is_in(pool: str) -> bool:
        items = (await http.get(f"/v1/pools/{pool}")).json()["items"]
        return any(item["lead_id"] == lead for item in items)

    async def has_score() -> bool:
        return (await http.get(f"/v1/scores/{lead}")).status_code == 200

    await until(has_score)
    await until(lambda: is_in("raw"))
    for path, status in (
        (f"/v1/scores/{lead}", 404), (f"/v1/nurture?lead_id={lead}", 404), (f"/v1/leads/{lead}/timeline", 404),
        ("/v1/pools/raw", 403), ("/v1/waiting", 403),
    ):  # fmt: skip
        answer = await firm.ask("ann", "GET", path)
        if answer.status_code != status:
            faults.append(f"what nobody ever had is open to a rep: {path}: {answer.status_code}")
    (await http.post(f"/v1/leads/{lead}/pool", json={"pool": "public"})).raise_for_status()
    await until(lambda: is_in("public"))
    item = next(
        each for each in (await firm.ask("ann", "GET", "/v1/pools/public")).json()["items"] if each["lead_id"] == lead
    )
    key = item.get("pass")
    if (await firm.ask("ann", "GET", f"/v1/scores/{lead}?pass={key}")).status_code != 200:
        faults.append("a rep does not see the score of what may be claimed")
    seen = await firm.ask("ann", "GET", f"/v1/leads/{lead}?pass={key}")
    if seen.status_code != 200 or "Customer" in seen.text or "buyer@" in seen.text:
        faults.append(f"a rep sees who it is before the claim: {seen.text[:200]}")


async def policies_are_the_companys(firm: "Firm", faults: list[str]) -> None:
    """A manager bound to teams changes these teams, and nothing that others live by."""
    routing: dict[str, Any] = (await firm.product.http.get("/v1/policies/routing")).json()["body"]
    north, south = ({**routing["teams"][name], "manager": "somebody"} for name in ("north", "south"))
    for what, document, status in (
        ("the own team", {**routing, "teams": {**routing["teams"], "north": north}}, 200),
        ("another team", {**routing, "teams": {**routing["teams"], "south": south}}, 403),
        ("a team less", {**routing, "teams": {"north": north}, "rules": []}, 403),
        ("the rules", {**routing, "rules": []}, 403),
    ):
        for who, expected in (("northern", status), ("director", 200)):
            tried = await firm.ask(who, "PUT", "/v1/policies/routing?dry_run=1", document)
            if tried.status_code != expected:
                faults.append(f"{who} changes {what}: {tried.status_code} {tried.text[:160]}")
    for path in ("policies/sla", "policies/calendars", "policies/nurture", "ops/router/policies/calendars"):
        body = (await firm.product.http.get(f"/v1/{path}")).json()["body"]
        for who, expected in (("northern", 403), ("director", 200)):
            tried = await firm.ask(who, "PUT", f"/v1/{path}?dry_run=1", body)
            if tried.status_code != expected:
                faults.append(f"{who} publishes {path}: {tried.status_code} {tried.text[:160]}")


async def figures_are_the_teams(firm: "Firm", faults: list[str]) -> None:
    """By team and rep, a manager bound to teams sees these only; what adds all teams together is refused."""
    for who, team in (("northern", "north"), ("southern", "south")):
        funnel = (await firm.ask(who, "GET", "/v1/funnel?by=team")).json()
        teams = {row["team"] for row in funnel["rows"]}
        if teams != {team} or funnel["total"]["leads"] != 1:
            faults.append(f"{who} is shown the funnel of {teams}: {funnel['total']}")
        drilled = (await firm.ask(who, "GET", "/v1/drill?by=team")).json()["items"]
        if {item["lead_id"] for item in drilled} != {firm.leads["ann" if team == "north" else "bob"]}:
            faults.append(f"{who} drills into {drilled}")
        reps = {row["rep"] for row in (await firm.ask(who, "GET", "/v1/funnel?by=rep")).json()["rows"]}
        if reps != {"ann" if team == "north" else "bob"}:
            faults.append(f"{who} is shown the funnel of {reps}")
        for path in (
            "funnel?by=source", "drill?by=source", "kpis", "events", "reconciliation", "spend", "export/spend.csv",
            "reports/campaign-roi",
        ):  # fmt: skip
            status = [(await firm.ask(each, "GET", f"/v1/{path}")).status_code for each in (who, "director")]
            if status != [403, 200]:
                faults.append(f"{path} of all teams together: {who} and director get {status}")
