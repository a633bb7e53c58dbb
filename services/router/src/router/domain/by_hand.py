"""What people do with a lead by hand: assign, transfer, pass on to sales, put into a pool, phone a lead nobody has."""

from datetime import datetime
from uuid import UUID, uuid5

from msgspec.structs import replace

from router.domain.attempts import Attempt, noted
from router.domain.changes import closed, enter_pool, moved, want_owner
from router.domain.dossier import (
    Dossier,
    Handoff,
    Opportunity,
    Wanting,
    hops,
    open_handoff,
    open_opportunity_of,
    place,
)
from router.domain.facts import (
    Actor,
    Contacted,
    Fact,
    MovedToPool,
    OpportunityPassed,
    Prescreened,
    Recycled,
    Refused,
    Step,
    TaskRaised,
)
from router.domain.hearing import taken_back
from router.domain.ownership import HandoffStep, last_episode, offered
from router.domain.policy import Pool, Routing
from router.domain.progress import missing

LEADERS = frozenset({"manager", "admin", "system"})


def give(
    dossier: Dossier,
    *,
    handoff_id: UUID,
    to: str,
    team: str,
    by: Actor,
    at: datetime,
    step: HandoffStep = "rep",
) -> Step | Refused:
    """A manager's assignment by hand, of a lead that nobody has."""
    if by.role not in LEADERS:
        return Refused("not_manager", "only a manager assigns by hand")
    refusal = assignable(dossier)
    if refusal is not None:
        return refusal
    last = dossier.handoffs[-1] if dossier.handoffs else None
    episode = dossier.wanting.episode if dossier.wanting else last_episode(dossier)
    handoff = Handoff(id=handoff_id, episode=episode, owner=to, team=team, cause="by_hand", offered_at=at, step=step)
    return offered(dossier, handoff, last.id if last else None)


def assignable(dossier: Dossier) -> Refused | None:
    """Why this lead can't be assigned by hand, with what can be done instead."""
    here = place(dossier)
    match here.kind:
        case "pool" | "waiting" | "won":
            return None
        case "handoff" | "opportunity":
            detail = f"{here.detail} has the lead: transfer the {here.kind} instead (POST /v1/{_PATH[here.kind]})"
            return Refused("already_owned", detail)
        case "invalid":
            return Refused("invalid_lead", "the lead is invalid: set its status to new first, with a proof")
        case _:
            return Refused("not_assignable", f"the lead can't be assigned: it is {here}")


_PATH = {"handoff": "handoffs/{id}/transfer", "opportunity": "opportunities/{id}/transfer"}


def transfer(
    dossier: Dossier,
    *,
    handoff_id: UUID,
    to: str,
    team: str,
    reason: str,
    by: Actor,
    at: datetime,
    step: HandoffStep | None = None,
) -> Step | Refused:
    """Open work passes to another owner: a new handoff of the same episode, or the opportunity itself.

    Whoever had it is told by a task; the next owner is told by the handoff, or by a task with an opportunity.
    """
    work = open_handoff(dossier) or open_opportunity_of(dossier)
    if work is None:
        return Refused("nothing_open", "the lead has no open work to transfer: assign it (POST /v1/leads/{id}/assign)")
    if not by.may_act_for(work.owner):
        return Refused("not_owner", f"the work is {work.owner}'s")
    if to == work.owner:
        return Refused("same_owner", f"{to} has it already: name somebody else")
    if isinstance(work, Opportunity):
        return _pass_opportunity(dossier, work, to, team, reason, by)
    end = closed(dossier, replace(work, reason=reason), "transferred", at)
    passed = Handoff(
        id=handoff_id,
        episode=work.episode,
        owner=to,
        team=team,
        cause="transferred",
        offered_at=at,
        step=step or work.step,
    )
    given = offered(end.dossier, passed, work.id)
    return Step(given.dossier, (*end.facts, *given.facts, _farewell(work, to, reason)))


def reroute(dossier: Dossier, *, reason: str, by: Actor, at: datetime) -> Step | Refused:
    """The owner is away: their handoff ends, and routing finds the next one. It is no hop: nobody lost the lead."""
    handoff = open_handoff(dossier)
    if handoff is None:
        return Refused("nothing_open", "the lead has no open handoff")
    if not by.may_act_for(handoff.owner):
        return Refused("not_owner", f"the handoff is {handoff.owner}'s")
    end = closed(dossier, replace(handoff, reason=reason), "transferred", at)
    wanting = Wanting(
        episode=handoff.episode, since=at, cause="transferred", step=handoff.step, previous_handoff_id=handoff.id
    )
    wanted = want_owner(end.dossier, wanting)
    lost = hops(wanted.dossier, handoff.episode)
    taken = Recycled(handoff.id, handoff.owner, "owner_away", None, lost, without_owner=False, by=by.who)
    return Step(wanted.dossier, (*end.facts, taken, *wanted.facts))


