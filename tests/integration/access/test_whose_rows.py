"""Whose rows a key shows and moves, through the running product: a rep's own, a manager's teams', else all."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from shared.http.access import new_token
from shared.http.sessions import COOKIE
from tests.e2e.test_one_lead import OPEN_ALWAYS
from tests.integration.access import whose_leads, whose_teams
from tests.support.product import Product, a_product
from tests.support.wait import until

pytestmark = pytest.mark.timeout(400)

ROUTING: Final[dict[str, Any]] = {
    "teams": {
        name: {
            "zone": "Asia/Ho_Chi_Minh", "calendar": "always", "strategy": "rotation", "outside_hours": "assign",
            "reps": [{"id": rep, "weight": 1, "capacity": {"day": day, "open": 50}}],
        }
        for name, rep, day in (("north", "ann", 50), ("south", "bob", 50), ("east", "kim", 0))
    },
    "rules": [
        {"name": "south", "when": 'lead.country == "CN"', "team": "south"},
        {"name": "east", "when": 'lead.country == "JP"', "team": "east"},
    ],
    "fallback": "north",
    "pools": {"public": {"claim": True, "day": 5, "open": 10}},
}  # fmt: skip
KEYS: Final[dict[str, dict[str, Any]]] = {
    "ann": {"role": "rep", "rep": "ann"},
    "bob": {"role": "rep", "rep": "bob"},
    "northern": {"role": "manager", "teams": ["north"]},
    "southern": {"role": "manager", "teams": ["south"]},
    "eastern": {"role": "manager", "teams": ["east"]},
    "director": {"role": "manager"},
    **{role: {"role": role} for role in ("marketer", "viewer", "analyst", "operator", "entry", "sdr")},
}
BARRED: Final = (401, 403, 404)


@dataclass
class Firm:
    """The product with two teams, one rep each, and a called lead of each rep."""

    product: Product
    keys: dict[str, httpx.AsyncClient]
    tokens: dict[str, str]
    leads: dict[str, str]
    handoffs: dict[str, str]
    tasks: dict[str, str]
    deals: dict[str, str]

    def rows(self, rep: str) -> list[tuple[str, str]]:
        """The reads that show something of this rep's lead."""
        lead, handoff = self.leads[rep], self.handoffs[rep]
        return [
            ("GET", f"/v1/handoffs/{handoff}"),
            ("GET", f"/v1/leads/{lead}/notes"),
            ("GET", f"/v1/leads/{lead}/checklist"),
            ("GET", f"/v1/leads/{lead}/timeline"),
        ]

    def acts(self, rep: str) -> list[tuple[str, str, Any]]:
        """The writes on this rep's work, each refused for the wrong key before anything else is looked at."""
        lead, handoff, task = self.leads[rep], self.handoffs[rep], self.tasks[rep]
        contact = {"channel": "phone", "result": "no_answer"}
        return [
            ("POST", f"/v1/handoffs/{handoff}/accept", None),
            ("POST", f"/v1/handoffs/{handoff}/reject", {"reason": "timing"}),
            ("POST", f"/v1/handoffs/{handoff}/contacts", contact),
            ("POST", f"/v1/handoffs/{handoff}/return", {"reason": "timing"}),
            ("POST", f"/v1/leads/{lead}/contacts", contact),
            ("POST", f"/v1/leads/{lead}/status", {"status": "invalid", "reason": "wrong_info"}),
            ("PATCH", f"/v1/leads/{lead}/checklist", {"budget": "no"}),
            ("POST", f"/v1/leads/{lead}/notes", {"text": "not mine"}),
            ("POST", "/v1/tasks", {"lead_id": lead, "kind": "to_do"}),
            ("POST", f"/v1/tasks/{task}/done", {}),
            ("POST", "/v1/opportunities", {"lead_id": lead}),
            ("POST", f"/v1/opportunities/{self.deals[rep]}/stage", {"stage": "proposal"}),
            ("PUT", f"/v1/reps/{rep}/availability", {"available": False}),
        ]

    def orders(self, rep: str) -> list[tuple[str, str, Any]]:
        """What only a leader of the rep's team may order."""
        other = {"ann": "bob", "bob": "ann"}[rep]
        return [
            ("POST", f"/v1/opportunities/{self.deals[rep]}/transfer", {"to": other, "reason": "manager"}),
            ("POST", f"/v1/reps/{rep}/transfer", {"to": other, "reason": "manager"}),
            ("PATCH", f"/v1/reps/{rep}", {"weight": 2}),
            ("DELETE", f"/v1/reps/{rep}", None),
        ]

    async def ask(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.keys[who].request(method, path, json=body)


@pytest.fixture
async def firm(data_home: Path) -> AsyncIterator[Firm]:
    async with a_product(data_home / "data") as product:
        http = product.http
        for kind, body in (("calendars", OPEN_ALWAYS), ("routing", ROUTING)):
            (await http.put(f"/v1/policies/{kind}", json=body)).raise_for_status()
        tokens = {name: new_token(name)[0] for name in KEYS}
        keys = {name: {**entry, "sha256": digest(tokens[name])} for name, entry in KEYS.items()}
        (await http.put("/v1/policies/access", json={"keys": keys})).raise_for_status()
        clients = {
            name: httpx.AsyncClient(base_url=product.url, headers={"authorization": f"Bearer {token}"}, timeout=30)
            for name, token in tokens.items()
        }
        made = Firm(product, clients, tokens, {}, {}, {}, {})
        try:
            await until(lambda: everybody_is_known(made))
            for rep, country in (("ann", "VN"), ("bob", "CN")):
                await a_called_lead(made, rep, country)
            yield made
        finally:
            for client in clients.values():
                await client.aclose()


async def everybody_is_known(firm: Firm) -> bool:
    for client in firm.keys.values():
        for service in ("intake", "scorer", "router", "sla-watcher", "analytics"):
            if (await client.get(f"/v1/ops/{service}/me")).status_code != 200:
                return False
    return True


async def a_called_lead(firm: Firm, rep: str, country: str) -> None:
    """A lead that its rep has called, with a note, a task, and an opportunity."""
    http = firm.product.http
    body = {
        "name": f"Customer of {rep}", "email": f"buyer@{rep}-works.example", "company": f"{rep} works",
        "title": "Founder", "industry": "manufacturing", "timeframe": "within a month", "source": "search_ads",
        "country": country,
    }  # fmt: skip
    answer = await http.post("/v1/leads", json=body)
    assert answer.status_code == 202, answer.text
    lead = firm.leads[rep] = answer.json()["lead_id"]
    for kind in ("demo_requested", "price_page_viewed"):
        engagement = {"id": str(uuid4()), "kind": kind, "occurred_at": datetime.now(UTC).isoformat()}
        (await http.post(f"/v1/leads/{lead}/engagements", json=engagement)).raise_for_status()
    await until(lambda: has_handoff(firm, rep))
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    for method, path, said in (
        (
            "POST",
            f"/v1/handoffs/{firm.handoffs[rep]}/contacts",
            {"channel": "phone", "result": "reached", "note": "a word"},
        ),
        ("POST", "/v1/tasks", {"lead_id": lead, "kind": "to_do", "due_at": later}),
        ("PATCH", f"/v1/leads/{lead}/checklist", CHECKLIST),
        ("POST", f"/v1/leads/{lead}/status", {"status": "activated"}),
        ("POST", "/v1/opportunities", {"lead_id": lead, "amount_minor": 100, "currency": "CNY"}),
    ):
        told = await firm.ask(rep, method, path, said)
        assert told.status_code < 300, (path, told.text)
        firm.tasks[rep] = told.json().get("task_id") or firm.tasks.get(rep, "")
        firm.deals[rep] = told.json().get("opportunity_id") or firm.deals.get(rep, "")
    await until(lambda: timeline_is_there(firm, rep))


CHECKLIST: Final = {
    "pain_point": "slow", "current_solution": "paper", "timeframe": "1_month", "definite_project": True,
    "budget": "yes", "decision_maker": True,
}  # fmt: skip


async def has_handoff(firm: Firm, rep: str) -> bool:
    items = (await firm.ask(rep, "GET", "/v1/handoffs")).json()["items"]
    for item in items:
        firm.handoffs[rep] = item["handoff_id"]
    return bool(items)


async def timeline_is_there(firm: Firm, rep: str) -> bool:
    told = await firm.product.http.get(f"/v1/leads/{firm.leads[rep]}/timeline")
    return "opportunity.opened" in told.text


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def test_a_key_sees_and_moves_its_own_rows_and_no_others(firm: Firm) -> None:
    faults: list[str] = []
    for rep, other, leader, stranger in (
        ("ann", "bob", "northern", "southern"),
        ("bob", "ann", "southern", "northern"),
    ):
        insiders, outsiders = (rep, leader, "director", "marketer"), (other, stranger, "entry")
        for method, path in firm.rows(rep):
            faults += await wrong(firm, insiders, method, path, None, passes=True)
            faults += await wrong(firm, outsiders, method, path, None, passes=False)
        bystanders = (other, stranger, "viewer", "analyst", "operator", "entry")
        for method, path, body in firm.acts(rep):
            faults += await wrong(firm, bystanders, method, path, body, passes=False)
        for method, path, body in firm.orders(rep):
            faults += await wrong(firm, (rep, *bystanders, "marketer", "sdr"), method, path, body, passes=False)
    await lists_are_narrow(firm, faults)
    await people_are_masked(firm, faults)
    await whose_leads.a_lead_is_its_reps(firm, faults)
    await whose_leads.figures_are_the_teams(firm, faults)
    await whose_leads.a_pooled_lead_is_masked(firm, faults)
    await whose_leads.policies_are_the_companys(firm, faults)
    await whose_teams.a_lead_is_its_teams(firm, faults)
    await whose_teams.lists_of_people_are_masked(firm, faults)
    await whose_teams.a_waiting_lead_is_the_teams_that_is_to_have_it(firm, faults)
    await whose_teams.a_pooled_lead_has_a_score_and_no_name(firm, faults)
    await whose_teams.a_clock_of_no_team_is_its_leads(firm, faults)
    await whose_teams.the_page_is_of_the_teams(firm, faults)
    await whose_teams.replays_are_the_companys(firm, faults)
    assert not faults, "\n".join(faults)


async def wrong(firm: Firm, callers: Sequence[str], method: str, path: str, body: Any, *, passes: bool) -> list[str]:
    """Who of the callers is answered otherwise than they should be."""
    told = {who: await firm.ask(who, method, path, body) for who in callers}
    return [
        f"{who} {method} {path}: {answer.status_code} {answer.text[:160]}"
        for who, answer in told.items()
        if answer.status_code >= 500 or (answer.status_code in BARRED) == passes
    ]


async def lists_are_narrow(firm: Firm, faults: list[str]) -> None:
    """Every list holds the caller's rows only, also when another's are asked for by name."""
    for path in ("/v1/handoffs", "/v1/clocks", "/v1/tasks?state=all", "/v1/opportunities"):
        for rep, other in (("ann", "bob"), ("bob", "ann")):
            for who in (rep, {"ann": "northern", "bob": "southern"}[rep]):
                told = await firm.ask(who, "GET", path)
                owners = {item["owner"] for item in told.json()["items"]}
                if owners - {None, rep} or rep not in owners:
                    faults.append(f"{who} {path} shows {owners}")
                joint = "&" if "?" in path else "?"
                named = await firm.ask(who, "GET", f"{path}{joint}owner={other}")
                if named.status_code != 403 and named.json()["items"]:
                    faults.append(f"{who} {path} shows {other}'s when asked for by name")
                of_lead = await firm.ask(who, "GET", f"{path}{joint}lead_id={firm.leads[other]}")
                if of_lead.status_code != 403 and any(item["owner"] == other for item in of_lead.json()["items"]):
                    faults.append(f"{who} {path} shows {other}'s lead when asked for")
        everything = (await firm.ask("director", "GET", path)).json()["items"]
        if not {"ann", "bob"} <= {item["owner"] for item in everything}:
            faults.append(f"director {path} misses somebody")
    for who, team in (("northern", "north"), ("southern", "south")):
        reps = {item["id"] for item in (await firm.ask(who, "GET", "/v1/reps")).json()["items"]}
        if reps != {"ann" if team == "north" else "bob"}:
            faults.append(f"{who} /v1/reps shows {reps}")


async def people_are_masked(firm: Firm, faults: list[str]) -> None:
    """Who a lead is, is shown to those who talk with people; what was typed, to those who may read notes."""
    lead, handoff = firm.leads["ann"], firm.handoffs["ann"]
    for who in ("viewer", "analyst", "entry"):
        told = await firm.ask(who, "GET", f"/v1/leads/{lead}")
        if "Customer" in told.text or "buyer@" in told.text:
            faults.append(f"{who} is shown who the lead is")
        if who != "entry":
            shown = (await firm.ask(who, "GET", f"/v1/handoffs/{handoff}")).text + (
                await firm.ask(who, "GET", f"/v1/leads/{lead}/checklist")
            ).text
            if "a word" in shown or "paper" in shown:
                faults.append(f"{who} is shown what was typed")
    for who in ("viewer", "analyst", "operator", "entry"):
        if (await firm.ask(who, "GET", "/v1/leads?email=buyer@ann-works.example")).status_code != 403:
            faults.append(f"{who} may look for people")
        if (await firm.ask(who, "GET", f"/v1/leads/{lead}/notes")).status_code != 403:
            faults.append(f"{who} may read notes")
    shown_to = {who: await firm.ask(who, "GET", f"/v1/leads/{lead}") for who in ("sdr", "director", "marketer")}
    faults += [f"{who} is not shown who it is" for who, told in shown_to.items() if "Customer of ann" not in told.text]


async def test_a_browsers_session_is_its_key_until_the_key_is_revoked(firm: Firm) -> None:
    product = firm.product
    async with httpx.AsyncClient(base_url=product.url, timeout=30) as browser:
        own = {"origin": product.url}
        refused = await browser.post("/sign-in", data={"token": firm.tokens["ann"]})
        assert refused.status_code == 403
        wrong = await browser.post("/sign-in", data={"token": "baton_ann_no"}, headers=own)
        assert wrong.status_code == 401
        signed_in = await browser.post("/sign-in", data={"token": firm.tokens["ann"]}, headers=own)
        assert signed_in.status_code == 303
        kept = signed_in.headers["set-cookie"].lower()
        assert "httponly" in kept
        assert "samesite=strict" in kept

        assert (await browser.get(f"/v1/handoffs/{firm.handoffs['ann']}")).status_code == 200
        assert (await browser.get(f"/v1/handoffs/{firm.handoffs['bob']}")).status_code == 403
        assert "Customer of ann" in (await browser.get(f"/follow/{firm.leads['ann']}")).text
        assert "Customer of bob" not in (await browser.get(f"/follow/{firm.leads['bob']}")).text
        note = f"/v1/leads/{firm.leads['ann']}/notes"
        assert (await browser.post(note, json={"text": "x"})).status_code == 403
        assert (await browser.post(note, json={"text": "x"}, headers={"origin": "http://evil.test"})).status_code == 403
        assert (await browser.post(note, json={"text": "x"}, headers=own)).status_code == 201
        assert (await browser.put("/v1/policies/access", json={"keys": {}}, headers=own)).status_code == 403

        async with httpx.AsyncClient(base_url=product.url, timeout=30) as chief:
            token = product.http.headers["authorization"].removeprefix("Bearer ")
            assert (await chief.post("/sign-in", data={"token": token}, headers=own)).status_code == 303
            access = await chief.get("/v1/policies/access")
            assert access.status_code == 200, access.text
            left = {name: entry for name, entry in access.json()["body"]["keys"].items() if name != "ann"}
            assert (await chief.put("/v1/policies/access", json={"keys": left})).status_code == 403
            taken = await chief.put("/v1/policies/access", json={"keys": left}, headers=own)
            assert taken.status_code == 200, taken.text

        async def is_out() -> bool:
            answers = [
                await browser.get(path)
                for path in ("/v1/handoffs", f"/v1/scores/{firm.leads['ann']}", "/v1/clocks", "/v1/funnel", "/v1/leads")
            ]
            return all(answer.status_code == 401 for answer in answers)

        await until(is_out, at_most_s=10)
        assert COOKIE in browser.cookies
        assert "Customer of ann" not in (await browser.get(f"/follow/{firm.leads['ann']}")).text
