"""Who else is told of what a transaction heard and emitted: deliveries written with it, sent by others later."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from router.cases import Case
from router.domain.dossier import owner_of
from router.domain.mail import MAILED
from router.domain.subscriptions import Letter, Subscription, told
from router.store import deliveries
from shared.contracts import Event, LeadErased

if TYPE_CHECKING:
    from router.turn import Turn

Happened = tuple[UUID, Event]


async def tell(turn: "Turn", emitted: Sequence[Happened]) -> None:
    """Write a delivery for everybody who wants to hear of these events, or of what this turn heard."""
    policy = turn.rules.policy
    subscribed = await deliveries.subscriptions(turn.connection)
    if not subscribed and not policy.mailed:
        return
    wanted = frozenset[str]().union(*(each.events for each in subscribed))
    letters: list[tuple[int, Letter]] = []
    for event_id, event in [*[(each.id, each.event) for each in turn.heard], *emitted]:
        case = turn.cases.get(event.lead_id)
        if case is None or not _may_be_told(case, event):
            continue
        owner, team = _whose(turn, case, event)
        if event.wire in wanted:
            letters += [
                (case.partition, _to_subscriber(each, event_id, event))
                for each in subscribed
                if each.wants(event.wire, owner, team)
            ]
        if event.wire in MAILED and owner is not None and owner in policy.mailed:
            letters.append((case.partition, _to_rep(owner, event_id, event)))
    if letters:
        await deliveries.keep(turn.connection, letters, turn.now)


def _may_be_told(case: Case, event: Event) -> bool:
    """Of test leads nobody is told; of erased ones only that they are."""
    return not case.dossier.is_test and (case.dossier.erased_at is None or type(event) is LeadErased)


def _whose(turn: "Turn", case: Case, event: Event) -> tuple[str | None, str | None]:
    held = owner_of(case.dossier)
    owner: str | None = getattr(event, "owner", None) or (held[0] if held else None)
    team: str | None = getattr(event, "team", None)
    if team is None:
        team = held[1] if held is not None and held[0] == owner else turn.rules.policy.team_of.get(owner or "")
    return owner, team


def _to_subscriber(to: Subscription, event_id: UUID, event: Event) -> Letter:
    return Letter(str(to.id), "webhook", to.id, None, event.lead_id, event_id, event.wire, told(event))


def _to_rep(rep: str, event_id: UUID, event: Event) -> Letter:
    return Letter(f"email:{rep}", "email", None, rep, event.lead_id, event_id, event.wire, told(event))
