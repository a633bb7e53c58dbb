"""Door 1: facts move clocks and cadences. One load and one write of facts and of clocks a batch; what tells no fact costs nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from shared.contracts import event_types
from shared.contracts.topology import CONSUMES
from shared.runtime.service import Delivered, Subscription, Unprocessable
from shared.runtime.work import Work
from sla_watcher import run_store, store
from sla_watcher.domain import Clock, LeadFacts, Transition, UnknownCalendar, is_said, reconcile
from sla_watcher.domain.aside import Watched, nurtured, owed
from sla_watcher.domain.runs import Run, settle
from sla_watcher.hearing import hear, matters, may_matter
from sla_watcher.policies import InForce, in_force, without_calendar
from sla_watcher.telling import event_of

if TYPE_CHECKING:
    from asyncpg import Connection


class Learned(NamedTuple):
    """A lead of which a batch told something new. `causation` is the last event that did."""

    partition: int
    before: Watched | None
    watched: Watched
    causation: UUID

    @property
    def moves_clocks(self) -> bool:
        """Whether anything changed that clocks follow from; a cadence alone moves none."""
        before, now = self.before, self.watched
        return (
            before is None
            or before.facts is not now.facts
            or before.is_test is not now.is_test
            or before.imported_at != now.imported_at
        )

    @property
    def is_cared_for(self) -> bool:
        """Whether nurture follows from it, or did."""
        return self.watched.care is not None or (self.before is not None and self.before.care is not None)


class Moved(NamedTuple):
    """What became of a lead's clocks."""

    lead: Learned
    new: Sequence[Clock]
    moved: Sequence[Clock]
    said: Sequence[Transition]


def subscription() -> Subscription:
    """The one handler of all that is consumed."""
    subscribed = Subscription()

    @subscribed.on(*(event_types()[topic] for topic in CONSUMES["sla-watcher"]))
    async def watch(batch: Sequence[Delivered[Any]], work: Work) -> None:
        if not any(may_matter(each.event) for each in batch):
            return
        policies = await in_force(work)
        told = _told(batch, policies)
        if not told:
            return
        connection = await work.raw()
        known = await store.watched(connection, told)
        learned = [lead for lead_id, events in told.items() if (lead := _learned(known.get(lead_id), events, policies))]
        moving = [lead for lead in learned if lead.moves_clocks]
        clocks = await store.clocks_of(connection, [_lead_id(lead) for lead in moving if lead.before is not None])
        moved = [_moved(lead, clocks.get(_lead_id(lead), {}), policies) for lead in moving]
        await _keep_learned(connection, learned, {_lead_id(each.lead): len(each.new) for each in moved})
        await store.add_clocks(connection, [(each.lead.partition, clock) for each in moved for clock in each.new])
        await store.keep_clocks(connection, [clock for each in moved for clock in each.moved])
        work.emit(
            event_of(said, work.now, each.lead.causation) for each in moved for said in each.said if is_said(said)
        )
        await _nurture(connection, [lead for lead in learned if lead.is_cared_for], policies)

    return subscribed


async def _keep_learned(connection: "Connection", learned: Sequence[Learned], more: Mapping[UUID, int]) -> None:
    """Write facts, with how many clocks each lead got: what the audit holds the clocks against."""
    new = [lead for lead in learned if lead.before is None]
    known = [lead for lead in learned if lead.before is not None]
    await store.add_watched(connection, [(lead.partition, lead.watched, more.get(_lead_id(lead), 0)) for lead in new])
    await store.keep_watched(connection, [(lead.watched, more.get(_lead_id(lead), 0)) for lead in known])


async def _nurture(connection: "Connection", leads: Sequence[Learned], policies: InForce) -> None:
    """Open and stop the cadences of leads in marketing's care."""
    if not leads:
        return
    runs = await run_store.runs_of(connection, [_lead_id(lead) for lead in leads])
    await run_store.keep_runs(
        connection,
        ((lead.partition, run) for lead in leads for run in _tended(lead, runs.get(_lead_id(lead), {}), policies)),
    )


def _tended(lead: Learned, runs: Mapping[UUID, Run], policies: InForce) -> list[Run]:
    """Raises Unprocessable where a cadence's calendar has been taken away."""
    try:
        return settle(_lead_id(lead), nurtured(lead.watched), runs, policies.plan, policies.calendars)
    except UnknownCalendar as error:
        raise Unprocessable(without_calendar(error)) from error


def _told(batch: Sequence[Delivered[Any]], policies: InForce) -> dict[UUID, list[Delivered[Any]]]:
    """The events that tell a fact, by lead."""
    told: defaultdict[UUID, list[Delivered[Any]]] = defaultdict(list)
    for each in batch:
        if matters(each.event, policies):
            told[each.record.lead_id].append(each)
    return told


def _learned(known: Watched | None, events: Sequence[Delivered[Any]], policies: InForce) -> Learned | None:
    """What is known of a lead after these events, None where they told nothing new."""
    last = events[-1]
    before = watched = known or Watched(LeadFacts(last.record.lead_id))
    for each in events:
        watched = hear(watched, each.event, policies)
    return None if watched is before else Learned(last.record.stream.partition, known, watched, last.id)


def _lead_id(lead: Learned) -> UUID:
    return lead.watched.facts.lead_id


def _moved(lead: Learned, clocks: Mapping[UUID, Clock], policies: InForce) -> Moved:
    """Raises Unprocessable where a clock starts on a calendar that has been taken away since it was promised."""
    try:
        changed, said = reconcile(owed(lead.watched), clocks, policies.calendars)
    except UnknownCalendar as error:
        raise Unprocessable(without_calendar(error)) from error
    if not clocks:
        return Moved(lead, changed, (), said)
    new = [clock for clock in changed if clock.clock_id not in clocks]
    return Moved(lead, new, [clock for clock in changed if clock.clock_id in clocks], said)
