"""What the page shows, read from the services with the reader's own rights."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx

from shared.contracts.topology import SERVICES

ClientOf = Callable[[str], httpx.AsyncClient]
STAGES: Final = ("leads", "mql", "sql", "assigned", "contacted", "opportunities", "won")
_FOLLOWED: Final = 18
_CLOCKS: Final = 8


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the product; None is what the reader's role does not see, or what does not answer now."""

    reconciliation: Mapping[str, Any] | None
    funnel: Mapping[str, Any] | None
    running: list[Mapping[str, Any]] | None
    breached: list[Mapping[str, Any]] | None
    leads: list[Mapping[str, Any]] | None
    lag: list[Mapping[str, Any]] | None
    standing: datetime | None


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever looks: the services, and the cookie that the reader came with."""

    client_of: ClientOf
    cookie: str
    key_id: str

    async def get(self, service: str, path: str, **query: Any) -> Any:
        """What a service answers; None where it refuses or is away."""
        try:
            answer = await self.client_of(service).get(path, params=query, headers={"cookie": self.cookie})
        except httpx.TransportError:
            return None
        return answer.json() if answer.is_success else None

    async def items(self, service: str, path: str, **query: Any) -> list[Mapping[str, Any]] | None:
        """The items of a list."""
        found = await self.get(service, path, **query)
        return None if found is None else found["items"]

    async def figures(self) -> Figures:
        """Everything on the first page, asked for at once."""
        reconciliation, funnel, running, breached, leads, clock, *lag = await asyncio.gather(
            self.get("analytics", "/v1/reconciliation"),
            self.get("analytics", "/v1/funnel"),
            self.items("sla-watcher", "/v1/clocks", state="running", limit=_CLOCKS),
            self.items("sla-watcher", "/v1/clocks", state="breached", limit=_CLOCKS),
            self.items("intake", "/v1/leads", limit=_FOLLOWED),
            self.get("analytics", "/v1/ops/analytics/clock"),
            *(self._lag(service) for service in SERVICES),
        )
        standing = datetime.fromisoformat(clock["now"]) if clock and clock["standing"] else None
        seen = [each for each in lag if each is not None]
        return Figures(reconciliation, funnel, running, breached, leads, seen or None, standing)

    async def _lag(self, service: str) -> Mapping[str, Any] | None:
        lag, parked = await asyncio.gather(
            self.get(service, f"/v1/ops/{service}/lag"), self.items(service, f"/v1/ops/{service}/parked", limit=100)
        )
        return None if lag is None else {"service": service, "lag": lag["lag"], "parked": len(parked or ())}


@dataclass(slots=True)
class Looks:
    """One look for every window that a key has open, however many these are."""

    lasts_s: float
    kept: "dict[str, tuple[float, asyncio.Task[Figures]]]" = field(default_factory=dict)

    async def figures(self, reader: Reader) -> Figures:
        """The figures as this key saw them a moment ago, or sees them now."""
        now_s = asyncio.get_running_loop().time()
        self.kept = {key: each for key, each in self.kept.items() if now_s < each[0] + self.lasts_s}
        if reader.key_id not in self.kept:
            self.kept[reader.key_id] = now_s, asyncio.create_task(reader.figures())
        return await asyncio.shield(self.kept[reader.key_id][1])  # a window that closes leaves it to the others


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage of the funnel's picture: how many, and how wide, in percent of the leads."""

    stage: str
    count: int
    percent: float


def bars(total: Mapping[str, Any]) -> list[Bar]:
    """The funnel's total as bars."""
    leads = int(total["leads"])
    return [
        Bar(stage, int(total[stage]), round(100 * int(total[stage]) / leads, 1) if leads else 0.0) for stage in STAGES
    ]
