"""Door 2, commands: what managers do to clocks. Each is carried out once, under the lead's lock."""

from collections.abc import Awaitable, Callable, Collection
from uuid import UUID

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from shared.http.access import Principal
from shared.http.commands import Ask, Asked, Body, Word
from shared.http.problems import Problem
from shared.runtime.calendars import CALENDARS
from shared.runtime.desk import Answer, Desk
from shared.runtime.work import Work
from sla_watcher import store
from sla_watcher.domain import (
    Clock,
    Transition,
    UnknownCalendar,
    compiled_calendar,
    excuse,
    pause,
    resume,
    waive,
)
from sla_watcher.telling import event_of, shown
from sla_watcher.whose import is_anothers

Outcome = tuple[Clock, Transition] | None


class Why(Body):
    """The reason, such as `illness` or `customer_wish`."""

    reason: Word


class PerhapsWhy(Body):
    """The reason, where there is one to tell."""

    reason: Word | None = None


def add_commands(router: APIRouter, desk: Desk) -> None:
    """The paths of the commands."""

    @router.post("/v1/clocks/{clock_id}/pause")
    async def pause_clock(clock_id: UUID, why: Why, ask: Asked) -> Response:
        """Stop a running clock: until it is resumed it neither warns nor breaches."""

        async def decide(clock: Clock, work: Work) -> Outcome:
            return pause(clock, work.now, why.reason, ask.principal.actor)

        return await _carry_out(desk, ask, clock_id, decide, "it does not run, or its time is up")

    @router.post("/v1/clocks/{clock_id}/resume")
    async def resume_clock(clock_id: UUID, ask: Asked, why: PerhapsWhy | None = None) -> Response:
        """Let a paused clock go on: it is due later by the time that it stood."""

        async def decide(clock: Clock, work: Work) -> Outcome:
            calendars = await work.policy(CALENDARS.kind)
            try:
                calendar = compiled_calendar(clock.calendar, calendars.value)
            except UnknownCalendar as error:
                raise Problem(409, f"{error}; publish a calendars policy that has it", code="no-calendar") from error
            return resume(clock, work.now, calendar, ask.principal.actor, why and why.reason)

        return await _carry_out(desk, ask, clock_id, decide, "it is not paused")

    @router.post("/v1/clocks/{clock_id}/excuse")
    async def excuse_clock(clock_id: UUID, why: Why, ask: Asked) -> Response:
        """Forgive a breach, or let go of a promise before it is one: it no longer counts against the owner."""

        async def decide(clock: Clock, _: Work) -> Outcome:
            return excuse(clock, why.reason, ask.principal.actor) or waive(clock, why.reason, ask.principal.actor)

        return await _carry_out(desk, ask, clock_id, decide, "there is nothing to excuse")


async def _carry_out(
    desk: Desk, ask: Ask, clock_id: UUID, decide: Callable[[Clock, Work], Awaitable[Outcome]], refused: str
) -> Response:
    async with desk.read() as session:
        seen = await store.clock(session, clock_id)
        if seen is None:
            raise Problem(404, "there is no such clock", code="unknown-clock")
        _allow(ask.principal, seen, (await store.holders(session, [seen.lead_id])).get(seen.lead_id, set()))

    async def act(work: Work) -> Answer:
        clock = await store.clock(work.session, clock_id)
        outcome = None if clock is None else await decide(clock, work)
        if clock is None or outcome is None:
            state = seen.state if clock is None else clock.state
            raise Problem(409, f"the clock is {state.value}: {refused}", code="wrong-state", state=state.value)
        after, said = outcome
        await store.keep_clocks(await work.raw(), [after])
        work.emit([event_of(said, work.now)])
        return Answer(200, msgspec.json.encode(shown(after)), after.lead_id)

    answer = await desk.command(ask.command_id, ask.body, seen.lead_id, act)
    return Response(answer.body, answer.status, media_type="application/json")


def _allow(principal: Principal, clock: Clock, had: Collection[tuple[str, str]]) -> None:
    """Let pass the manager of the clock's team; of a clock that is no team's, whose lead others alone had, nobody else's.

    Raises Problem 403.
    """
    if clock.team is None and is_anothers(principal, had):
        raise Problem(403, "this clock's lead is another team's, not one of yours", code="not-yours")
    if principal.teams and clock.team is not None and clock.team not in principal.teams:
        raise Problem(403, f"this clock is team {clock.team}'s, not one of yours", code="not-yours")
