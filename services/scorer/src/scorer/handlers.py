"""Door 1: the facts of a batch are folded into their leads' dossiers, each lead is decided once, and the news is said.

Folds give the same dossier for every order of the streams, so a lead is decided on all that the batch brought of it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from scorer import store
from scorer.domain import dossier as facts
from scorer.domain.dossier import EMPTY, Dossier
from scorer.domain.episodes import decide
from scorer.policies import KIND, live
from scorer.saying import said
from scorer.store import Kept
from shared.contracts import (
    Event,
    LeadCaptured,
    LeadEngaged,
    LeadErased,
    LeadMoved,
    LeadPooled,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadUpdated,
    OpportunityLost,
    OpportunityWon,
    event_types,
)
from shared.contracts.attributes import values
from shared.contracts.topology import CONSUMES
from shared.runtime.service import Delivered, Subscription
from shared.runtime.work import Work

Fold = Callable[[Dossier, Any, UUID], Dossier]

_VERDICTS: Final[dict[str, facts.VerdictKind]] = {"activated": "activated", "invalid": "invalid"}


def subscription() -> Subscription:
    """Scorer's one handler, for all that it consumes."""
    subscribed = Subscription()
    subscribed.on(*(event_types()[topic] for topic in CONSUMES["scorer"]))(weigh)
    return subscribed


async def weigh(batch: Sequence[Delivered[Event]], work: Work) -> None:
    """Load, fold and decide, keep, emit. A lead that nothing new is known of is left alone."""
    told: defaultdict[UUID, list[Delivered[Event]]] = defaultdict(list)
    for each in batch:
        record = each.record
        if record.stream.topic in FOLDS and not _is_idle(each.event):
            told[record.lead_id].append(each)
    if not told:
        return
    connection = await work.raw()
    known = await store.dossiers_of(connection, told)
    scorecard = live(await work.policy(KIND))
    new: list[Kept] = []
    kept: list[Kept] = []
    events: list[Event] = []
    for lead_id, news in told.items():
        after = before = known.get(lead_id, EMPTY)
        for each in news:
            after = FOLDS[each.record.stream.topic](after, each.event, each.id)
        if after == before:
            continue
        outcome = decide(after, scorecard, work.now)
        last = news[-1]
        (kept if lead_id in known else new).append(Kept(lead_id, last.record.stream.partition, outcome))
        events += said(lead_id, outcome, work.now, causation=last.id, correlation=last.event.correlation)
    await store.add(connection, new)
    await store.keep(connection, kept)
    work.emit(events)


def _is_idle(event: Event) -> bool:
    """Most statuses say nothing of a lead's worth: no dossier is loaded for them."""
    return type(event) is LeadMoved and event.status not in _VERDICTS


def _captured(dossier: Dossier, event: LeadCaptured, event_id: UUID) -> Dossier:
    return facts.captured(
        dossier,
        fact_id=str(event_id),
        occurred_at=event.occurred_at,
        attributes=values(event.attributes),
        is_test=event.is_test,
    )


def _updated(dossier: Dossier, event: LeadUpdated, event_id: UUID) -> Dossier:
    return facts.updated(
        dossier,
        fact_id=str(event_id),
        occurred_at=event.occurred_at,
        attributes=values(event.attributes),
        cleared=event.cleared,
    )


def _engaged(dossier: Dossier, event: LeadEngaged, _event_id: UUID) -> Dossier:
    return facts.engaged(
        dossier,
        engagement_id=str(event.engagement_id),
        kind=event.kind,
        occurred_at=event.occurred_at,
        content=event.content,
    )


def _erased(dossier: Dossier, event: LeadErased, _event_id: UUID) -> Dossier:
    return facts.erased(dossier, occurred_at=event.occurred_at)


def _rejected(dossier: Dossier, event: LeadRejected, event_id: UUID) -> Dossier:
    known = facts.judged(
        dossier, fact_id=str(event_id), kind="rejected", occurred_at=event.occurred_at, owner=event.owner
    )
    return _ended(known, event, event_id, "rejected") if event.ends_episode else known


def _recycled(dossier: Dossier, event: LeadRecycled | LeadReturned, event_id: UUID) -> Dossier:
    return _ended(dossier, event, event_id, "recycled") if event.without_owner else dossier


def _pooled(dossier: Dossier, event: LeadPooled, event_id: UUID) -> Dossier:
    return _ended(dossier, event, event_id, "recycled") if event.ends_episode else dossier


def _lost(dossier: Dossier, event: OpportunityLost, event_id: UUID) -> Dossier:
    known = facts.judged(dossier, fact_id=str(event_id), kind="lost", occurred_at=event.occurred_at, owner=event.owner)
    return _ended(known, event, event_id, "lost")


def _won(dossier: Dossier, event: OpportunityWon, event_id: UUID) -> Dossier:
    return facts.judged(dossier, fact_id=str(event_id), kind="won", occurred_at=event.occurred_at, owner=event.owner)


def _moved(dossier: Dossier, event: LeadMoved, event_id: UUID) -> Dossier:
    """Two statuses are a word on the lead; the others only say how far sales are with it."""
    kind = _VERDICTS.get(event.status)
    if kind is None:
        return dossier
    return facts.judged(dossier, fact_id=str(event_id), kind=kind, occurred_at=event.occurred_at)


def _ended(
    dossier: Dossier,
    event: LeadRejected | LeadRecycled | LeadReturned | LeadPooled | OpportunityLost,
    event_id: UUID,
    kind: facts.EndingKind,
) -> Dossier:
    return facts.ended(dossier, fact_id=str(event_id), kind=kind, occurred_at=event.occurred_at, episode=event.episode)


# What scorer learns from. A status moves no points and ends no episode; `activated` and `invalid` are verdicts.
FOLDS: Final[dict[str, Fold]] = {
    LeadCaptured.wire: _captured,
    LeadUpdated.wire: _updated,
    LeadEngaged.wire: _engaged,
    LeadErased.wire: _erased,
    LeadRejected.wire: _rejected,
    LeadRecycled.wire: _recycled,
    LeadReturned.wire: _recycled,
    LeadPooled.wire: _pooled,
    LeadMoved.wire: _moved,
    OpportunityLost.wire: _lost,
    OpportunityWon.wire: _won,
}
