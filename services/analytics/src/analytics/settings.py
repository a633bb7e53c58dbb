"""The few technical values of analytics, from the environment; what a figure means is in domain/basis.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from analytics.domain.basis import Basis, sql_rule


@dataclass(frozen=True, slots=True)
class Settings:
    """`currency` is shown where no amount names one, and first where several do."""

    basis: Basis = field(default_factory=Basis)
    currency: str = "USD"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """BATON_TIMEZONE, BATON_CURRENCY, BATON_SQL (tier, accepted, opportunity), BATON_IN_TIME_S.

    Raises ValueError that names the variable.
    """
    zone = environment.get("BATON_TIMEZONE") or "UTC"
    if zone not in available_timezones():
        raise ValueError(f"BATON_TIMEZONE: {zone!r} is no IANA time zone; write it like Asia/Ho_Chi_Minh")
    try:
        basis = Basis(
            zone,
            sql_rule(environment.get("BATON_SQL") or "accepted"),
            int(environment.get("BATON_IN_TIME_S") or Basis().in_time_s),
        )
    except ValueError as error:
        raise ValueError(f"BATON_SQL, BATON_IN_TIME_S: {error}") from error
    return Settings(basis, environment.get("BATON_CURRENCY") or "USD")
