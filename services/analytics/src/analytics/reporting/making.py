"""Each report from a snapshot: what it reads, and the pure function that makes its tables."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from analytics import queries
from analytics.domain.facts import Facts
from analytics.domain.kpis import Kpi, kpis, spent
from analytics.domain.reports import forgotten, lateness, reps, sources, weekly
from analytics.domain.reports.scope import Scope
from analytics.domain.reports.table import Table
from analytics.domain.stages import counted
from analytics.domain.tally import Days, Tally, add
from analytics.reporting import reading, spending
from analytics.reporting.reading import Whose, midnight
from analytics.settings import Settings
from shared.contracts import ClockBreached, ClockRevoked, LeadRejected

_WEEK: Final = timedelta(days=6)
_FIRST: Final = date.min + timedelta(days=2)
_LAST: Final = date.max - timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for: the days, both included, whose rows, and the instant that ages count from."""

    since: date | None
    until: date | None
    scope: Scope
    now: datetime
    settings: Settings

    @property
    def begins(self) -> datetime | None:
        """None from the first days there are on: their midnight, of some zones, is no instant any more."""
        return midnight(self.since, self.settings.basis.zone_info) if self.since and self.since > _FIRST else None

    @property
    def ends(self) -> datetime | None:
        """None up to the last days there are."""
        end = self.until + timedelta(days=1) if self.until and self.until < _LAST else None
        return midnight(end, self.settings.basis.zone_info) if end else None


async def all_kpis(session: AsyncConnection, ask: Ask, *, by_event: bool) -> list[Kpi]:
    """The KPIs of the leads captured on these days, or of what happened on them."""
    days, settings = Days(ask.since, ask.until, by_event), ask.settings
    whose = Whose(touched_since=ask.begins) if by_event else Whose(ask.since, ask.until)
    tally = Tally()
    async for lead in reading.leads(session, whose):
        add(tally, lead.facts, settings.basis, days, settings.sales_sources)
    costs = spent(await spending.spend_between(session, ask.since, ask.until), ask.since, ask.until)
    return kpis(tally, costs, settings.currency)


async def _source_funnel(session: AsyncConnection, ask: Ask) -> list[Table]:
    sums = await queries.figures(session, "source", ask.since, ask.until)
    return [sources.source_funnel(sums, ask.settings.currency)]


async def _campaign_roi(session: AsyncConnection, ask: Ask) -> list[Table]:
    sums = await queries.figures(session, "campaign", ask.since, ask.until)
    spend = await spending.spend_between(session, ask.since, ask.until)
    return [sources.campaign_roi(sums, spend, ask.settings.currency, ask.since, ask.until)]


async def _rep_follow_up(session: AsyncConnection, ask: Ask) -> list[Table]:
    found: dict[reps.Rep, reps.FollowUp] = {}
    async for lead in reading.leads(session, Whose(touched_since=ask.begins)):
        if lead.facts.handoffs:
            reps.add(found, lead.facts, ask.settings.basis, Days(ask.since, ask.until))
    return [reps.rep_follow_up(found, ask.scope)]


async def _forgotten(session: AsyncConnection, ask: Ask) -> list[forgotten.Forgotten]:
    return [
        found
        async for lead in reading.leads(session, Whose(may_be_forgotten=True))
        if (found := forgotten.forgotten(lead.lead_id, lead.facts, lead.place, ask.settings.basis, ask.now))
    ]


async def _forgotten_leads(session: AsyncConnection, ask: Ask) -> list[Table]:
    return [forgotten.forgotten_leads(await _forgotten(session, ask), ask.scope, ask.now)]


async def _rejections(session: AsyncConnection, ask: Ask) -> list[lateness.Rejection]:
    events = await reading.verdicts(session, ["lead.rejected"], ask.begins, ask.ends)
    rejected = [event for event in events if isinstance(event, LeadRejected)]
    facts = await _counted(session, [event.lead_id for event in rejected])
    told = await reading.beside(session, facts)
    return [
        lateness.rejection(event, facts[event.lead_id], told.get(event.lead_id, ()), ask.settings.basis)
        for event in rejected
        if event.lead_id in facts
    ]


async def _counted(session: AsyncConnection, lead_ids: list[UUID]) -> Mapping[UUID, Facts]:
    return {each: facts for each, facts in (await reading.facts_of(session, lead_ids)).items() if counted(facts)}


async def _lateness(session: AsyncConnection, ask: Ask) -> list[Table]:
    return [lateness.lateness_or_quality(await _rejections(session, ask), ask.scope)]


async def _weekly_pack(session: AsyncConnection, ask: Ask) -> list[Table]:
    events = await reading.verdicts(session, ["sla.breached", "sla.revoked"], ask.begins, ask.ends)
    clocks = [event for event in events if isinstance(event, ClockBreached | ClockRevoked)]
    facts = await _counted(session, [event.lead_id for event in clocks])
    broken = weekly.broken(clocks, facts)
    left = await _forgotten(session, ask)
    return weekly.weekly_pack(left, broken, await _rejections(session, ask), ask.scope, ask.now)


def week_up_to(ask: Ask) -> Ask:
    """The same for the last seven days, where no days were named."""
    if ask.since or ask.until:
        return ask
    today = ask.now.astimezone(ask.settings.basis.zone_info).date()
    return replace(ask, since=today - _WEEK, until=today)


REPORTS: Final[Mapping[str, Callable[[AsyncConnection, Ask], Awaitable[list[Table]]]]] = {
    "source-funnel": _source_funnel,
    "campaign-roi": _campaign_roi,
    "rep-follow-up": _rep_follow_up,
    "forgotten-leads": _forgotten_leads,
    "lateness-or-quality": _lateness,
    "weekly-pack": _weekly_pack,
}
OF_REPS: Final = frozenset({"rep-follow-up", "forgotten-leads", "lateness-or-quality", "weekly-pack"})
"""Reports with rows of reps: a rep reads their own."""
