"""Who gets a lead that a person gives by hand: a rep they name, within the caps or over them, or a team's next one."""

from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace
from pydantic import model_validator

from router.api.asking import Text, typed
from router.api.pools import member
from router.cases import Case, Offering, Owner, as_lead
from router.domain.assign import Assigned, Choice, Pooled, Ways, decide
from router.domain.desk import Skip, full, unavailable
from router.domain.dossier import owner_of
from router.domain.ownership import HandoffStep
from router.domain.policy import Rep, Team
from router.domain.rules import step_of
from router.store.desk_work import Note
from router.turn import Turn
from shared.contracts.handoffs import Considered, Decision
from shared.http.commands import Ask, Body, Word
from shared.http.problems import Problem


class ByHand(Body):
    """To whom, and why. `to` names a rep, `team` leaves it to that team's strategy; `force` goes over a cap or absence."""

    to: str | None = None
    team: str | None = None
    reason: Word = "by_hand"
    comment: Text | None = None
    force: bool = False

    @model_validator(mode="after")
    def _one_target(self) -> "ByHand":
        if self.to is not None and self.team is not None:
            raise ValueError("name a rep (to) or a team, not both")
        if self.force and self.to is None:
            raise ValueError("force takes a rep: a team's own strategy never goes over its caps")
        return self


class Chosen(NamedTuple):
    """The next owner, and what goes with the handoff."""

    rep: str
    team: str
    step: HandoffStep
    offering: Offering
    counted: bool
    """Whether the desk has counted the lead already."""


async def choose(turn: Turn, case: Case, ask: Ask, said: ByHand) -> Chosen:
    """The next owner, all desks concerned being locked.

    Raises Problem 409 where the rep, or everybody of the team, can't take it, and 422 where nobody is named.
    """
    typed(said.reason, turn.rules.policy.routing.by_hand_reasons)
    target = said.team if said.to is None else member(turn, said.to)[0]
    if target is None:
        raise Problem(422, "say to whom: to (a rep) or team", code="no-target", missing=["to", "team"])
    if target not in turn.rules.policy.routing.teams:
        raise Problem(422, f"the routing policy has no team {target!r}", code="unknown-team")
    await _hold(turn, case, target)
    return _named(turn, ask, said, said.to) if said.to is not None else _next_of(turn, case, ask, said, target)


async def _hold(turn: Turn, case: Case, target: str) -> None:
    """Lock every desk that this and the settling after it look at, in one statement."""
    held = owner_of(case.dossier)
    desks = {target, case.waited_for} | ({turn.home(Owner(*held))} if held else set[str]())
    await turn.hold({desk for desk in desks if desk is not None})


def _named(turn: Turn, ask: Ask, said: ByHand, rep_id: str) -> Chosen:
    team_id, team, rep = member(turn, rep_id)
    obstacle = _obstacle(turn, team_id, team, rep)
    if obstacle is not None and not said.force:
        detail = f"{rep_id} can't take it now ({obstacle.reason}): name somebody else, or force it"
        raise Problem(409, detail, code=obstacle.reason.replace("_", "-"), until=obstacle.until)
    if obstacle is not None and ask.principal.teams and team_id not in ask.principal.teams:
        raise Problem(403, f"{rep_id} is not of your teams: only their manager goes over their caps", code="not-owner")
    decision = Decision(
        number=turn.desks[team_id].next_number,
        rule="by_hand",
        strategy="by_hand",
        policy_version=turn.rules.policy.version,
        considered=(Considered(rep=rep_id),),
        by=ask.principal.actor,
        reason=said.reason,
        overruled=obstacle.reason if obstacle else None,
    )
    offering = Offering(decision, rep.calendar or team.calendar, team.manager)
    return Chosen(rep_id, team_id, step_of(turn.rules.policy, team_id), offering, counted=False)


def _obstacle(turn: Turn, team_id: str, team: Team, rep: Rep) -> Skip | None:
    """An absence or a full cap. Closed hours keep nobody from what a person gives by hand."""
    desk, hours = turn.desks[team_id], turn.rules.hours
    found = unavailable(rep, team, desk, turn.now, hours)
    if found is not None and found.reason == "closed_hours":
        return full(rep, team, desk, turn.now, hours)
    return found


def _next_of(turn: Turn, case: Case, ask: Ask, said: ByHand, team_id: str) -> Chosen:
    lead = as_lead(case.dossier)
    held = owner_of(case.dossier)
    if held is not None:
        lead = replace(lead, avoid=lead.avoid | {held[0]})
    outcome = decide(lead, Ways((), Choice(team_id, "by_hand")), turn.desks, turn.rosters)
    if isinstance(outcome, Pooled):
        detail = f"team {team_id} pulls its leads: name a rep, or move the lead to the public pool"
        raise Problem(409, detail, code="team-pulls")
    if not isinstance(outcome, Assigned):
        considered = outcome.decision.considered if outcome.decision else ()
        passed_over = {each.rep: each.skipped for each in considered}
        detail = f"nobody of team {team_id} can take it now ({outcome.reason}): name a rep and force it, or wait"
        raise Problem(409, detail, code=outcome.reason.replace("_", "-"), considered=passed_over, until=outcome.wake_at)
    turn.desks[team_id] = outcome.desk
    decision = replace(outcome.decision, by=ask.principal.actor, reason=said.reason)
    offering = Offering(decision, outcome.calendar, outcome.manager, lead=lead)
    return Chosen(outcome.owner, team_id, step_of(turn.rules.policy, team_id), offering, counted=True)


def give(turn: Turn, case: Case, handoff_id: UUID, chosen: Chosen) -> None:
    """Count the lead at the next owner's desk, and keep why they have it."""
    if not chosen.counted:
        turn.take_on(chosen.team, chosen.rep)
    case.offerings[handoff_id] = chosen.offering


def remark(turn: Turn, case: Case, ask: Ask, about: str, subject: UUID | str, comment: str | None) -> None:
    """Keep a comment among the notes."""
    if comment:
        turn.notes.append(Note(case.lead_id, about, str(subject), comment, ask.principal.actor))
