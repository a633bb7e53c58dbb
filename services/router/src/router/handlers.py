"""Door 1: what the other services say. One batch: fold, find owners under the teams' locks, keep, tell."""

from collections.abc import Callable, Sequence
from typing import Any, Final, cast
from uuid import UUID

from router.cases import Case, Heard
from router.domain import hearing
from router.domain.dossier import handoff_by_id
from router.domain.policy import pool_named
from router.domain.rules import Policy
from router.store import desk_work
from router.turn import begin, finish, pass_calls_on, settle
from shared.contracts import (
    ClockBreached,
    Event,
    LeadCaptured,
    LeadEngaged,
    LeadErased,
    LeadQualified,
    LeadScored,
    LeadUpdated,
    event_types,
)
from shared.contracts.topology import CONSUMES
from shared.runtime.service import Delivered, Subscription
from shared.runtime.work import Work

Hear = Callable[[Case, Any, Policy], None]


def subscription() -> Subscription:
    """The router's handler for all events."""
    subscribed = Subscription()

    @subscribed.on(*(event_types()[topic] for topic in CONSUMES["router"]))
    async def route(batch: Sequence[Delivered[Event]], work: Work) -> None:
        turn = await begin(work)
        await turn.load({each.record.lead_id: each.record.stream.partition for each in batch})
        policy = turn.rules.policy
        wanting: list[Case] = []
        erased: list[UUID] = []
        for each in batch:
            case = turn.cases[each.record.lead_id]
            if type(each.event) is LeadErased:
                erased.append(case.lead_id)
            # what comes after a crossing may concern its owner, who is found only under the teams' locks
            if case.wants:
                case.pending.append(Heard(each.id, each.event))
                continue
            hear(case, each.id, each.event, policy)
            if case.wants:
                wanting.append(case)
        await settle(turn, wanting)
        while wanting := [case for case in wanting if case.pending]:
            for case in wanting:
                _hear_pending(case, policy)
            await settle(turn, wanting)
        pass_calls_on(turn)
        await finish(turn, work)
        await desk_work.erase(turn.connection, erased, turn.now)

    return subscribed


def hear(case: Case, event_id: UUID, event: Event, policy: Policy) -> None:
    """Fold one event into its lead's dossier."""
    case.causation = event_id
    _HEAR[type(event)](case, event, policy)


def _hear_pending(case: Case, policy: Policy) -> None:
    heard, case.pending = case.pending, []
    for n, (event_id, event) in enumerate(heard):
        hear(case, event_id, event, policy)
        if case.wants:
            case.pending = heard[n + 1 :]
            return


def _captured(case: Case, event: LeadCaptured, _policy: Policy) -> None:
    case.take(
        hearing.captured(
            case.dossier,
            at=event.recorded_at,
            attributes=event.attributes,
            marketing_owner=event.marketing_owner,
            is_test=event.is_test,
            legacy=event.legacy,
            pool=pool_named(event.pool),
            left_with=event.previous_owner,
        )
    )


def _updated(case: Case, event: LeadUpdated, _policy: Policy) -> None:
    known = case.dossier.attributes
    step = hearing.updated(case.dossier, at=event.recorded_at, attributes=event.attributes, cleared=event.cleared)
    case.take(step)
    # a waiting lead that is known better now may belong to another team, or to a rep who can take it
    if step.dossier.wanting is not None and step.dossier.attributes != known:
        case.wants = True


def _scored(case: Case, event: LeadScored, _policy: Policy) -> None:
    case.take(
        hearing.scored(
            case.dossier,
            at=event.recorded_at,
            score_milli=event.score_milli,
            tier=event.tier,
            action=event.action,
        )
    )


def _qualified(case: Case, event: LeadQualified, _policy: Policy) -> None:
    case.take(
        hearing.qualified(
            case.dossier,
            at=event.recorded_at,
            episode=event.episode,
            score_milli=event.score_milli,
            tier=event.tier,
            attributes=event.attributes,
        )
    )


def _engaged(case: Case, event: LeadEngaged, policy: Policy) -> None:
    case.take(
        hearing.engaged(
            case.dossier,
            engagement_id=event.engagement_id,
            kind=event.kind,
            at=event.occurred_at,
            campaign=event.campaign,
            high_value=event.kind in policy.routing.high_value,
        )
    )


def _erased(case: Case, event: LeadErased, _policy: Policy) -> None:
    case.take(hearing.erased(case.dossier, at=event.recorded_at))


def _breached(case: Case, event: ClockBreached, policy: Policy) -> None:
    cause = recycle_cause(event)
    handoff = handoff_by_id(case.dossier, event.handoff_id) if event.handoff_id else None
    if cause is None or handoff is None:
        return
    case.take(
        hearing.breached(
            case.dossier,
            handoff_id=handoff.id,
            cause=cause,
            since=event.started_at or handoff.offered_at,
            at=event.due_at,
            policy=policy.routing.recycle,
        )
    )


def recycle_cause(event: ClockBreached) -> str | None:
    """Why the lead is to be taken back, None where the breach asks for nothing of the kind."""
    if event.promise == "silent" or event.then == "remind_then_nurture":
        return "silent"
    return "untouched" if event.promise == "untouched" or event.then == "recycle" else None


_HEAR: Final[dict[type[Event], Hear]] = {
    LeadCaptured: cast("Hear", _captured),
    LeadUpdated: cast("Hear", _updated),
    LeadEngaged: cast("Hear", _engaged),
    LeadErased: cast("Hear", _erased),
    LeadScored: cast("Hear", _scored),
    LeadQualified: cast("Hear", _qualified),
    ClockBreached: cast("Hear", _breached),
}
