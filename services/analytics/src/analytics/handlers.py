"""Door 1: every event is kept, folded into its lead's facts, and moves the figures by what the facts changed."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from analytics import store
from analytics.counting import Moves, recounted, total
from analytics.domain.basis import Basis
from analytics.domain.facts import NOTHING
from analytics.domain.fold import fold, tells
from analytics.store import Kept, Row
from shared.contracts import Event, event_types
from shared.contracts.topology import CONSUMES
from shared.runtime.service import Delivered, Subscription
from shared.runtime.streams import Record
from shared.runtime.work import Work


def subscription(basis: Basis) -> Subscription:
    """Analytics' handler for all events, counting on `basis`."""
    subscribed = Subscription()

    @subscribed.on(*(event_types()[topic] for topic in CONSUMES["analytics"]))
    async def count(batch: Sequence[Delivered[Event]], work: Work) -> None:
        connection = await work.raw()
        told: defaultdict[UUID, list[Delivered[Event]]] = defaultdict(list)
        for each in batch:
            if tells(each.event):
                told[each.record.lead_id].append(each)
        known = await store.kept_of(connection, told) if told else {}
        counted: list[tuple[Row, Moves]] = []
        for lead_id, events in told.items():
            before = known.get(lead_id) or _unknown(events[0].record, basis)
            after = fold(before.facts, [(each.record.id, each.event) for each in events])
            if after is not before.facts:
                counted.append(recounted(before, after, basis, before.generation))
        await store.keep_events(connection, batch)
        await store.keep(connection, [row for row, _ in counted], basis.text)
        await store.add(connection, total(moves for _, moves in counted))

    return subscribed


def _unknown(record: Record, basis: Basis) -> Kept:
    return Kept(record.lead_id, record.stream.partition, 0, basis.text, NOTHING)
