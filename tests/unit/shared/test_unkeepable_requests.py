"""What can't be kept is the sender's to mend: a clear 422, never a 500."""

import asyncpg
import httpx
import pytest
from fastapi import APIRouter
from sqlalchemy.exc import DBAPIError

from shared.http.access import KeyRing
from shared.http.app import build
from shared.http.problems import Problem


def wrapped(error: Exception) -> DBAPIError:
    return DBAPIError("insert", {}, error)


FAULTS = {
    "nul": wrapped(asyncpg.CharacterNotInRepertoireError("invalid byte sequence for encoding")),
    "too-large": wrapped(asyncpg.DataError("value out of int64 range")),
    "surrogate": UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    "nesting": RecursionError("maximum recursion depth exceeded"),
}


async def answered(error: Exception) -> httpx.Response:
    router = APIRouter()

    @router.get("/health/live")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app=build([router], {"intake": KeyRing()}), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://baton") as http:
        return await http.get("/health/live")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_request_that_cannot_be_kept_is_told_so(fault: str) -> None:
    answer = await answered(FAULTS[fault])
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:baton:problem:unkeepable")


async def test_a_fault_of_ours_stays_a_500() -> None:
    assert (await answered(wrapped(asyncpg.DivisionByZeroError("division by zero")))).status_code == 500


async def test_a_problem_may_quote_half_a_surrogate_pair() -> None:
    answer = await answered(Problem(422, "no event \ud800", code="events"))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("no event")
