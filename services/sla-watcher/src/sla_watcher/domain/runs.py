"""Runs of a cadence as they are kept: each step with its due instant, said once. Facts open and stop them, time says."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec.structs import replace

from shared.calendars import next_opening
from sla_watcher.domain.cadences import Cadence, NurturePolicy, choose
from sla_watcher.domain.care import Spell
from sla_watcher.domain.clocks import Calendars, compiled_calendar
from sla_watcher.domain.naming import named


class StepState(StrEnum):
    WAITING = "waiting"
    SAID = "said"
    STOPPED = "stopped"
    SKIPPED = "skipped"


class Due(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One step of a run; the row's token: said once. `number` counts from 1."""

    number: int
    day: int
    content: str
    due_at: datetime
    pieces: tuple[str, ...] = ()
    said_at: datetime | None = None


class Run(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One cadence in one episode of a lead. `open_since` None: stopped, for this `reason`."""

    nurture_id: UUID
    lead_id: UUID
    cadence: str
    episode: int
    policy_version: int
    started_at: datetime
    steps: tuple[Due, ...]
    open_since: datetime | None = None
    stopped_at: datetime | None = None
    reason: str | None = None


class Plan(msgspec.Struct, frozen=True, gc=False):
    """What decides new runs: the nurture policy in force."""

    policy: NurturePolicy
    version: int


def settle(
    lead_id: UUID, called_for: Iterable[Spell], recorded: Mapping[UUID, Run], plan: Plan, calendars: Calendars
) -> list[Run]:
    """The runs to write, new or changed, for what the facts call for; what no fact calls for any more is over.

    Raises UnknownCalendar where a step is to be reckoned on a calendar that is not known.
    """
    changed: list[Run] = []
    others = dict(recorded)
    for spell in called_for:
        nurture_id = named(lead_id, f"nurture:{spell.cadence}:{spell.episode}")
        before = others.pop(nurture_id, None)
        cadence = plan.policy.cadence(spell.cadence)
        run = before or (None if cadence is None else _run(nurture_id, lead_id, spell, cadence, plan, calendars))
        if run is None:
            continue
        after = _as_called_for(run, spell, cadence, plan, calendars)
        if after != before:
            changed.append(after)
    return changed + [_over(run) for run in others.values() if run.open_since is not None]


def next_step_at(run: Run) -> datetime | None:
    """When a step is due next; None where none will be."""
    since = run.open_since
    if since is None:
        return None
    return min((each.due_at for each in run.steps if each.said_at is None and each.due_at >= since), default=None)


def fall_due(run: Run, now: datetime) -> tuple[Run, list[Due]]:
    """The run at `now`, and the steps that it says: each once, those missed while nobody looked too."""
    since = run.open_since
    if since is None:
        return run, []
    due = [each for each in run.steps if each.said_at is None and since <= each.due_at <= now]
    numbers = {each.number for each in due}
    steps = tuple([replace(each, said_at=now) if each.number in numbers else each for each in run.steps])
    return (replace(run, steps=steps) if due else run), due


def state_of(run: Run, step: Due) -> StepState:
    """Skipped: its time came and went while the run was stopped, before it was opened again."""
    if step.said_at is not None:
        return StepState.SAID
    if run.open_since is None:
        return StepState.STOPPED
    return StepState.WAITING if step.due_at >= run.open_since else StepState.SKIPPED


def _run(nurture_id: UUID, lead_id: UUID, spell: Spell, cadence: Cadence, plan: Plan, calendars: Calendars) -> Run:
    steps = [
        Due(number, step.day, step.content, _due_at(spell.started_at, step.day, cadence, calendars))
        for number, step in enumerate(cadence.steps, 1)
    ]
    return Run(nurture_id, lead_id, cadence.name, spell.episode, plan.version, spell.started_at, tuple(steps))


def _due_at(started_at: datetime, day: int, cadence: Cadence, calendars: Calendars) -> datetime:
    """Days are elapsed; what falls in closed hours waits for the next opening."""
    at = started_at + timedelta(days=day)
    calendar = compiled_calendar(cadence.calendar, calendars)
    return at if calendar is None else next_opening(calendar, at)


def _as_called_for(run: Run, spell: Spell, cadence: Cadence | None, plan: Plan, calendars: Calendars) -> Run:
    """Open or stopped as the facts have it; what is not said yet is chosen by what is known now."""
    steps = run.steps
    if cadence is not None:
        moved = spell.started_at != run.started_at
        steps = tuple(
            [each if each.said_at else _chosen(each, spell, cadence, plan, calendars, moved=moved) for each in steps]
        )
    return replace(
        run,
        started_at=spell.started_at,
        steps=steps,
        open_since=spell.open_since,
        stopped_at=spell.stopped_at,
        reason=spell.reason,
    )


def _chosen(step: Due, spell: Spell, cadence: Cadence, plan: Plan, calendars: Calendars, *, moved: bool) -> Due:
    pieces = choose(step.content, cadence, spell.profile, spell.episode, plan.policy.contents)
    due_at = _due_at(spell.started_at, step.day, cadence, calendars) if moved else step.due_at
    return replace(step, pieces=pieces, due_at=due_at)


def _over(run: Run) -> Run:
    """No fact calls for it any more: its lead was erased, or is a test, or came by an import."""
    return replace(run, open_since=None, reason=run.reason or "superseded")
