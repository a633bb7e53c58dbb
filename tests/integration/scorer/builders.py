"""Leads and what happens to them, as the scorer hears of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from scorer.main import service
from shared.contracts import (
    Attributes,
    LeadCaptured,
    LeadEngaged,
    LeadErased,
    LeadPooled,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadScored,
    LeadUpdated,
    OpportunityLost,
)
from shared.runtime.ids import new_id
from tests.support.harness import MONDAY_NINE, Bench, a_service
from tests.support.postgres import MakeDatabase

LINH = Attributes(industry="manufacturing", title_level="director", timeframe="within_1_month")


def minutes(count: float) -> datetime:
    """So long after Monday nine."""
    return MONDAY_NINE + timedelta(minutes=count)


def days(count: float) -> datetime:
    return MONDAY_NINE + timedelta(days=count)


@dataclass(frozen=True)
class Lead:
    """One lead; each method is an event of it."""

    id: UUID

    def captured(
        self, attributes: Attributes = LINH, *, at: datetime = MONDAY_NINE, is_test: bool = False
    ) -> LeadCaptured:
        return LeadCaptured(
            lead_id=self.id,
            occurred_at=at,
            recorded_at=at,
            submission_id=new_id(),
            attributes=attributes,
            is_test=is_test,
        )

    def updated(self, attributes: Attributes, at: datetime, *, cleared: tuple[str, ...] = ()) -> LeadUpdated:
        return LeadUpdated(lead_id=self.id, occurred_at=at, recorded_at=at, attributes=attributes, cleared=cleared)

    def did(self, kind: str, at: datetime = MONDAY_NINE) -> LeadEngaged:
        return LeadEngaged(lead_id=self.id, occurred_at=at, recorded_at=at, engagement_id=new_id(), kind=kind)

    def erased(self, at: datetime = MONDAY_NINE) -> LeadErased:
        return LeadErased(lead_id=self.id, occurred_at=at, recorded_at=at)

    def recycled(self, at: datetime, *, episode: int | None = 1, without_owner: bool = True) -> LeadRecycled:
        return LeadRecycled(
            lead_id=self.id,
            occurred_at=at,
            recorded_at=at,
            handoff_id=new_id(),
            owner="minh",
            cause="untouched",
            episode=episode,
            without_owner=without_owner,
        )

    def returned(self, at: datetime, *, without_owner: bool = True) -> LeadReturned:
        return LeadReturned(
            lead_id=self.id,
            occurred_at=at,
            recorded_at=at,
            handoff_id=new_id(),
            owner="minh",
            reason="no_time",
            episode=1,
            without_owner=without_owner,
        )

    def pooled(self, at: datetime, *, ends_episode: bool = True) -> LeadPooled:
        return LeadPooled(
            lead_id=self.id,
            occurred_at=at,
            recorded_at=at,
            pool="nurture",
            previous="waiting",
            episode=1,
            ends_episode=ends_episode,
        )

    def rejected(self, at: datetime, *, ends_episode: bool) -> LeadRejected:
        return LeadRejected(
            lead_id=self.id,
            occurred_at=at,
            recorded_at=at,
            handoff_id=new_id(),
            owner="minh",
            reason="no_need",
            ends_episode=ends_episode,
            episode=1,
        )

    def lost(self, at: datetime) -> OpportunityLost:
        return OpportunityLost(
            lead_id=self.id,
            occurred_at=at,
            recorded_at=at,
            opportunity_id=new_id(),
            handoff_id=new_id(),
            owner="minh",
            reason="price",
            episode=1,
        )


def a_lead() -> Lead:
    return Lead(new_id())


@asynccontextmanager
async def a_scorer(make_database: MakeDatabase, **scorecard: Any) -> AsyncGenerator[Bench]:
    """The service with the preset, or with this scorecard."""
    presets = {"scorecard": scorecard} if scorecard else None
    async with a_service(service(), make_database, presets=presets) as bench:
        yield bench


async def scores(bench: Bench, lead: Lead | None = None) -> list[int]:
    """The points of each `lead.scored`, oldest first."""
    return [event.score_milli // 1000 for event in await scored(bench, lead)]


async def scored(bench: Bench, lead: Lead | None = None) -> list[LeadScored]:
    events = await bench.emitted(LeadScored)
    return [e for e in events if isinstance(e, LeadScored) and (lead is None or e.lead_id == lead.id)]


async def qualified(bench: Bench, lead: Lead | None = None) -> list[LeadQualified]:
    events = await bench.emitted(LeadQualified)
    return [e for e in events if isinstance(e, LeadQualified) and (lead is None or e.lead_id == lead.id)]
