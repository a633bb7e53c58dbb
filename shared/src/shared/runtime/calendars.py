"""The calendars policy, kept by router and sla-watcher alike: parsed and compiled once per version."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from shared.calendars import Compiled, InvalidCalendars, compile_calendar, parse_calendars
from shared.runtime.policies import PolicyDefinition, PolicyInvalid


def parse(body: Mapping[str, Any]) -> Mapping[str, Compiled]:
    """Every calendar of the policy by name, ready for arithmetic.

    Raises PolicyInvalid.
    """
    try:
        calendars = parse_calendars(dict(body))
    except InvalidCalendars as error:
        raise PolicyInvalid([f"{each.path}: {each.what}; {each.fix}" for each in error.problems]) from error
    return MappingProxyType({name: compile_calendar(calendar) for name, calendar in calendars.items()})


CALENDARS: Final = PolicyDefinition(
    kind="calendars",
    parse=parse,
    read_roles=frozenset({"admin", "operator", "manager", "marketer", "analyst", "viewer"}),
    write_roles=frozenset({"admin", "manager"}),
    preset={
        "calendars": {
            "always": {},
            "office": {"zone": "Asia/Ho_Chi_Minh", "open": {"mon-fri": ["09:00-18:00"]}, "holidays": "VN"},
            "office-cn": {"zone": "Asia/Shanghai", "open": {"mon-fri": ["09:00-18:00"]}, "holidays": "CN"},
        }
    },
)
