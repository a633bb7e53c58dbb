"""Instants as whole microseconds since 1970 (UTC): exact, hashable and quick to keep in a dossier."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DAY_US = 86_400_000_000


def to_us(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def from_us(instant_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant_us)