def pass_on(
    dossier: Dossier,
    handoff_id: UUID,
    *,
    by: Actor,
    at: datetime,
    policy: Routing | None = None,
    rating: int | None = None,
) -> Step | Refused:
    """An SDR has pre-screened and found it good: the handoff ends as transferred, and a rep is wanted.

    The policy may ask for checklist fields that the SDR fills before (`pass_on`).
    """
    handoff = open_handoff(dossier)
    if handoff is None or handoff.id != handoff_id:
        return Refused("handoff_closed", "the handoff is not open: what is over can't be passed on")
    if not by.may_act_for(handoff.owner):
        return Refused("not_owner", f"the handoff is {handoff.owner}'s")
    if handoff.step != "sdr":
        return Refused(
            "not_sdr_step", "only a pre-screening is passed on; a rep returns a handoff, a manager transfers"
        )
    lacking = missing(dossier, policy, policy.pass_on) if policy is not None else ()
    if lacking:
        return Refused("incomplete", "the checklist lacks what a rep needs: fill the missing fields first", lacking)
    judged = replace(handoff, verdict="accepted", accepted_at=handoff.accepted_at or at, rating=rating)
    end = closed(dossier, judged, "transferred", at)
    wanting = Wanting(episode=handoff.episode, since=at, cause="pre_screened", previous_handoff_id=handoff.id)
    wanted = want_owner(end.dossier, wanting)
    screened = Prescreened(handoff.id, handoff.owner, handoff.episode, rating, by.who)
    return Step(wanted.dossier, (screened, *end.facts, *wanted.facts))


def to_pool(
    dossier: Dossier, pool: Pool, *, reason: str | None, by: Actor, at: datetime, policy: Routing
) -> Step | Refused:
    """A person puts the lead into a pool: one that nobody has, or one that an SDR pre-screens or a manager takes back."""
    if by.role == "rep":
        return Refused("not_allowed", "a rep returns or rejects the handoff instead")
    here = place(dossier)
    match here.kind:
        case "handoff":
            return _taken_to_pool(dossier, pool, by, at, policy)
        case "opportunity":
            return Refused("opportunity_open", "stage the opportunity won or lost first")
        case "pool" | "waiting":
            if here.detail == pool and here.kind == "pool":
                return Refused("already_there", f"the lead is in the {pool} pool already")
        case _:
            return Refused("not_movable", f"the lead can't be moved to a pool: it is {here}")
    ends = here.kind == "waiting" or (dossier.pooled is not None and dossier.pooled.cause == "pull")
    left = "waiting" if here.kind == "waiting" else str(here.detail)
    entered = enter_pool(dossier, pool, reason or "by_hand", at)
    said = MovedToPool(pool, left, reason, ends, last_episode(dossier), by.who)
    return Step(entered.dossier, (said, *entered.facts))


def no_handoff(lead_id: UUID) -> UUID:
    """What stands for the handoff in a contact with a lead that nobody has."""
    return uuid5(lead_id, "no-handoff")


def phoned(dossier: Dossier, attempt: Attempt) -> Step | Refused:
    """A contact with a lead that nobody has: an SDR cleans the raw pool, marketing asks back. It meets no clock."""
    here, by = place(dossier), attempt.by
    if here.kind not in ("pool", "waiting") or by.role == "rep":
        return Refused("no_open_handoff", f"there is no handoff of yours to log this on: the lead is {here}")
    made = noted(attempt, no_handoff(dossier.lead_id), since=dossier.captured_at, since_what="the lead's capture")
    if isinstance(made, Refused):
        return made
    facts: list[Fact] = [Contacted(by.who, made)]
    after = replace(dossier, contacts=(*dossier.contacts, made))
    if after.status == "new":
        step = moved(after, "contacted", attempt.now, None, None, by.who)
        after = step.dossier
        facts.extend(step.facts)
    return Step(after, tuple(facts))


def _taken_to_pool(dossier: Dossier, pool: Pool, by: Actor, at: datetime, policy: Routing) -> Step | Refused:
    handoff = open_handoff(dossier)
    if handoff is None:
        return Refused("nothing_open", "the lead has no open handoff")
    own = by.role == "sdr" and by.who == handoff.owner and handoff.step == "sdr"
    if not own and by.role not in LEADERS:
        return Refused("not_owner", f"{handoff.owner} has the lead: a manager may take it back")
    step = taken_back(dossier, handoff, cause="by_hand", destination=pool, at=at, policy=policy.recycle)
    facts = tuple(fact._replace(by=by.who) if isinstance(fact, Recycled) else fact for fact in step.facts)
    return Step(step.dossier, facts)


def _pass_opportunity(dossier: Dossier, opportunity: Opportunity, to: str, team: str, reason: str, by: Actor) -> Step:
    passed = replace(opportunity, owner=to, team=team)
    others = tuple(passed if found.id == passed.id else found for found in dossier.opportunities)
    fact = OpportunityPassed(opportunity.id, to, opportunity.owner, team, opportunity.handoff_id, reason, by.who)
    told = TaskRaised("taken_over", to, opportunity.handoff_id, (opportunity.owner, reason), team)
    return Step(replace(dossier, opportunities=others), (fact, told, _farewell(opportunity, to, reason)))


def _farewell(work: Handoff | Opportunity, to: str, reason: str) -> TaskRaised:
    handoff_id = work.id if isinstance(work, Handoff) else work.handoff_id
    return TaskRaised("passed_on", work.owner, handoff_id, (to, reason))
