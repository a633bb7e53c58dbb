"""How every request is read, allowed and answered: who asks, whose rows they see, commands carried out once."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar, cast
from uuid import UUID

import msgspec
from fastapi import Depends, Query, Response
from pydantic import AwareDatetime, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from router.cases import Case
from router.domain.facts import Actor, Refused, Step
from router.store.lists import Page, Scope
from router.turn import Turn, begin, finish, pass_calls_on, settle
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.commands import Ask
from shared.http.passes import Opens, new_pass
from shared.http.problems import Problem
from shared.runtime.clock import system_clock
from shared.runtime.desk import Answer, Desk
from shared.runtime.work import Work

Text = Annotated[str, Field(max_length=10_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[int, Field(ge=0, le=2**62)]
FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
Instant = Annotated[AwareDatetime, Field(ge=FIRST, le=LAST)]
"""The driver gives the first and the last instants that there are back as infinities, which compare with none."""
READS_NOTES: Final = frozenset({"sdr", "rep", "manager", "marketer", "admin"})

_STATUS: Final = {
    "erased": 410,
    "unknown_lead": 404,
    "unknown_handoff": 404,
    "unknown_opportunity": 404,
    "not_owner": 403,
    "not_manager": 403,
    "handoff_closed": 409,
    "already_open": 409,
    "no_open_handoff": 409,
    "not_in_pool": 409,
    "not_claimable": 409,
    "claim_cap_day": 409,
    "claim_cap_open": 409,
    "not_forward": 409,
    "not_activated": 409,
    "opportunity_closed": 409,
    "opportunity_open": 409,
    "not_allowed": 403,
    "already_owned": 409,
    "already_there": 409,
    "invalid_lead": 409,
    "not_assignable": 409,
    "not_movable": 409,
    "not_sdr_step": 409,
    "nothing_open": 409,
    "same_owner": 409,
}
"""All other refusals are 422: the request itself lacks something."""

T = TypeVar("T")
Change = Callable[[Turn, Case], Awaitable[None]]
Reply = Callable[[AsyncConnection, Case], Awaitable[Answer]]


def actor(ask: Ask) -> Actor:
    """The caller, as the domain knows callers."""
    role = cast('Literal["sdr", "rep", "manager", "admin", "marketer", "operator", "system"]', ask.principal.role)
    return Actor(ask.principal.actor, role)


async def paged(cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> Page:
    """The page that was asked for (FastAPI dependency)."""
    return Page(cursor, limit)


Paged = Annotated[Page, Depends(paged)]
Caller = Annotated[Principal, Depends(caller)]


async def carry_out(desk: Desk, ask: Ask, lead_id: UUID, change: Change, reply: Reply) -> Response:
    """Change one lead exactly once, settle what follows, and answer with what then stands in the store."""

    async def act(work: Work) -> Answer:
        turn = await begin(work)
        await turn.load({lead_id: desk.lane(lead_id)})
        case = turn.cases[lead_id]
        if case.dossier.erased_at is not None:
            raise Problem(410, "the lead was erased", code="erased")
        if case.dossier.captured_at is None:
            raise Problem(404, f"no lead {lead_id} is known here", code="unknown-lead")
        await change(turn, case)
        await settle(turn, turn.cases.values())
        pass_calls_on(turn)
        await finish(turn, work)
        return await reply(work.session, case)

    answer = await desk.command(ask.command_id, ask.body, lead_id, act)
    return Response(answer.body, answer.status, media_type="application/json")


def done(outcome: Step | Refused) -> Step:
    """The step.

    Raises Problem for a refusal, with the names of what is missing.
    """
    if isinstance(outcome, Refused):
        extra: dict[str, Any] = {"missing": list(outcome.missing)} if outcome.missing else {}
        status = _STATUS.get(outcome.code, 422)
        raise Problem(status, outcome.detail, code=outcome.code.replace("_", "-"), **extra)
    return outcome


def typed(reason: str, known: Sequence[str]) -> str:
    """The reason, if the policy has it.

    Raises Problem 422 with those it has.
    """
    if reason not in known:
        detail = f"no reason {reason!r}: use one of {', '.join(known)}, or add it to the routing policy"
        raise Problem(422, detail, code="unknown-reason", missing=list(known))
    return reason


def found(value: T | None, what: str) -> T:
    """The value.

    Raises Problem 404 where there is none.
    """
    if value is None:
        raise Problem(404, f"there is no such {what}", code=f"unknown-{what}")
    return value


def allow(principal: Principal, owner: str | None, team: str | None) -> None:
    """Let pass who may see and touch what this owner of this team has.

    Raises Problem 403.
    """
    scope = scope_of(principal)
    if (scope.owner is not None and scope.owner != owner) or (scope.teams is not None and team not in scope.teams):
        raise Problem(403, f"this is {owner}'s of team {team}, not yours", code="not-owner")


def scope_of(principal: Principal, owner: str | None = None) -> Scope:
    """Whose rows a caller sees: a rep's own, a manager's teams', else all.

    Raises Problem 403 where `owner` is somebody a rep may not look at.
    """
    own = principal.role == "rep" or (principal.role == "sdr" and principal.rep is not None)
    if not own:
        return Scope(None, None if principal.bound_teams is None else sorted(principal.bound_teams))
    if owner is not None and owner != principal.rep:
        raise Problem(403, "you see your own list only; leave owner out", code="not-owner")
    return Scope(principal.rep or "")


def passed(desk: Desk, principal: Principal, item: dict[str, Any], opens: Opens) -> dict[str, Any]:
    """A row that a rep or a manager of teams may see, with the pass by which other services let them read its lead."""
    return item if principal.sees_all_leads else {**item, "pass": pass_of(desk, principal, item["lead_id"], opens)}


def pass_of(desk: Desk, principal: Principal, lead_id: UUID, opens: Opens) -> str | None:
    """The caller's pass to a lead (`?pass=`), from now on."""
    return new_pass(desk.secrets, principal, lead_id, opens, system_clock())


def listed(items: Sequence[dict[str, Any]], page: Page, key: str) -> Response:
    """A page of a list."""
    more = len(items) == page.limit
    return json({"items": items, "next": items[-1][key] if more else None})


def answer(body: Any, lead_id: UUID, status: int = 200) -> Answer:
    """A command's answer, kept with its effect."""
    return Answer(status, msgspec.json.encode(body), lead_id)


def json(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def at_most(instant: datetime | None, now: datetime) -> datetime:
    """When it happened, if it was said; else now."""
    return now if instant is None else instant
