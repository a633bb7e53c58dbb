"""One transaction's routing, the same behind all three doors: cases in hand, teams' desks held, then kept and told.

Locks are taken in one order: lanes (before we get here), team rows ascending in one statement, waiting rows, streams.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, assert_never
from uuid import UUID

from msgspec.structs import replace

from router.cases import Case, Offering, Owner, QueuePlace, as_lead
from router.domain import ownership, progress
from router.domain.assign import Assigned, Lead, Outcome, Pooled, Waiting, Ways, decide, first_step, teams_of, ways
from router.domain.desk import Desk, local_day, released, skip, taken
from router.domain.dossier import owner_of
from router.domain.facts import ChecklistFilled, Offered, Step, Waited
from router.domain.roster import Rosters
from router.events import events_of
from router.policies import InForce, in_force
from router.store import desk_work, history, leads, teams, waiting
from router.telling import tell
from shared.contracts import Event
from shared.contracts.attributes import Attributes
from shared.runtime.ids import new_id
from shared.runtime.service import Delivered
from shared.runtime.work import Work

if TYPE_CHECKING:
    from asyncpg import Connection

NOTHING_KNOWN = Attributes()


@dataclass(frozen=True, slots=True)
class Call:
    """Call the first `count` waiting of a team, or the first behind a place in its queue."""

    team: str
    count: int
    after: QueuePlace | None = None


class Want(NamedTuple):
    """A lead that wants an owner, and the teams whose desks decide."""

    case: Case
    lead: Lead
    ways: Ways
    teams: frozenset[str]


@dataclass(slots=True)
class Turn:
    """What a transaction has in hand. `desks` are those whose rows are locked, `queued` the cases that came waiting."""

    connection: "Connection"
    now: datetime
    rules: InForce
    rosters: Rosters
    cases: dict[UUID, Case] = field(default_factory=dict[UUID, Case])
    queued: list[Case] = field(default_factory=list[Case])
    desks: dict[str, Desk] = field(default_factory=dict[str, Desk])
    notes: list[desk_work.Note] = field(default_factory=list[desk_work.Note])
    calls: list[Call] = field(default_factory=list[Call])
    heard: Sequence[Delivered[Event]] = ()
    releases: list[history.Release] = field(default_factory=list[history.Release])
    vain: list[history.Vain] = field(default_factory=list[history.Vain])

    async def load(self, lanes: Mapping[UUID, int]) -> None:
        """A case for each of these leads; their lanes are locked."""
        self.cases = await leads.cases_of(self.connection, lanes)
        self.queued = [case for case in self.cases.values() if case.before is not None and case.before.wanting]

    async def hold(self, wanted: Collection[str]) -> None:
        """Lock these teams' desks: once in a transaction, so that the order of locks holds."""
        held = await teams.locked(self.connection, wanted, self.rules.policy.routing)
        today = {team: history.opened(desk, self.rules.policy, self.now) for team, desk in held.items()}
        await history.keep_desks(
            self.connection, [today[team] for team in held if today[team] is not held[team]], self.now
        )
        self.desks.update(today)

    def take_on(self, team_id: str, rep_id: str) -> None:
        """Count a lead that a rep of this team got otherwise than by assignment; the desk is held."""
        desk, team = self.desks[team_id], self.rules.policy.team(team_id)
        fuller = taken(desk, rep_id, local_day(team, self.now))
        self.desks[team_id] = replace(fuller, next_number=desk.next_number + 1)

    def home(self, owner: Owner) -> str:
        """The team at whose desk a rep's work is counted: where the rep is now."""
        return self.rules.policy.team_of.get(owner.rep, owner.team)


async def begin(work: Work) -> Turn:
    """A turn under the policies in force."""
    rules = await in_force(work)
    return Turn(await work.raw(), work.now, rules, Rosters(rules.policy, work.now, rules.hours))


async def settle(turn: Turn, cases: Iterable[Case]) -> dict[UUID, Outcome]:
    """Give back freed capacity, then find owners for those who want one, in this order; call who waits for what is left.

    The first call that needs desks locks them. A want that turns up later and needs another desk is left to the timer.
    """
    wanting = [_want(turn, case) for case in cases if case.wants]
    freeing = [case for case in turn.cases.values() if case.released]
    freed = Counter([turn.home(owner) for case in freeing for owner in case.released])
    needed = freed.keys() | {team for case in turn.queued if (team := _queue_touched(case)) is not None}
    if not turn.desks:
        needed = needed.union(*(want.teams for want in wanting))
    if not needed <= turn.desks.keys():
        await turn.hold(needed - turn.desks.keys())
    _release(turn, freeing)
    turn.calls += [Call(team, count) for team, count in sorted(freed.items())]
    return {want.case.lead_id: outcome for want in wanting if (outcome := _look(turn, want)) is not None}


def pass_calls_on(turn: Turn) -> None:
    """After a touch by another door than the timer: let the next of a queue have the call that this lead may have got.

    It left its team's queue, or was looked at there in vain.
    """
    left: defaultdict[str, list[QueuePlace]] = defaultdict(list)
    for case in turn.queued:
        team = case.waited_for
        if team is None or team not in turn.desks or not (case.has_left_waiting or case.looked):
            continue
        held, place = owner_of(case.dossier), case.place_in_queue
        if place is not None and (held is None or held[1] != team):
            left[team].append(place)
    # one call of a team for all, from the first place that was left: who stands behind it is asked in order
    turn.calls += [Call(team, len(places), min(places)) for team, places in left.items() if has_room(turn, team)]


