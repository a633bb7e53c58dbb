"""Door 1: what the other services say. One batch: fold, find owners under the teams' locks, keep, tell."""

from collections.abc import Callable, Sequence
from typing import Any, Final, cast
from uuid import UUID

from router.cases import Case, Heard
from router.domain import hearing
from router.domain.dossier import handoff_by_id
from router.domain.facts import Step, TaskAnswered
from router.domain.policy import pool_named
from router.domain.rules import Policy
from router.store import deliveries, desk_work
from router.turn import begin, finish, pass_calls_on, settle
from shared.contracts import (
    ClockBreached,
    ClockRevoked,
    ClockWarned,
    Event,
    LeadCaptured,
    LeadEngaged,
    LeadErased,
    LeadQualified,
    LeadScored,
    LeadUpdated,
    NurtureDue,
    event_types,
)
from shared.contracts.topology import CONSUMES
from shared.runtime.ids import derived_id
from shared.runtime.service import Delivered, Subscription
from shared.runtime.work import Work

ESCALATED: Final = frozenset({"first_contact", "untouched"})
"""Promises whose breach is the manager's business at once."""
MARKETING_IS_TOLD: Final = frozenset({"MQL", "SQL"})
"""Labels of tiers at which the lead's marketing owner is told."""

Hear = Callable[[Case, Any, Policy], None]


def subscription() -> Subscription:
    """The router's handler for all events."""
    subscribed = Subscription()

    @subscribed.on(*(event_types()[topic] for topic in CONSUMES["router"]))
    async def route(batch: Sequence[Delivered[Event]], work: Work) -> None:
        turn = await begin(work)
        await turn.load({each.record.lead_id: each.record.stream.partition for each in batch})
        turn.heard = batch
        policy = turn.rules.policy
        wanting: list[Case] = []
        erased: list[UUID] = []
        for each in batch:
            record, event = each.record, each.event
            case = turn.cases[record.lead_id]
            if type(event) is LeadErased:
                erased.append(case.lead_id)
            # what comes after a crossing may concern its owner, who is found only under the teams' locks
            if case.wants:
                case.pending.append(Heard(record.id, event))
                continue
            hear(case, record.id, event, policy)
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
        await deliveries.cancel_mail(turn.connection, erased, turn.now)

    return subscribed


def hear(case: Case, event_id: UUID, event: Event, policy: Policy) -> None:
    """Fold one event into its lead's dossier."""
    case.causation = event_id
    before = case.dossier
    _HEAR[type(event)](case, event, policy)
    if case.dossier.mql and hearing.reached_mql(before, case.dossier):
        owner = case.dossier.marketing_owner or policy.routing.marketing_owner
        if owner is not None:
            case.take(hearing.told_marketing(case.dossier, owner))


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
            mql=event.label in MARKETING_IS_TOLD,
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
    if handoff is None:
        return
    if event.promise in ESCALATED:
        case.take(
            hearing.escalated(
                case.dossier,
                task_id=_escalation(event.clock_id),
                handoff_id=handoff.id,
                promise=event.promise,
                due_at=event.due_at,
                manager=event.manager or _manager(policy, handoff.team),
            )
        )
    if cause is None:
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


def _revoked(case: Case, event: ClockRevoked, _policy: Policy) -> None:
    if event.promise in ESCALATED:
        case.take(Step(case.dossier, (TaskAnswered(_escalation(event.clock_id), "revoked"),)))


def _nurture(case: Case, event: NurtureDue, _policy: Policy) -> None:
    case.take(
        hearing.nurture_due(
            case.dossier, cadence=event.cadence, day=event.day, content=event.content, due_at=event.due_at
        )
    )


def _warned(_case: Case, _event: ClockWarned, _policy: Policy) -> None:
    """Heard for those who are to be told (telling.py); it changes nothing of the lead."""


def _escalation(clock_id: UUID) -> UUID:
    return derived_id(f"escalation:{clock_id}")


def _manager(policy: Policy, team_id: str) -> str | None:
    team = policy.routing.teams.get(team_id)
    return team.manager if team is not None else None


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
    ClockRevoked: cast("Hear", _revoked),
    ClockWarned: cast("Hear", _warned),
    NurtureDue: cast("Hear", _nurture),
}
