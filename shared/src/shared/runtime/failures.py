"""Which failures pass by themselves, and the one that leaves a commit in doubt."""

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# connection, transaction rollback, resources (disk full), operator intervention, lock not available, idle in transaction
_PASSING_CLASSES = ("08", "40", "53", "57", "55P03", "25P03", "58")


class Fenced(Exception):
    """Somebody else moved this lane: what was loaded is stale, nothing was changed."""


class CommitInDoubt(Exception):
    """The connection was lost during COMMIT: it happened or it did not. Never retried blindly."""


def is_passing(error: BaseException) -> bool:
    """Whether trying the same again later can succeed without anybody's help."""
    if isinstance(error, Fenced | CommitInDoubt | OSError | TimeoutError | PoolTimeout | asyncpg.InterfaceError):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError):
            return True
        return _passing_state(error.orig) or (isinstance(error, OperationalError) and error.orig is None)
    return _passing_state(error)


_UNKEEPABLE = ("22021", "22P05", "22003", "22000")  # characters and numbers that PostgreSQL or its driver refuses


def is_unkeepable(error: BaseException | None) -> bool:
    """Whether the request itself holds what can't be read or kept: U+0000, lone surrogates, endless nesting."""
    if isinstance(error, UnicodeError | RecursionError | OverflowError):
        return True
    found = error.orig if isinstance(error, DBAPIError) else error
    while found is not None:
        if getattr(found, "sqlstate", None) in _UNKEEPABLE:
            return True
        found = found.__cause__
    return False


def _passing_state(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError | asyncpg.InterfaceError):
            return True
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state.startswith(_PASSING_CLASSES)
        error = error.__cause__
    return False