async def finish(turn: Turn, work: Work) -> None:
    """Keep all that changed, and emit what others hear of."""
    _upgrade(turn)
    cases = list(turn.cases.values())
    await leads.keep(turn.connection, cases)
    await desk_work.keep(turn.connection, cases, turn.now, turn.rules.policy.routing.marketing_owner)
    await waiting.keep(turn.connection, cases, turn.queued, turn.now, turn.rules.basis)
    await desk_work.keep_notes(turn.connection, turn.notes, turn.now)
    await teams.keep(turn.connection, turn.desks)
    left = [case.lead_id for case in cases if case.has_left_unowned]
    await history.keep(turn.connection, turn.releases, turn.vain, left, turn.now, turn.rules.policy.version)
    for call in turn.calls:
        await waiting.wake(turn.connection, call.team, call.count, turn.now, after=call.after)
    before = len(work.emitted)
    work.emit(chain.from_iterable([events_of(case, turn.now) for case in cases if case.told]))
    if turn.heard or len(work.emitted) > before:
        await tell(turn, work.emitted[before:])


def has_room(turn: Turn, team_id: str) -> bool:
    """Whether somebody of the team could take a lead of which nothing is known."""
    team, desk = turn.rules.policy.routing.teams.get(team_id), turn.desks.get(team_id)
    if team is None or desk is None:
        return False
    return any(skip(rep, team, desk, NOTHING_KNOWN, at=turn.now, hours=turn.rules.hours) is None for rep in team.reps)


def _want(turn: Turn, case: Case) -> Want:
    """The lead as routing sees it; a fresh crossing may be pre-screened first."""
    lead, wanting, policy = as_lead(case.dossier), case.dossier.wanting, turn.rules.policy
    if policy.screens and wanting is not None and wanting.cause == "qualified" and wanting.reason is None:
        step = first_step(lead, policy)
        if step != wanting.step:
            case.dossier = ownership.pre_screen(case.dossier, step)
            lead = replace(lead, step=step)
    found = ways(lead, policy)
    return Want(case, lead, found, teams_of(found, policy))


def _release(turn: Turn, cases: Iterable[Case]) -> None:
    for case in cases:
        for owner in case.released:
            team = turn.home(owner)
            desk = turn.desks[team] = released(turn.desks[team], owner.rep)
            turn.releases.append(history.Release(team, desk.next_number, owner.rep, case.lead_id, new_id()))
        case.released.clear()


def _queue_touched(case: Case) -> str | None:
    """The team whose queue the lead stood in, if it leaves it or is looked at again."""
    return case.waited_for if case.wants or case.has_left_waiting else None


def _look(turn: Turn, want: Want) -> Outcome | None:
    """Assign, or say why not; None where a desk that is not held would be needed."""
    case = want.case
    case.wants, case.looked = False, True
    case.deferred = not want.teams <= turn.desks.keys()
    if case.deferred:
        return None
    outcome = decide(want.lead, want.ways, turn.desks, turn.rosters)
    if outcome.desk is not None:
        turn.desks[outcome.desk.team] = outcome.desk
    case.take(_outcome_step(turn, case, want.lead, outcome))
    return outcome


def _outcome_step(turn: Turn, case: Case, lead: Lead, outcome: Outcome) -> Step:
    dossier = case.dossier
    wanting = dossier.wanting
    match outcome:
        case Assigned():
            handoff_id = new_id()
            case.offerings[handoff_id] = Offering(outcome.decision, outcome.calendar, outcome.manager, None, lead)
            return ownership.offer(dossier, handoff_id=handoff_id, owner=outcome.owner, team=outcome.team, at=turn.now)
        case Waiting():
            if wanting is None or (wanting.reason, wanting.team) != (outcome.reason, outcome.team):
                turn.vain.append(history.Vain(lead, outcome, case.lead_id, new_id()))
            return ownership.park(dossier, reason=outcome.reason, team=outcome.team, wake_at=outcome.wake_at)
        case Pooled():
            turn.vain.append(history.Vain(lead, outcome, case.lead_id, new_id()))
            episode = wanting.episode if wanting else dossier.begun
            step = ownership.pool(dossier, into=outcome.pool, cause="pull", at=turn.now)
            # nobody was asked, somebody must come: for the others the lead waits, with that reason
            return Step(step.dossier, (*step.facts, Waited(episode, "pull", outcome.team, None)))
        case _:
            assert_never(outcome)


def _upgrade(turn: Turn) -> None:
    """`upgrade: auto` follows an offer or a filled checklist."""
    if turn.rules.policy.routing.upgrade != "auto":
        return
    for case in turn.cases.values():
        if any(isinstance(told.fact, Offered | ChecklistFilled) for told in case.told):
            case.take(
                progress.upgrade(case.dossier, opportunity_id=new_id(), at=turn.now, policy=turn.rules.policy.routing)
            )
