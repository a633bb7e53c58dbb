"""Who has the lead: what an assignment's outcome does to the dossier, and the claims from pools."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec.structs import replace

from router.domain.changes import enter_pool, moved
from router.domain.dossier import NOBODY, Dossier, Handoff, avoided, hops, open_handoff, place, previous_owner
from router.domain.facts import Actor, Offered, Refused, Step, Waited
from router.domain.policy import Pool, Routing

HandoffStep = Literal["sdr", "rep"]


def offer(dossier: Dossier, *, handoff_id: UUID, owner: str, team: str, at: datetime) -> Step:
    """The assignment found an owner: a handoff is offered. Raises ValueError when the lead wants none."""
    wanting = dossier.wanting
    if wanting is None:
        raise ValueError("the lead wants no owner")
    handoff = Handoff(
        id=handoff_id,
        episode=wanting.episode,
        owner=owner,
        team=team,
        cause=wanting.cause,
        offered_at=at,
        step=wanting.step,
    )
    return offered(dossier, handoff, wanting.previous_handoff_id)


def park(dossier: Dossier, *, reason: str, team: str | None, wake_at: datetime | None) -> Step:
    """The assignment found nobody: waiting, with the reason. Said once, not at every look."""
    wanting = dossier.wanting
    if wanting is None:
        raise ValueError("the lead wants no owner")
    parked = replace(dossier, wanting=replace(wanting, reason=reason, team=team, wake_at=wake_at))
    if (wanting.reason, wanting.team) == (reason, team):
        return Step(parked)
    return Step(parked, (Waited(wanting.episode, reason, team, wake_at),))


def pool(dossier: Dossier, *, into: Pool, cause: str, at: datetime) -> Step:
    """The assignment found a team that pulls, or marketing takes an unowned lead there."""
    return enter_pool(dossier, into, cause, at)


def pre_screen(dossier: Dossier, step: Literal["sdr", "rep"]) -> Dossier:
    """Name who is to act next, when the routing rule lets an SDR come first (`assign.first_step`)."""
    return dossier if dossier.wanting is None else replace(dossier, wanting=replace(dossier.wanting, step=step))


def claim(
    dossier: Dossier,
    *,
    handoff_id: UUID,
    team: str,
    by: Actor,
    at: datetime,
    policy: Routing,
    step: HandoffStep = "rep",
) -> Step | Refused:
    """A rep takes a lead from a pool that may be claimed from; it continues the last episode.

    The caller has checked the rep's caps (`desk.full`) and the pool's (`claim_room`).
    """
    here = place(dossier)
    if here.kind != "pool":
        return Refused("not_in_pool", f"the lead is not in a pool: {here}")
    rule = next((rule for name, rule in policy.pools.items() if name == here.detail), None)
    if rule is None or not rule.claim:
        return Refused("not_claimable", f"nobody claims from the {here.detail} pool")
    last = dossier.handoffs[-1] if dossier.handoffs else None
    handoff = Handoff(
        id=handoff_id,
        episode=last_episode(dossier),
        owner=by.who,
        team=team,
        cause="claimed",
        offered_at=at,
        step=step,
    )
    return offered(dossier, handoff, last.id if last else None)


def claim_room(policy: Routing, pool_name: Pool, *, claimed_today: int, claimed_open: int) -> Refused | None:
    """Whether the pool's own caps leave the rep room for one more claim."""
    rule = policy.pools.get(pool_name)
    if rule is None or not rule.claim:
        return Refused("not_claimable", f"nobody claims from the {pool_name} pool")
    if rule.day is not None and claimed_today >= rule.day:
        return Refused("claim_cap_day", f"{rule.day} claims a day")
    if rule.open is not None and claimed_open >= rule.open:
        return Refused("claim_cap_open", f"{rule.open} open claims")
    return None


def routing_hints(dossier: Dossier) -> tuple[str | None, frozenset[str]]:
    """The previous owner and those to avoid, for `assign.Lead`."""
    wanting = dossier.wanting
    avoid = avoided(dossier, wanting.episode) if wanting else NOBODY
    before = previous_owner(dossier) if wanting and wanting.cause in ("reactivated", "merged", "unmerged") else None
    return before, avoid


def offered(dossier: Dossier, handoff: Handoff, previous: UUID | None) -> Step:
    after = replace(dossier, handoffs=(*dossier.handoffs, handoff), wanting=None, pooled=None)
    return Step(after, (Offered(handoff, previous, hops(dossier, handoff.episode)),))


def last_episode(dossier: Dossier) -> int:
    return max((dossier.begun, *(handoff.episode for handoff in dossier.handoffs)))


def activated_by_policy(dossier: Dossier, at: datetime, policy: Routing) -> Step:
    """`upgrade: auto`: an offered, qualified lead is activated at once."""
    handoff = open_handoff(dossier)
    if policy.upgrade != "auto" or handoff is None or dossier.status in ("activated", "invalid"):
        return Step(dossier)
    return moved(dossier, "activated", at, "upgrade", handoff)
