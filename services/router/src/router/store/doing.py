"""What people do at their desks beside handoffs: tasks, notes, the switch; and the open work of one rep."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.store.tasks import Task

if TYPE_CHECKING:
    from asyncpg import Connection

_TASK = (
    "task_id, lead_id, handoff_id, kind, owner, team, detail, raised_at, due_at, done_at, done_by, outcome,"
    " (select n.text from note n where n.lead_id = task.lead_id and n.about = 'task'"
    " and n.subject = task.task_id::text) as note"
)
_CLOSES_WITH_ITS_HANDOFF = ("handoff", "high_value_engagement", "qualified_again", "complete_checklist")


class Switch(NamedTuple):
    """A rep says they are away, or back; or their manager does."""

    rep: str
    team: str
    available: bool
    reason: str | None
    by: str
    number: int = 0
    """The team's next decision then: a what-if throws the switch in the same place."""


async def add_task(connection: "Connection", task_id: UUID, task: Task, now: datetime) -> None:
    """A task that somebody set."""
    await connection.execute(
        "insert into task (task_id, lead_id, handoff_id, kind, owner, team, detail, raised_at, due_at)"
        " values ($1, $2, $3, $4, $5, $6, $7::text[], $8, $9)",
        task_id,
        task.lead_id,
        task.handoff_id,
        task.kind,
        task.owner,
        task.team,
        list(task.detail),
        now,
        task.due_at,
    )


async def finish_task(connection: "Connection", task_id: UUID, *, by: str, outcome: str | None, now: datetime) -> None:
    """It is done. Who did it first stays."""
    await connection.execute(
        "update task set done_at = $2, done_by = $3, outcome = $4 where task_id = $1 and done_at is null",
        task_id,
        now,
        by,
        outcome,
    )


async def task(session: AsyncConnection, task_id: UUID) -> dict[str, Any] | None:
    """One task, with what was noted on it."""
    row = (await session.execute(text(f"select {_TASK} from task where task_id = :id"), {"id": task_id})).mappings()
    found = row.one_or_none()
    return None if found is None else dict(found)


async def task_notes(session: AsyncConnection, task_ids: Sequence[UUID]) -> dict[str, str]:
    """What was noted on these tasks, by task."""
    rows = await session.execute(
        text("select subject, text from note where about = 'task' and subject = any(cast(:ids as text[]))"),
        {"ids": [str(task_id) for task_id in task_ids]},
    )
    return {row[0]: row[1] for row in rows}


async def notes_of(session: AsyncConnection, lead_id: UUID) -> list[dict[str, Any]]:
    """All that was typed about a lead, oldest first: what it was about, by whom and when."""
    rows = await session.execute(
        text("select note_id, about, subject, text, by, at from note where lead_id = :id order by at, note_id"),
        {"id": lead_id},
    )
    return [dict(row) for row in rows.mappings()]


async def keep_switch(connection: "Connection", switch_id: UUID, switch: Switch, now: datetime) -> None:
    """The record of a switch."""
    await connection.execute(
        "insert into rep_switch (switch_id, rep, team, available, reason, by, number, at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        switch_id,
        *switch,
        now,
    )


async def switches(session: AsyncConnection) -> dict[str, dict[str, Any]]:
    """The last switch of each rep."""
    rows = await session.execute(
        text("select distinct on (rep) rep, available, reason, by, at from rep_switch order by rep, switch_id desc")
    )
    return {row["rep"]: dict(row) for row in rows.mappings()}


async def open_leads_of(session: AsyncConnection, rep: str, limit: int) -> list[UUID]:
    """The leads that a rep has open work with, longest first."""
    rows = await session.execute(
        text(
            "select lead_id from (select lead_id, handoff_id as since from handoff where owner = :rep"
            " and state <> 'closed' union all select lead_id, handoff_id from opportunity where owner = :rep"
            " and closed_at is null) w order by since limit :limit"
        ),
        {"rep": rep, "limit": limit},
    )
    return [UUID(int=row[0].int) for row in rows]


async def hand_on_tasks(
    connection: "Connection", lead_id: UUID, handoff_id: UUID, *, after: UUID, owner: str, team: str
) -> None:
    """What is still to be done of transferred work is the next owner's: a date with the customer above all."""
    await connection.execute(
        "update task set handoff_id = $3, owner = $4, team = $5 where lead_id = $1 and handoff_id = $2"
        " and done_at is null and kind <> all($6::text[])",
        lead_id,
        handoff_id,
        after,
        owner,
        team,
        list(_CLOSES_WITH_ITS_HANDOFF),
    )
