"""Waiting for PostgreSQL at a start: whatever passes is waited out, what a person must mend is said in a plain sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from shared.runtime.failures import is_passing

log = structlog.get_logger("start")

R = TypeVar("R")

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_SAY_AGAIN = 12
_FOR_A_PERSON = {
    "28P01": "PostgreSQL refuses the password",
    "28000": "PostgreSQL refuses this user",
    "3D000": "this database does not exist",
    "42501": "the user may not do what Baton needs",
}


class Unusable(Exception):
    """The database can't be used until a person mends something."""


async def patiently(database: str, attempt: Callable[[], Awaitable[R]]) -> R:
    """The attempt's result, as soon as PostgreSQL lets it; it may run several times.

    Raises Unusable, or what the attempt raises that passes not by itself.
    """
    pause_s, tries = _FIRST_PAUSE_S, 0
    while True:
        try:
            result = await attempt()
        except Exception as error:
            why = _for_a_person(error)
            if why is not None:
                raise Unusable(f"{database}: {why}; look at BATON_POSTGRES") from error
            if not is_passing(error):
                raise
            if tries % _SAY_AGAIN == 0:
                log.warning("waiting for PostgreSQL", what=database, why=f"{type(error).__name__}: {error}")
            tries += 1
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
        else:
            if tries:
                log.info("PostgreSQL is there", what=database)
            return result


def _for_a_person(error: BaseException) -> str | None:
    """The sentence for a person, with the server's own words: those of the innermost error."""
    found, inner = None, error
    while inner is not None:
        words = _FOR_A_PERSON.get(str(getattr(inner, "sqlstate", "")))
        found = f"{words} ({inner})" if words is not None else found
        inner = inner.__cause__
    return found
