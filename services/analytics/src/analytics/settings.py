"""The few technical values of analytics, from the environment; what a figure means is in domain/basis.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from analytics.domain.basis import Basis, sql_rule


@dataclass(frozen=True, slots=True)
class Settings:
    """`currency` is shown where no amount names one, and first where several do.

    Revenue from `sales_sources`, or from no known source, is not marketing's.
    """

    basis: Basis = field(default_factory=Basis)
    currency: str = "USD"
    sales_sources: frozenset[str] = frozenset({"own_list", "sales"})


def from_environment(environment: Mapping[str, str]) -> Settings:
    """BATON_TIMEZONE, BATON_CURRENCY, BATON_SQL (tier, accepted, opportunity), BATON_IN_TIME_S, BATON_SALES_SOURCES.

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
    written = environment.get("BATON_SALES_SOURCES")
    sales = Settings().sales_sources if written is None else frozenset(each.strip() for each in written.split(","))
    return Settings(basis, environment.get("BATON_CURRENCY") or "USD", sales - {""})
