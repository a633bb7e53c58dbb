"""What the reading endpoints share: cursors, masking, JSON, writes that survive a passing failure."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import anyio
import orjson
from starlette.responses import Response

from intake.domain.names import PERSONAL_FIELDS
from shared.http.access import Principal
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.runtime.failures import CommitInDoubt, is_passing
from shared.runtime.work import Work

T = TypeVar("T")

_TRIES = 5
_FIRST_PAUSE_S = 0.05
_SEE_PEOPLE = frozenset({"marketer", "sdr", "rep", "manager", "admin"})


def sees_people(principal: Principal) -> bool:
    """Whether this role is shown who a lead is."""
    return principal.role in _SEE_PEOPLE


def masked(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields without what says who the person is, what they wrote, and URL queries."""
    return {
        name: value.partition("?")[0] if name in ("landing_page", "referrer_url") else value
        for name, value in fields.items()
        if name not in PERSONAL_FIELDS
    }


def answer(value: object, status: int = 200, **headers: str) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(value, default=str), status, headers, "application/json")


def page(rows: list[dict[str, Any]], limit: int, key: str) -> Response:
    """A list with the cursor of its next page."""
    return answer({"items": rows, "next": str(rows[-1][key]) if len(rows) == limit else None})


def cursor_of(text: str | None) -> UUID | None:
    """The cursor of a list. Raises Problem 422."""
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Problem(422, "the cursor is none of ours: use `next` as it came", code="cursor") from None


def shown(at: datetime | None) -> str | None:
    """A time as our answers write it."""
    return at.isoformat().replace("+00:00", "Z") if at is not None else None


async def persistently(desk: Desk, act: Callable[[Work], Awaitable[T]]) -> T:
    """Do a unit of work whose effect is the same however often it is done, again after a passing failure."""
    for attempt in range(_TRIES):
        try:
            async with desk.work() as work:
                done = await act(work)
        except Exception as error:
            if attempt == _TRIES - 1 or not (isinstance(error, CommitInDoubt) or is_passing(error)):
                raise
        else:
            return done
        await anyio.sleep(_FIRST_PAUSE_S * 2**attempt)
    raise AssertionError("unreachable")
