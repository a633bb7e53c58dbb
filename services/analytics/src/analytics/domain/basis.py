"""What the figures are based on: the company's zone for days, what makes an SQL, what counts as answered in time."""

from dataclasses import dataclass
from functools import cache
from typing import Literal, Self
from zoneinfo import ZoneInfo

SqlRule = Literal["tier", "accepted", "opportunity"]
_RULES: dict[str, SqlRule] = {"tier": "tier", "accepted": "accepted", "opportunity": "opportunity"}


@dataclass(frozen=True, slots=True)
class Basis:
    """A lead keeps the basis that it was counted on, so that a change of basis takes out exactly what was put in."""

    zone: str = "UTC"
    sql: SqlRule = "accepted"
    in_time_s: int = 86_400

    @property
    def text(self) -> str:
        """As kept beside a lead's facts."""
        return f"{self.zone} {self.sql} {self.in_time_s}"

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @classmethod
    def read(cls, kept: str) -> Self:
        """The basis of its text."""
        zone, sql, in_time_s = kept.split(" ")
        return cls(zone, sql_rule(sql), int(in_time_s))


read_basis = cache(Basis.read)


def sql_rule(name: str) -> SqlRule:
    """Raises ValueError for an unknown rule."""
    if name not in _RULES:
        raise ValueError(f"what makes an SQL is one of {', '.join(_RULES)}, not {name!r}")
    return _RULES[name]
