"""Door 1: every event is kept, folded into its lead's facts, and moves the figures by what the facts changed."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from analytics import store
from analytics.counting import recounted, total
from analytics.domain.basis import Basis
from analytics.domain.facts import NOTHING
from analytics.domain.fold import fold, tells
from analytics.store import Kept
from shared.contracts import Event, event_types
from shared.contracts.topology import CONSUMES
from shared.runtime.service import Delivered, Subscription
from shared.runtime.work import Work


def subscription(basis: Basis) -> Subscription:
    """Analytics' handler for all events, counting on `basis`."""
    subscribed = Subscription()

    @subscribed.on(*(event_types()[topic] for topic in CONSUMES["analytics"]))
    async def count(batch: Sequence[Delivered[Event]], work: Work) -> None:
        connection = await work.raw()
        told: defaultdict[UUID, list[tuple[UUID, Event]]] = defaultdict(list)
        lanes: dict[UUID, int] = {}
        for each in batch:
            if tells(each.event):
                record = each.record
                told[record.lead_id].append((record.id, each.event))
                lanes[record.lead_id] = record.stream.partition
        known = await store.kept_of(connection, told) if told else {}
        counted = [
            recounted(before, after, basis, before.generation)
            for lead_id, events in told.items()
            for before in (known.get(lead_id) or Kept(lead_id, lanes[lead_id], 0, basis.text, NOTHING),)
            if (after := fold(before.facts, events)) is not before.facts
        ]
        await store.keep_events(connection, batch)
        await store.keep(connection, [row for row, _ in counted])
        await store.add(connection, total(changes for _, changes in counted))

    return subscribed
