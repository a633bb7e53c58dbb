"""What happens to one lead, as events, and a watch on a real PostgreSQL that hears them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.contracts import (
    Attributes,
    LeadAssigned,
    LeadCaptured,
    LeadConsented,
    LeadContacted,
    LeadErased,
    LeadMoved,
    LeadPooled,
    LeadPrescreened,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadScored,
    OpportunityOpened,
)
from sla_watcher.main import service
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase
from tests.unit.sla_watcher import leads

BABEL = UUID(int=77)
A_SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    """Local time in the week of Monday, 2026-11-30 (the policies are in effect by then), as in `mon+1 09:30`."""
    return leads.at(text) + timedelta(weeks=4)


@asynccontextmanager
async def a_watch(make_database: MakeDatabase, now: str = "mon 09:00") -> AsyncGenerator[Bench]:
    """The service, its office open Monday to Friday 9 to 18 in Hồ Chí Minh City."""
    async with a_service(service(), make_database) as bench:
        bench.clock.now = at(now)
        yield bench


def when(moment: str | datetime) -> datetime:
    return at(moment) if isinstance(moment, str) else moment


@dataclass(frozen=True)
class Tale:
    """One lead; handoffs and contacts are named."""

    name: str = "linh"

    @property
    def lead_id(self) -> UUID:
        return uuid5(BABEL, self.name)

    def id(self, name: str) -> UUID:
        return uuid5(self.lead_id, name)

    def _told(self, moment: str | datetime, recorded: str | datetime | None = None) -> dict[str, Any]:
        occurred_at = when(moment)
        recorded_at = occurred_at if recorded is None else when(recorded)
        return {"lead_id": self.lead_id, "occurred_at": occurred_at, "recorded_at": recorded_at}

    def captured(
        self, moment: str | datetime, *, recorded: str | None = None, is_test: bool = False, legacy: bool = False
    ) -> LeadCaptured:
        told = self._told(moment, recorded)
        return LeadCaptured(
            submission_id=self.id("s"), attributes=Attributes(source="web"), is_test=is_test, legacy=legacy, **told
        )

    def scored(
        self,
        moment: str | datetime,
        milli: int = 85_000,
        tier: str = "sql",
        previous: str | None = None,
        *,
        cause: str = "fact",
        attributes: Attributes | None = None,
    ) -> LeadScored:
        return LeadScored(
            score_milli=milli,
            tier=tier,
            previous_tier=previous,
            scorecard_version=1,
            cause=cause,
            attributes=attributes,
            **self._told(moment),
        )

    def warm(self, moment: str | datetime, previous: str | None = "raw") -> LeadScored:
        """Scored into the tier that marketing keeps warm, a factory's founder."""
        attributes = Attributes(industry="manufacturing", title_level="founder")
        return self.scored(moment, 65_000, "mql", previous, attributes=attributes)

    def pooled(self, moment: str | datetime, pool: str = "nurture", **told: Any) -> LeadPooled:
        return LeadPooled(pool=pool, previous="raw", **told, **self._told(moment))

    def consented(self, moment: str | datetime, *, granted: bool, purpose: str = "marketing") -> LeadConsented:
        return LeadConsented(purpose=purpose, granted=granted, **self._told(moment))

    def qualified(self, moment: str | datetime, episode: int = 1) -> LeadQualified:
        told = self._told(moment)
        return LeadQualified(episode=episode, score_milli=85_000, tier="sql", scorecard_version=1, **told)

    def assigned(
        self,
        moment: str | datetime,
        handoff: str = "h1",
        *,
        owner: str = "ann",
        team: str = "north",
        score: int = 85,
        episode: int = 1,
        previous: str | None = None,
        calendar: str | None = "office",
    ) -> LeadAssigned:
        return LeadAssigned(
            handoff_id=self.id(handoff),
            episode=episode,
            owner=owner,
            team=team,
            manager="mia",
            reason="rotation",
            calendar=calendar,
            score_milli=score * 1000,
            tier="sql",
            attributes=Attributes(industry="manufacturing", tags=("fair",)),
            previous_handoff_id=None if previous is None else self.id(previous),
            **self._told(moment),
        )

    def contacted(
        self,
        moment: str | datetime,
        handoff: str = "h1",
        *,
        recorded: str | None = None,
        next_step: str | None = None,
        owner: str = "ann",
    ) -> LeadContacted:
        return LeadContacted(
            handoff_id=self.id(handoff),
            owner=owner,
            contact_id=self.id(f"{handoff} {moment}"),
            channel="phone",
            result="no_answer",
            next_step_at=None if next_step is None else at(next_step),
            **self._told(moment, recorded),
        )

    def rejected(self, moment: str | datetime, handoff: str = "h1", pool: str | None = None) -> LeadRejected:
        told = self._told(moment)
        return LeadRejected(handoff_id=self.id(handoff), owner="ann", reason="no_need", pool=pool, **told)

    def recycled(self, moment: str | datetime, handoff: str = "h1") -> LeadRecycled:
        return LeadRecycled(handoff_id=self.id(handoff), owner="ann", cause="untouched", **self._told(moment))

    def returned(self, moment: str | datetime, handoff: str = "h1") -> LeadReturned:
        return LeadReturned(handoff_id=self.id(handoff), owner="ann", reason="no_time", **self._told(moment))

    def prescreened(self, moment: str | datetime, handoff: str = "h1") -> LeadPrescreened:
        return LeadPrescreened(handoff_id=self.id(handoff), owner="ann", episode=1, **self._told(moment))

    def opened(self, moment: str | datetime, handoff: str = "h1") -> OpportunityOpened:
        told = self._told(moment)
        return OpportunityOpened(opportunity_id=self.id("o"), handoff_id=self.id(handoff), owner="ann", **told)

    def invalid(self, moment: str | datetime) -> LeadMoved:
        return LeadMoved(status="invalid", previous="new", **self._told(moment))

    def erased(self, moment: str | datetime) -> LeadErased:
        return LeadErased(**self._told(moment))


@dataclass(frozen=True)
class Seen:
    """A clock as the API shows it."""

    promise: str
    state: str
    due_at: datetime
    reason: str | None
    handoff_id: str | None


async def seen(bench: Bench, tale: Tale) -> list[Seen]:
    """The clocks of a lead, by due instant and promise."""
    shown = await bench.client.get("/v1/clocks", params={"lead_id": str(tale.lead_id), "limit": 100})
    assert shown.status_code == 200, shown.text
    clocks = [
        Seen(
            each["promise"],
            each["state"],
            datetime.fromisoformat(each["due_at"]),
            each["reason"],
            each["handoff_id"],
        )
        for each in shown.json()["items"]
    ]
    return sorted(clocks, key=lambda each: (each.due_at, each.promise, each.handoff_id or ""))


async def states(bench: Bench, tale: Tale, promise: str) -> list[str]:
    return [clock.state for clock in await seen(bench, tale) if clock.promise == promise]


async def let_time_pass(bench: Bench, until: datetime) -> None:
    """Every timer at its instant, as the service's loop does, up to and including `until`."""
    while (due := await bench.next_due()) is not None and due <= until:
        await bench.fire_timers(max(due, bench.clock.now))
    bench.clock.now = max(bench.clock.now, until)
