"""The senders: each request goes out with the same key and body until it is acknowledged, then into the ledger."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from tests.chaos.ledger import Ledger

GOOGLE_KEY = "chaos-google-key"
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 1.0
_AGAIN = frozenset({408, 409, 425, 429})
_HOT_SHARE = 0.35
_CONTACT_SHARE = 0.5
_REPEAT_SHARE = 0.15
_SEARCH_S = 0.5
_AT_ONCE = 96
Ask = Callable[[], Awaitable[httpx.Response]]


class Unanswered(Exception):
    """No acknowledgement within the time there is."""


@dataclass(slots=True)
class Senders:
    """The world outside. `intake()` and `router()` give the address of a process to talk to, as a balancer would."""

    http: httpx.AsyncClient
    ledger: Ledger
    chance: random.Random
    run: str
    intake: Callable[[], str]
    router: Callable[[], str]
    patience_s: float = 90.0
    sent: int = 0
    tries: int = 0
    unanswered: int = 0
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    """Requests under way: a crowd of them in the client's pool would take the harness all its time to look through."""

    async def round(self, leads: int, rate: float) -> None:
        """Send so many new leads at a steady rate, whatever becomes of them; `drained` waits for their end."""
        began_s = time.monotonic()
        for number in range(leads):
            task = asyncio.create_task(self._live(self.sent))
            self.sent += 1
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            await asyncio.sleep(max(0.0, began_s + (number + 1) / rate - time.monotonic()))

    async def drained(self) -> None:
        """Wait until every sender has its acknowledgements or has given up."""
        while self.tasks:
            await asyncio.wait(set(self.tasks))

    async def _live(self, number: int) -> None:
        chance = random.Random(f"{self.run}:{number}")
        try:
            await self._one_lead(number, chance)
        except Unanswered:
            self.unanswered += 1

    async def _one_lead(self, number: int, chance: random.Random) -> None:
        hot = chance.random() < _HOT_SHARE
        email = f"lead-{number}@{self.run}.example"
        self.ledger.note("asked", email=email)
        lead_id = await self._capture(number, email, hot=hot, key=f"{self.run}-{number}", chance=chance)
        if chance.random() < _REPEAT_SHARE:  # a sender that did not believe its acknowledgement
            await self._capture(number, email, hot=hot, key=f"{self.run}-{number}", chance=random.Random(number))
        if lead_id is None or not hot:
            return
        for kind in ("demo_requested", "price_page_viewed"):
            await self._engage(lead_id, kind, chance)
        self.ledger.note("hot", lead_id=lead_id)
        if chance.random() < _CONTACT_SHARE:
            await self._contact(lead_id, f"{self.run}-contact-{number}")

    async def _capture(self, number: int, email: str, *, hot: bool, key: str, chance: random.Random) -> str | None:
        fields = {
            "name": f"Person {number}", "email": email, "company": f"Works {number}",
            "title": "Founder" if hot else "intern", "industry": "manufacturing" if hot else "education",
            "timeframe": "within a month" if hot else "long term",
        }  # fmt: skip
        headers = {"idempotency-key": key, "accept": "application/json"}
        door = "api" if hot else ("api", "site", "google")[number % 3]
        del chance
        if door == "api":
            answer = await self._sure(
                lambda: self._post(self.intake(), "/v1/leads", {**fields, "source": "search_ads"}, headers)
            )
            body = answer.json()
            submission_id, lead_id = body["submission_id"], body["lead_id"]
        elif door == "site":
            answer = await self._sure(
                lambda: self.http.post(
                    f"{self.intake()}/v1/forms/site", data={**fields, "utm_source": "referral"}, headers=headers
                )
            )
            submission_id, lead_id = answer.headers["baton-submission-id"], None
        else:
            body = _google(number, self.run, fields)
            answer = await self._sure(lambda: self._post(self.intake(), "/v1/hooks/google-main", body, {}))
            submission_id, lead_id = answer.headers["baton-submission-id"], answer.headers.get("baton-lead-id")
        self.ledger.note("lead", submission_id=submission_id, lead_id=lead_id, email=email, door=door)
        return lead_id

    async def _engage(self, lead_id: str, kind: str, chance: random.Random) -> None:
        ident = str(UUID(int=chance.getrandbits(128), version=4))
        body = {"id": ident, "kind": kind, "occurred_at": datetime.now(UTC).isoformat()}
        await self._sure(
            lambda: self._post(self.intake(), f"/v1/leads/{lead_id}/engagements", body, {"idempotency-key": ident})
        )
        self.ledger.note("engagement", id=ident, lead_id=lead_id)

    async def _contact(self, lead_id: str, key: str) -> None:
        handoff_id = await self._handoff(lead_id)
        body = {"channel": "phone", "result": "reached", "occurred_at": datetime.now(UTC).isoformat()}
        path = f"/v1/handoffs/{handoff_id}/contacts"
        await self._sure(lambda: self._post(self.router(), path, body, {"idempotency-key": key}))
        self.ledger.note("contact", key=key, lead_id=lead_id, handoff_id=handoff_id)

    async def _handoff(self, lead_id: str) -> str:
        deadline_s = time.monotonic() + self.patience_s
        while True:
            answer = await self._sure(
                lambda: self.http.get(f"{self.router()}/v1/handoffs", params={"lead_id": lead_id})
            )
            items: list[dict[str, Any]] = answer.json()["items"]
            if items:
                return str(items[0]["handoff_id"])
            if time.monotonic() > deadline_s:
                raise Unanswered  # late is not lost: at the end the auditor asks every hot lead's owner
            await asyncio.sleep(_SEARCH_S)

    async def _post(self, url: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        return await self.http.post(f"{url}{path}", json=body, headers=headers)

    async def _sure(self, ask: Ask) -> httpx.Response:
        """Ask until the answer is a yes. Raises Unanswered when time is up, or where the answer will stay a no."""
        deadline_s, pause_s = time.monotonic() + self.patience_s, _PAUSE_S
        said = ""
        while time.monotonic() < deadline_s:
            self.tries += 1
            try:
                async with self.places:
                    answer = await ask()
            except (httpx.TransportError, AttributeError) as error:  # the latter: a socket closed while it was opened
                said = repr(error)
            else:
                if answer.is_success:
                    return answer
                said = f"{answer.status_code} {answer.text[:300]}"
                if answer.is_client_error and answer.status_code not in _AGAIN:
                    break
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)
        self.ledger.note("complaint", what=f"refused: {said}")
        raise Unanswered(said)


def _google(number: int, run: str, fields: dict[str, str]) -> dict[str, Any]:
    columns = {"FULL_NAME": "name", "EMAIL": "email", "COMPANY_NAME": "company", "JOB_TITLE": "title"}
    return {
        "lead_id": f"{run}-{number}",
        "user_column_data": [
            {"column_name": column.title(), "string_value": fields[name], "column_id": column}
            for column, name in columns.items()
        ],
        "api_version": "1.0",
        "form_id": 40000000000,
        "campaign_id": 123456789,
        "google_key": GOOGLE_KEY,
        "is_test": False,
        "gcl_id": "",
    }
