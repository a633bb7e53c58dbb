"""The few changes to a dossier that several decisions share: close a handoff, want an owner, enter a pool."""

from datetime import datetime

from msgspec.structs import replace

from router.domain.dossier import Dossier, Ending, Episode, Handoff, InPool, Status, Wanting, hops
from router.domain.facts import HandoffClosed, Moved, OwnerWanted, PoolEntered, Step
from router.domain.policy import Destination, Pool, Recycle


def with_handoff(dossier: Dossier, changed: Handoff) -> Dossier:
    handoffs = tuple(changed if handoff.id == changed.id else handoff for handoff in dossier.handoffs)
    return replace(dossier, handoffs=handoffs)


def closed(dossier: Dossier, handoff: Handoff, ending: Ending, at: datetime) -> Step:
    ended = replace(handoff, state="closed", ending=ending, closed_at=at)
    return Step(with_handoff(dossier, ended), (HandoffClosed(handoff.id, handoff.owner, handoff.team, ending),))


def want_owner(dossier: Dossier, wanting: Wanting) -> Step:
    return Step(replace(dossier, wanting=wanting, pooled=None), (OwnerWanted(wanting.episode, wanting.cause),))


def enter_pool(dossier: Dossier, pool: Pool, cause: str, at: datetime) -> Step:
    entered = InPool(pool=pool, since=at, cause=cause)
    return Step(replace(dossier, pooled=entered, wanting=None), (PoolEntered(pool, cause),))


def moved(
    dossier: Dossier, status: Status, at: datetime, reason: str | None, handoff: Handoff | None, by: str | None = None
) -> Step:
    fact = Moved(status, dossier.status, reason, handoff.id if handoff else None, by)
    return Step(replace(dossier, status=status, status_at=at), (fact,))


def unanswered(dossier: Dossier, handoff: Handoff) -> Episode | None:
    """A newer episode that met this handoff while it was open, and that no contact has answered since."""
    newest = dossier.episodes[-1] if dossier.episodes else None
    if newest is None or newest.number <= handoff.episode or newest.number > dossier.begun:
        return None
    answered = any(contact.occurred_at >= newest.at for contact in dossier.contacts if contact.handoff_id == handoff.id)
    return None if answered else newest


def send_on(
    dossier: Dossier, handoff: Handoff, destination: Destination, *, cause: str, at: datetime, policy: Recycle
) -> Step:
    """A lead whose `handoff` was just taken back: to the next rep within the hop limit, else to its pool.

    A newer episode that met the lost handoff gets an owner of its own, wherever the policy would have sent the lead:
    so the order in which the two were heard makes no difference.
    """
    newer = unanswered(dossier, handoff)
    if newer is not None:
        wanting = Wanting(episode=newer.number, since=newer.at, cause="reactivated", previous_handoff_id=handoff.id)
        return want_owner(dossier, wanting)
    if destination != "next_rep":
        return enter_pool(dossier, destination, cause, at)
    if hops(dossier, handoff.episode) >= policy.hops:
        return enter_pool(dossier, "public", "hop_limit", at)
    wanting = Wanting(episode=handoff.episode, since=at, cause=cause, step=handoff.step, previous_handoff_id=handoff.id)
    return want_owner(dossier, wanting)
