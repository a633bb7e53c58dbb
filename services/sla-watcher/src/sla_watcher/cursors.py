"""The cursor of the list of clocks: opaque to callers, checked when it comes back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.http.problems import Problem
from sla_watcher.domain import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_US = timedelta(microseconds=1)


def write_cursor(last: Clock) -> str:
    return f"{(last.due_at - _EPOCH) // _ONE_US}.{last.clock_id}"


def read_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Raises Problem 422 for what is no cursor of ours."""
    if cursor is None:
        return None
    due_us, _, clock_id = cursor.partition(".")
    try:
        return _EPOCH + int(due_us) * _ONE_US, UUID(clock_id)
    except (ValueError, OverflowError):
        raise Problem(
            422, "this is no cursor: take `next` of the page before, or leave it out to start", code="cursor"
        ) from None
