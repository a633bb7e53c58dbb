"""Reads instants as vendors write them: seconds, milliseconds, ISO with or without a zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_LAST_SECOND = 100_000_000_000  # beyond it a number counts milliseconds
_FIRST_SECOND = 100_000_000
_DATE_DIGITS = 8
_MAX_DIGITS = 16


def instant(text: str, zone: str) -> datetime | None:
    """The instant in UTC, or None where the text is none. A time without a zone is in `zone`."""
    written = text.strip()
    try:
        if written.isascii() and written.isdigit() and len(written) != _DATE_DIGITS:
            return _epoch(int(written)) if len(written) <= _MAX_DIGITS else None
        found = datetime.fromisoformat(written)
        return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _epoch(number: int) -> datetime | None:
    if number < _FIRST_SECOND:
        return None
    whole, fraction = (number, 0) if number < _LAST_SECOND else divmod(number, 1000)
    if whole >= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=fraction * 1000)
