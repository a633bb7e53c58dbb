"""Door 1: facts move clocks. One load and one write of facts and of clocks a batch; what tells no fact costs nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from shared.contracts import event_types
from shared.contracts.topology import CONSUMES
from shared.runtime.service import Delivered, Subscription, Unprocessable
from shared.runtime.work import Work
from sla_watcher import store
from sla_watcher.domain import Clock, LeadFacts, Transition, UnknownCalendar, reconcile
from sla_watcher.domain.aside import Watched, owed
from sla_watcher.hearing import hear, matters
from sla_watcher.policies import InForce, in_force, without_calendar
from sla_watcher.telling import event_of


class Learned(NamedTuple):
    """A lead of which a batch told something new. `causation` is the last event that did."""

    partition: int
    watched: Watched
    causation: UUID


class Moved(NamedTuple):
    """What became of a lead's clocks."""

    lead: Learned
    clocks: tuple[Clock, ...]
    said: tuple[Transition, ...]


def subscription() -> Subscription:
    """The one handler of all that is consumed."""
    subscribed = Subscription()

    @subscribed.on(*(event_types()[topic] for topic in CONSUMES["sla-watcher"]))
    async def watch(batch: Sequence[Delivered[Any]], work: Work) -> None:
        told = _told(batch)
        if not told:
            return
        connection = await work.raw()
        policies = await in_force(work)
        known = await store.watched(connection, told)
        learned = [lead for lead_id, events in told.items() if (lead := _learned(known.get(lead_id), events, policies))]
        clocks = await store.clocks_of(connection, [each for each in map(_lead_id, learned) if each in known])
        moved = [_moved(lead, clocks.get(_lead_id(lead), {}), policies) for lead in learned]
        await store.keep_watched(connection, ((lead.partition, lead.watched) for lead in learned))
        await store.keep_clocks(connection, ((each.lead.partition, clock) for each in moved for clock in each.clocks))
        work.emit(event_of(said, work.now, each.lead.causation) for each in moved for said in each.said)

    return subscribed


def _told(batch: Sequence[Delivered[Any]]) -> dict[UUID, list[Delivered[Any]]]:
    """The events that tell a fact, by lead."""
    told: defaultdict[UUID, list[Delivered[Any]]] = defaultdict(list)
    for each in batch:
        if matters(each.event):
            told[each.record.lead_id].append(each)
    return told


def _learned(known: Watched | None, events: Sequence[Delivered[Any]], policies: InForce) -> Learned | None:
    """What is known of a lead after these events, None where they told nothing new."""
    last = events[-1]
    watched = known or Watched(LeadFacts(last.record.lead_id))
    for each in events:
        watched = hear(watched, each.event, policies.arm)
    return None if watched is known else Learned(last.record.stream.partition, watched, last.id)


def _lead_id(lead: Learned) -> UUID:
    return lead.watched.facts.lead_id


def _moved(lead: Learned, clocks: Mapping[UUID, Clock], policies: InForce) -> Moved:
    """Raises Unprocessable where a clock starts on a calendar that has been taken away since it was promised."""
    try:
        return Moved(lead, *reconcile(owed(lead.watched), clocks, policies.calendars))
    except UnknownCalendar as error:
        raise Unprocessable(without_calendar(error)) from error
