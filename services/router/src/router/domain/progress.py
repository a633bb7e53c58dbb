"""How far the lead has come: its status, its checklist, and the opportunity that opens from both."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from router.domain.changes import closed, enter_pool, moved
from router.domain.dossier import (
    Answer,
    Dossier,
    Opportunity,
    Stage,
    Status,
    open_handoff,
    open_opportunity_of,
    owner_of,
)
from router.domain.facts import (
    Actor,
    ChecklistFilled,
    Fact,
    OpportunityOpened,
    OpportunityStaged,
    Refused,
    Rejected,
    Step,
    TaskRaised,
)
from router.domain.ownership import activated_by_policy
from router.domain.policy import CHECKLIST, Routing

FORWARD: tuple[Status, ...] = ("new", "contacted", "interested", "activated")
BEYOND_REPAIR: frozenset[str] = frozenset({"spam", "test", "duplicate"})
STAGES: tuple[Stage, ...] = ("initial", "proposal", "negotiation")
# free text is kept in the notes, where erasure finds it; these fields take one of a few words
PICKLISTS: Mapping[str, frozenset[str]] = {
    "timeframe": frozenset({"1_month", "3_months", "long_term"}),
    "definite_project": frozenset({"yes", "no"}),
    "budget": frozenset({"yes", "no", "pending"}),
    "decision_maker": frozenset({"yes", "no"}),
}


def move(
    dossier: Dossier, to: Status, *, by: Actor, at: datetime, reason: str | None = None, proof: str | None = None
) -> Step | Refused:
    """One or more steps forward; invalid from any; from invalid back to new on proof. Anything else is refused."""
    owner = owner_of(dossier)
    if dossier.erased_at is not None or dossier.captured_at is None:
        return Refused("unknown_lead", "there is no such lead")
    if owner is not None and by.role in ("rep", "sdr") and not by.may_act_for(owner[0]):
        return Refused("not_owner", f"the lead is {owner[0]}'s")
    if to == "invalid":
        return _invalidated(dossier, at, reason or "wrong_info", by)
    if dossier.status == "invalid":
        return _repaired(dossier, to, at, proof, by.who)
    if FORWARD.index(to) <= FORWARD.index(dossier.status):
        return Refused("not_forward", f"a lead moves forward, not from {dossier.status} to {to}")
    return moved(dossier, to, at, reason, open_handoff(dossier), by.who)


def missing(dossier: Dossier, policy: Routing, needed: Sequence[str] | None = None) -> tuple[str, ...]:
    """The checklist's fields that an opportunity (else who needs `needed`) lacks, since nobody has filled them."""
    return tuple(name for name in (policy.checklist if needed is None else needed) if name not in dossier.checklist)


def fill(
    dossier: Dossier, answers: Mapping[str, str | None], *, by: Actor, at: datetime, policy: Routing
) -> Step | Refused:
    """Answers to the lead's checklist. None takes an answer back. Free text is given as any non-empty word."""
    if dossier.erased_at is not None or dossier.captured_at is None:
        return Refused("unknown_lead", "there is no such lead")
    wrong = tuple(name for name, value in answers.items() if not _fits(name, value))
    if wrong:
        return Refused("bad_checklist", "unknown fields or values", wrong)
    checklist = dict(dossier.checklist)
    for name, value in answers.items():
        if value is None:
            checklist.pop(name, None)
        else:
            checklist[name] = Answer(value=value if name in PICKLISTS else None, by=by.who, at=at)
    filled = replace(dossier, checklist=checklist)
    return Step(filled, (ChecklistFilled(tuple(answers), missing(filled, policy)),))


def open_opportunity(
    dossier: Dossier,
    *,
    opportunity_id: UUID,
    by: Actor,
    at: datetime,
    policy: Routing,
    amount_minor: int | None = None,
    currency: str | None = None,
) -> Step | Refused:
    """From the open handoff of an activated lead with a complete checklist; the handoff ends as converted."""
    if open_opportunity_of(dossier) is not None:
        return Refused("already_open", "the lead has an open opportunity")
    handoff = open_handoff(dossier)
    if handoff is None:
        return Refused("no_open_handoff", "an opportunity opens from an open handoff")
    if not by.may_act_for(handoff.owner):
        return Refused("not_owner", f"the handoff is {handoff.owner}'s")
    lacking = missing(dossier, policy)
    if lacking:
        return Refused("incomplete", "the checklist is incomplete", lacking)
    if dossier.status != "activated":
        return Refused("not_activated", f"the lead is {dossier.status}, not activated", ("status",))
    accepted = replace(
        handoff, verdict="accepted", accepted_at=handoff.accepted_at if handoff.accepted_at is not None else at
    )
    end = closed(dossier, accepted, "converted", at)
    opened = Opportunity(
        id=opportunity_id,
        handoff_id=handoff.id,
        owner=handoff.owner,
        team=handoff.team,
        opened_at=at,
        amount_minor=amount_minor,
        currency=currency,
    )
    fact = OpportunityOpened(opportunity_id, handoff.id, handoff.owner, amount_minor, currency)
    after = replace(end.dossier, opportunities=(*end.dossier.opportunities, opened))
    return Step(after, (*end.facts, fact))


