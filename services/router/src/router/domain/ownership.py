"""Who has the lead: what an assignment's outcome does to the dossier, and the moves people make by hand."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec.structs import replace

from router.domain.changes import closed, enter_pool, moved, want_owner
from router.domain.dossier import (
    Dossier,
    Handoff,
    Opportunity,
    Wanting,
    avoided,
    hops,
    open_handoff,
    open_opportunity_of,
    place,
    previous_owner,
)
from router.domain.facts import Actor, Offered, OpportunityPassed, Refused, Step, Waited
from router.domain.policy import Pool, Routing


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
    return _offered(dossier, handoff, wanting.previous_handoff_id)


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


def claim(dossier: Dossier, *, handoff_id: UUID, team: str, by: Actor, at: datetime, policy: Routing) -> Step | Refused:
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
        id=handoff_id, episode=_last_episode(dossier), owner=by.who, team=team, cause="claimed", offered_at=at
    )
    return _offered(dossier, handoff, last.id if last else None)


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


def give(dossier: Dossier, *, handoff_id: UUID, to: str, team: str, by: Actor, at: datetime) -> Step | Refused:
    """A manager's assignment by hand, of a lead that nobody has."""
    if by.role not in ("manager", "admin", "system"):
        return Refused("not_manager", "only a manager assigns by hand")
    here = place(dossier)
    if here.kind not in ("pool", "waiting", "won"):
        return Refused("not_assignable", f"the lead cannot be assigned: {here}")
    last = dossier.handoffs[-1] if dossier.handoffs else None
    episode = dossier.wanting.episode if dossier.wanting else _last_episode(dossier)
    handoff = Handoff(id=handoff_id, episode=episode, owner=to, team=team, cause="by_hand", offered_at=at)
    return _offered(dossier, handoff, last.id if last else None)


def transfer(
    dossier: Dossier, *, handoff_id: UUID, to: str, team: str, reason: str, by: Actor, at: datetime
) -> Step | Refused:
    """Open work passes to another owner: a new handoff of the same episode, or the opportunity itself."""
    handoff, opportunity = open_handoff(dossier), open_opportunity_of(dossier)
    work = handoff or opportunity
    if work is None:
        return Refused("nothing_open", "the lead has no open work to transfer")
    if not by.may_act_for(work.owner):
        return Refused("not_owner", f"the work is {work.owner}'s")
    if to == work.owner:
        return Refused("same_owner", f"{to} has it already")
    if isinstance(work, Opportunity):
        return _pass_opportunity(dossier, work, to, team)
    end = closed(dossier, replace(work, reason=reason), "transferred", at)
    passed = Handoff(
        id=handoff_id, episode=work.episode, owner=to, team=team, cause="transferred", offered_at=at, step=work.step
    )
    step = _offered(end.dossier, passed, work.id)
    return Step(step.dossier, (*end.facts, *step.facts))


def pass_on(dossier: Dossier, handoff_id: UUID, *, by: Actor, at: datetime) -> Step | Refused:
    """An SDR has pre-screened: the handoff ends as transferred, and a rep is wanted."""
    handoff = open_handoff(dossier)
    if handoff is None or handoff.id != handoff_id:
        return Refused("handoff_closed", "the handoff is not open")
    if handoff.step != "sdr":
        return Refused("not_sdr_step", "only a pre-screening is passed on")
    if not by.may_act_for(handoff.owner):
        return Refused("not_owner", f"the handoff is {handoff.owner}'s")
    end = closed(dossier, handoff, "transferred", at)
    wanting = Wanting(episode=handoff.episode, since=at, cause="pre_screened", previous_handoff_id=handoff.id)
    step = want_owner(end.dossier, wanting)
    return Step(step.dossier, (*end.facts, *step.facts))


def to_nurture(dossier: Dossier, *, by: Actor, at: datetime) -> Step | Refused:
    """Marketing or an SDR moves a lead that nobody has to the nurture pool."""
    here = place(dossier)
    if by.role == "rep" or here.kind not in ("pool", "waiting"):
        return Refused("not_movable", f"the lead cannot be moved to nurture: {here}")
    return enter_pool(dossier, "nurture", "by_hand", at)


def routing_hints(dossier: Dossier) -> tuple[str | None, frozenset[str]]:
    """The previous owner and those to avoid, for `assign.Lead`."""
    wanting = dossier.wanting
    avoid = avoided(dossier, wanting.episode) if wanting else frozenset[str]()
    before = previous_owner(dossier) if wanting and wanting.cause in ("reactivated", "merged", "unmerged") else None
    return before, avoid


def _offered(dossier: Dossier, handoff: Handoff, previous: UUID | None) -> Step:
    after = replace(dossier, handoffs=(*dossier.handoffs, handoff), wanting=None, pooled=None)
    return Step(after, (Offered(handoff, previous, hops(dossier, handoff.episode)),))


def _pass_opportunity(dossier: Dossier, opportunity: Opportunity, to: str, team: str) -> Step:
    passed = replace(opportunity, owner=to, team=team)
    others = tuple(passed if found.id == passed.id else found for found in dossier.opportunities)
    fact = OpportunityPassed(opportunity.id, to, opportunity.owner, team)
    return Step(replace(dossier, opportunities=others), (fact,))


def _last_episode(dossier: Dossier) -> int:
    return max((dossier.begun, *(handoff.episode for handoff in dossier.handoffs)))


def activated_by_policy(dossier: Dossier, at: datetime, policy: Routing) -> Step:
    """`upgrade: auto`: an offered, qualified lead is activated at once."""
    handoff = open_handoff(dossier)
    if policy.upgrade != "auto" or handoff is None or dossier.status in ("activated", "invalid"):
        return Step(dossier)
    return moved(dossier, "activated", at, "upgrade", handoff)
