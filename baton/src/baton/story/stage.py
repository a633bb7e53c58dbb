"""The stage: the days of the calendar, the doors, the people's acts. Everything goes through the product's own REST."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import httpx

from baton.story.hurry import Hurry
from shared.runtime.clock import system_clock

HANOI: Final = ZoneInfo("Asia/Ho_Chi_Minh")
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
SINGAPORE: Final = ZoneInfo("Asia/Singapore")
TAG: Final = "demo"
_DAYS: Final = 14


class StoryRefused(Exception):
    """The product refused a step of the story; says which and why."""


def first_monday(today: date) -> date:
    """The Monday that lies 14 to 20 days back, so that all fourteen days are over."""
    return today - timedelta(days=_DAYS + today.weekday())


@dataclass(slots=True)
class Stage:
    """Where the story plays: its first Monday, the hand at the clocks, and who turned out to be which lead."""

    http: httpx.AsyncClient
    hurry: Hurry
    monday: date
    secrets: dict[str, str]
    leads: dict[str, str] = field(default_factory=dict[str, str])
    scene: int = 0
    step: int = 0

    def at(self, day: int, clock: str, zone: ZoneInfo) -> datetime:
        """An instant of the story: the day from 1, the local time."""
        return datetime.combine(self.monday + timedelta(days=day - 1), time.fromisoformat(clock), zone).astimezone(UTC)

    async def send(self, method: str, path: str, **what: Any) -> httpx.Response:
        """One request that must succeed. What is asked again after a kill is known by its key and done once.

        Raises StoryRefused.
        """
        if method == "POST" and not path.startswith("/v1/hooks"):
            self.step += 1
            key = f"story-{self.monday}-{self.scene}-{self.step}"
            what["headers"] = {"idempotency-key": key, **what.get("headers", {})}
        answer = await self.http.request(method, path, **what)
        if answer.is_error:
            raise StoryRefused(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer

    async def get(self, path: str, **query: Any) -> Any:
        """What a path answers, parsed."""
        return (await self.send("GET", path, params=query)).json()

    async def meet(self, who: str, /, **known_by: str) -> str:
        """Find the lead that a submission became, and remember it under a name."""
        items = (await self.get("/v1/leads", **known_by))["items"]
        if not items:
            raise StoryRefused(f"{who} is no lead yet, known by {known_by}")
        self.leads[who] = items[0]["lead_id"]
        return self.leads[who]

    async def form(self, who: str, /, **fields: str) -> str:
        """Fill the web site's form."""
        await self.send("POST", "/v1/forms/site", data={**fields, "tags": TAG}, headers={"accept": "application/json"})
        return await self.meet(who, email=fields["email"])

    async def wait_for(self, who: str, /, **known_by: str) -> str:
        """The lead that a submission becomes once its answers have been fetched."""
        await self.hurry.rest()
        return await self.meet(who, **known_by)

    async def imported(self, door: str, filename: str, content: bytes, media_type: str, **constants: str) -> None:
        """Import a file through a door and wait until every row has been read."""
        answer = await self.send(
            "POST", "/v1/imports", params={"door": door, **constants}, files={"file": (filename, content, media_type)}
        )
        path = f"/v1/imports/{answer.json()['import_id']}"
        async with asyncio.timeout(30):
            while (found := await self.get(path))["state"] == "reading":  # noqa: ASYNC110 - another process reads
                await asyncio.sleep(0.05)
        if found["state"] != "done":
            raise StoryRefused(f"{filename} was not read: {found['problems']}")

    async def nurture(self, name: str, reason: str) -> None:
        """Move a lead that nobody owns to marketing's care."""
        await self.send("POST", f"/v1/leads/{self.leads[name]}/pool", json={"pool": "nurture", "reason": reason})

    async def engage(self, name: str, kind: str, content: str | None = None, *, at: datetime | None = None) -> None:
        """Have a lead do something, now or (as a sync brings it) before."""
        now = at or await self.now()
        body: dict[str, Any] = {
            "id": str(uuid5(NAMESPACE_URL, f"baton-story:{name}:{kind}:{now.isoformat()}")),
            "kind": kind,
            "occurred_at": now.isoformat(),
        }
        await self.send(
            "POST",
            f"/v1/leads/{self.leads[name]}/engagements",
            json={**body, **({"content": content} if content else {})},
        )

    async def now(self) -> datetime:
        """Where the clocks stand; real time once they go."""
        return await self.hurry.standing() or system_clock()

    async def handoff(self, name: str) -> dict[str, Any]:
        """The newest handoff of a lead."""
        items: list[dict[str, Any]] = (await self.get("/v1/handoffs", lead_id=self.leads[name]))["items"]
        if not items:
            raise StoryRefused(f"{name} has no handoff")
        return max(items, key=lambda item: str(item["handoff_id"]))

    async def call(
        self, name: str, result: str, *, channel: str = "phone", at: datetime | None = None,
        note: str | None = None, next_step: datetime | None = None,
    ) -> None:  # fmt: skip
        """Log a contact on a lead's newest handoff."""
        said: dict[str, Any] = {
            "channel": channel,
            "result": result,
            "occurred_at": (at or await self.now()).isoformat(),
        }
        said |= {"note": note} if note else {}
        said |= {"next_step_at": next_step.isoformat()} if next_step else {}
        handoff = await self.handoff(name)
        await self.send("POST", f"/v1/handoffs/{handoff['handoff_id']}/contacts", json=said)

    async def reject(self, name: str, reason: str, comment: str, rating: int = 3) -> None:
        """Say of a lead's newest handoff why not."""
        handoff = await self.handoff(name)
        body = {"reason": reason, "comment": comment, "rating": rating}
        await self.send("POST", f"/v1/handoffs/{handoff['handoff_id']}/reject", json=body)

    async def status(self, name: str, *steps: str) -> None:
        """Move a lead's status, step by step."""
        for step in steps:
            await self.send("POST", f"/v1/leads/{self.leads[name]}/status", json={"status": step})

    async def checklist(self, name: str, **filled: str | bool) -> None:
        """Fill fields of a lead's checklist."""
        await self.send("PATCH", f"/v1/leads/{self.leads[name]}/checklist", json=filled)

    async def opportunity(self, name: str, **amount: int | str) -> str:
        """Open an opportunity; its id."""
        body = {"lead_id": self.leads[name], **amount}
        return (await self.send("POST", "/v1/opportunities", json=body)).json()["opportunity_id"]

    async def stage(self, name: str, stage: str, **amount: int | str) -> None:
        """Move a lead's open opportunity."""
        items = (await self.get("/v1/opportunities", lead_id=self.leads[name]))["items"]
        path = f"/v1/opportunities/{items[-1]['opportunity_id']}/stage"
        await self.send("POST", path, json={"stage": stage, **amount})