def upgrade(dossier: Dossier, *, opportunity_id: UUID, at: datetime, policy: Routing) -> Step:
    """`upgrade: auto`, after an offer or a filled checklist: activate, then open by itself or name what is missing."""
    if policy.upgrade != "auto" or open_opportunity_of(dossier) is not None:
        return Step(dossier)
    active = activated_by_policy(dossier, at, policy)
    handoff = open_handoff(active.dossier)
    if handoff is None:
        return active
    system = Actor("upgrade", "system")
    opened = open_opportunity(active.dossier, opportunity_id=opportunity_id, by=system, at=at, policy=policy)
    if isinstance(opened, Step):
        return Step(opened.dossier, (*active.facts, *opened.facts))
    task: tuple[Fact, ...] = ()
    if active.facts:  # said once, when the lead was activated
        task = (TaskRaised("complete_checklist", handoff.owner, handoff.id, opened.missing),)
    return Step(active.dossier, (*active.facts, *task))


def stage(
    dossier: Dossier,
    opportunity_id: UUID,
    to: Stage,
    *,
    by: Actor,
    at: datetime,
    amount_minor: int | None = None,
    currency: str | None = None,
    reason: str | None = None,
) -> Step | Refused:
    """Forward through the stages; won (with an amount) or lost (with a reason) from any open one."""
    found = next((known for known in dossier.opportunities if known.id == opportunity_id), None)
    if found is None:
        return Refused("unknown_opportunity", f"this lead has no opportunity {opportunity_id}")
    amount = amount_minor if amount_minor is not None else found.amount_minor
    money = currency or found.currency
    refusal = _not_staged(found, to, by) or _not_ended(to, amount, money, reason)
    if refusal is not None:
        return refusal
    ended = at if to in ("won", "lost") else None
    after = replace(found, stage=to, amount_minor=amount, currency=money, reason=reason, closed_at=ended)
    opportunities = tuple(after if known.id == after.id else known for known in dossier.opportunities)
    staged = OpportunityStaged(found.id, found.handoff_id, found.owner, to, found.stage, amount, money, reason)
    staged = staged._replace(by=by.instead_of(found.owner))
    step = Step(replace(dossier, opportunities=opportunities), (staged,))
    if to != "lost":
        return step
    pooled = enter_pool(step.dossier, "re-marketing", "lost", at)
    return Step(pooled.dossier, (*step.facts, *pooled.facts))


def _not_staged(opportunity: Opportunity, to: Stage, by: Actor) -> Refused | None:
    if not by.may_act_for(opportunity.owner):
        return Refused("not_owner", f"the opportunity is {opportunity.owner}'s")
    if not opportunity.is_open:
        return Refused("opportunity_closed", f"the opportunity is {opportunity.stage}")
    if to in STAGES and STAGES.index(to) <= STAGES.index(opportunity.stage):
        return Refused("not_forward", f"an opportunity moves forward, not from {opportunity.stage} to {to}")
    return None


def _not_ended(to: Stage, amount_minor: int | None, currency: str | None, reason: str | None) -> Refused | None:
    if to == "won" and (amount_minor is None or currency is None):
        lacking = (("amount", amount_minor), ("currency", currency))
        missing_names = tuple(name for name, value in lacking if value is None)
        return Refused("no_amount", "a won opportunity has an amount", missing_names)
    if to == "lost" and not reason:
        return Refused("no_reason", "a lost opportunity has a reason", ("reason",))
    return None


def _fits(name: str, value: str | None) -> bool:
    if name not in CHECKLIST:
        return False
    if value is None:
        return True
    return value in PICKLISTS[name] if name in PICKLISTS else bool(value.strip())


def _invalidated(dossier: Dossier, at: datetime, reason: str, by: Actor) -> Step | Refused:
    if dossier.status == "invalid":
        return Refused("not_forward", "the lead is invalid already")
    if open_opportunity_of(dossier) is not None:
        return Refused("opportunity_open", "close the opportunity first")
    handoff = open_handoff(dossier)
    step = moved(replace(dossier, wanting=None, pooled=None), "invalid", at, reason, handoff, by.who)
    if reason not in BEYOND_REPAIR:
        raised = TaskRaised("repair", dossier.marketing_owner, handoff.id if handoff else None, (reason,))
        step = Step(step.dossier, (*step.facts, raised))
    if handoff is None:
        return step
    judged = replace(handoff, verdict="rejected", reason=reason)
    end = closed(step.dossier, judged, "rejected", at)
    verdict = Rejected(handoff.id, handoff.owner, reason, None, None, ends_episode=True)
    verdict = verdict._replace(by=by.instead_of(handoff.owner))
    return Step(end.dossier, (verdict, *end.facts, *step.facts))


def _repaired(dossier: Dossier, to: Status, at: datetime, proof: str | None, by: str) -> Step | Refused:
    if to != "new":
        return Refused("not_forward", f"an invalid lead goes back to new, not to {to}")
    if not proof or not proof.strip():
        return Refused("no_proof", "an invalid lead goes back to new on proof", ("proof",))
    return moved(dossier, "new", at, "repaired", None, by)
