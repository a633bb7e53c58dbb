"""Tasks that follow from what happened: raised for owners, managers and marketing, and ended by what was done."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from router.cases import Case
from router.domain.facts import (
    Contacted,
    HandoffClosed,
    Moved,
    Offered,
    OpportunityStaged,
    TaskAnswered,
    TaskRaised,
)
from shared.runtime.ids import new_id

if TYPE_CHECKING:
    from asyncpg import Connection

_TASK = (
    "insert into task (task_id, lead_id, handoff_id, kind, owner, team, detail, raised_at, due_at)"
    " select t.task_id, t.lead_id, t.handoff_id, t.kind, t.owner, t.team, string_to_array(t.detail, chr(31)), $1, t.due_at"
    " from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],"
    " $9::timestamptz[]) t(task_id, lead_id, handoff_id, kind, owner, team, detail, due_at)"
    " on conflict (task_id) do nothing"
)
# a contact answers what the owner was asked for; the end of a handoff ends its tasks, but not a date with the customer
_ANSWERED = ("handoff", "high_value_engagement", "qualified_again", "next_step")
_ENDED = ("handoff", "high_value_engagement", "qualified_again", "complete_checklist")
MARKETINGS = frozenset({"mql", "nurture", "repair", "merge", "find_decision_maker"})
"""Tasks of the lead's marketing owner."""


class Task(NamedTuple):
    """A thing to do."""

    lead_id: UUID
    handoff_id: UUID | None
    kind: str
    owner: str | None
    team: str | None
    detail: tuple[str, ...] = ()
    due_at: datetime | None = None
    task_id: UUID | None = None


async def keep(connection: "Connection", tasks: Sequence[Task], now: datetime) -> None:
    """Write tasks; one that was raised before under its id stays as it is."""
    if tasks:
        await connection.execute(_TASK, now, [task.task_id or new_id() for task in tasks], *_columns(tasks))


async def finish(connection: "Connection", cases: Sequence[Case], now: datetime) -> None:
    leads = [case.lead_id for case in cases]
    facts = [(case, told.fact) for case in cases for told in case.told]
    answered = [fact.contact.handoff_id for _, fact in facts if isinstance(fact, Contacted)]
    answered += [fact.handoff_id for _, fact in facts if isinstance(fact, OpportunityStaged)]
    ended = [fact.handoff_id for _, fact in facts if isinstance(fact, HandoffClosed)]
    for handoffs, kinds in ((answered, _ANSWERED), (ended, _ENDED)):
        if handoffs:
            await connection.execute(
                "update task set done_at = $4 where lead_id = any($1::uuid[]) and handoff_id = any($2::uuid[])"
                " and kind = any($3::text[]) and done_at is null",
                leads,
                handoffs,
                list(kinds),
                now,
            )
    otherwise = [fact for _, fact in facts if isinstance(fact, TaskAnswered)]
    if otherwise:
        await connection.execute(
            "update task set done_at = $3, outcome = o.outcome from unnest($1::uuid[], $2::text[]) o(id, outcome)"
            " where task_id = o.id and done_at is null",
            [fact.task_id for fact in otherwise],
            [fact.outcome for fact in otherwise],
            now,
        )
    repaired = [case.lead_id for case, fact in facts if isinstance(fact, Moved) and fact.previous == "invalid"]
    if repaired:
        await connection.execute(
            "update task set done_at = $2 where lead_id = any($1::uuid[]) and kind = 'repair' and done_at is null",
            repaired,
            now,
        )


def of(case: Case, marketing: str | None) -> Iterable[Task]:
    """What is to be done after this transaction: nothing of a handoff that also ended in it."""
    ended = frozenset(told.fact.handoff_id for told in case.told if type(told.fact) is HandoffClosed)
    for task in _raised(case, marketing):
        if task.kind not in _ENDED or task.handoff_id not in ended:
            yield task


def beside(case: Case, marketing: str | None) -> list[Task]:
    """What was raised beside an offer that is kept with its own task."""
    raised = [_task(case, told.fact, marketing) for told in case.told if type(told.fact) is TaskRaised]
    return [task for task in raised if task is not None]


def _task(case: Case, fact: TaskRaised, marketing: str | None) -> Task | None:
    """The task as raised; None for a word to nobody."""
    owner = marketing if fact.owner is None and fact.kind in MARKETINGS else fact.owner
    if owner is None and fact.kind == "mql":
        return None
    return Task(case.lead_id, fact.handoff_id, fact.kind, owner, fact.team, fact.detail, fact.due_at, fact.task_id)


def _raised(case: Case, marketing: str | None) -> Iterable[Task]:
    teams = {handoff.id: handoff.team for handoff in case.dossier.handoffs}
    for told in case.told:
        match told.fact:
            case Offered(handoff=handoff):
                yield Task(case.lead_id, handoff.id, "handoff", handoff.owner, handoff.team)
            case TaskRaised() as fact:
                task = _task(case, fact, marketing)
                if task is not None:
                    yield task._replace(team=task.team or (teams.get(fact.handoff_id) if fact.handoff_id else None))
            case Contacted(owner=owner, contact=made) if made.next_step_at is not None:
                team = teams.get(made.handoff_id)
                yield Task(case.lead_id, made.handoff_id, "next_step", owner, team, (made.channel,), made.next_step_at)
            case _:
                continue


def _columns(tasks: Sequence[Task]) -> Iterable[list[Any]]:
    yield [task.lead_id for task in tasks]
    yield [task.handoff_id for task in tasks]
    yield [task.kind for task in tasks]
    yield [task.owner for task in tasks]
    yield [task.team for task in tasks]
    yield ["\x1f".join(task.detail) for task in tasks]  # arrays of arrays do not unnest
    yield [task.due_at for task in tasks]
