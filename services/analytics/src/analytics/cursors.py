"""Cursors of the paged answers: opaque to callers, checked when they come back."""

import base64
import binascii
from collections.abc import Mapping
from datetime import date
from uuid import UUID

import msgspec

from shared.http.problems import Problem


def write_drill_cursor(after: tuple[date, UUID] | None) -> str | None:
    return None if after is None else f"{after[0].isoformat()}.{after[1]}"


def read_drill_cursor(cursor: str | None) -> tuple[date, UUID] | None:
    """Raises Problem 422 for what is no cursor of ours."""
    if cursor is None:
        return None
    day, _, lead_id = cursor.partition(".")
    try:
        return date.fromisoformat(day), UUID(lead_id)
    except ValueError:
        raise _no_cursor() from None


def write_event_cursor(after: Mapping[int, int], partitions: int) -> str:
    """The last number of each lane."""
    packed = msgspec.msgpack.encode([after.get(lane, 0) for lane in range(partitions)])
    return base64.urlsafe_b64encode(packed).decode()


def read_event_cursor(cursor: str | None, partitions: int) -> dict[int, int]:
    """Raises Problem 422 for what is no cursor of ours."""
    if not cursor:
        return {}
    try:
        numbers = msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor), type=list[int])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise _no_cursor() from None
    if len(numbers) != partitions or not all(0 <= number < 2**63 for number in numbers):
        raise _no_cursor()
    return dict(enumerate(numbers))


def _no_cursor() -> Problem:
    return Problem(422, "this is no cursor: take `next` of the page before, or leave it out to start", code="cursor")


def write_spend_cursor(day: date, key: str) -> str:
    return f"{day.isoformat()}.{key}"


def read_spend_cursor(cursor: str | None) -> tuple[date, str] | None:
    """Raises Problem 422 for what is no cursor of ours."""
    if cursor is None:
        return None
    day, _, key = cursor.partition(".")
    try:
        return date.fromisoformat(day), key
    except ValueError:
        raise _no_cursor() from None
