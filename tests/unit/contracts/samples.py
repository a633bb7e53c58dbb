"""One full and one minimal event of every type: the samples that the golden corpus is written from.

`python -m tests.unit.contracts.samples` writes the snapshots that are missing and never changes one that is there.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin
from uuid import UUID, uuid5

import msgspec

from shared.contracts import Event, encode, event_types

SNAPSHOTS: Final = Path(__file__).parent / "snapshots"
FORMS: Final = ("full", "minimal")
_LEAD: Final = UUID("0197a3c2-5b1e-7c3a-9f00-3d2f6a9b4c11")
_INSTANTS: Final = {
    "occurred_at": datetime(2026, 3, 2, 2, 0, 0, 123456, UTC),
    "recorded_at": datetime(2026, 3, 2, 2, 0, 1, tzinfo=UTC),
}
_LATER: Final = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
_TEXT: Final = {
    "action": "assign", "ad": "Video 15s", "ad_group": "Giám đốc nhà máy", "ad_group_id": "2385", "ad_id": "2386",
    "annual_revenue": "10m-50m", "by": "ann", "budget": "50k-100k", "budget_cycle": "yearly", "cadence": "warm-up", "calendar": "office",
    "campaign": "Xuân 2026", "campaign_id": "2384", "cause": "untouched", "channel": "phone", "city": "Hà Nội",
    "cleared": "industry", "company_domain": "example.com", "company_size": "51-200", "content": "white-paper-mes",
    "country": "VN", "currency": "VND", "current_project": "yes", "department": "production", "door": "meta-main",
    "event": "Vietnam Manufacturing Expo", "fallbacks": "thanks",
    "hours": "office", "industry": "manufacturing", "keyword": "phần mềm mes",
    "kind": "demo_requested", "label": "SQL", "landing_page": "https://baton.example/mes",
    "landing_page_version": "b", "language": "vi", "manager": "minh", "marketing_owner": "lan", "owner": "ann",
    "overruled": "capacity_day", "pool": "nurture", "previous": "new", "previous_owner": "ann", "previous_tier": "mql",
    "product": "mes", "promise": "first_contact", "purpose": "marketing",
    "reason": "capacity", "region": "north", "rep": "ann", "result": "reached", "rule": "north", "segment": "large",
    "skipped": "full", "source": "search", "stage": "proposal", "status": "contacted", "strategy": "rotation",
    "tags": "khách hàng cũ", "team": "north", "then": "recycle", "tier": "sql", "timeframe": "0-3 months",
    "title_level": "director",
}  # fmt: skip


def sample(wire: str, form: str) -> Event:
    """An event with every field set to something other than its default, or with the required ones alone."""
    return _struct(event_types()[wire], full=form == "full")


def snapshot_path(wire: str, form: str) -> Path:
    return SNAPSHOTS / f"{wire}.{form}.json"


def snapshot(event: Event) -> bytes:
    """The event's bytes as they go over the wire, indented; nothing but white space differs."""
    return msgspec.json.format(encode(event), indent=2) + b"\n"


def every() -> Iterator[tuple[str, str]]:
    for wire in sorted(event_types()):
        for form in FORMS:
            yield wire, form


def _struct(made: type[Any], *, full: bool) -> Any:
    fields = msgspec.structs.fields(made)
    return made(**{field.name: _value(field.name, field.type, full=full) for field in fields if full or field.required})


def _value(name: str, kind: Any, *, full: bool) -> Any:
    origin, arguments = get_origin(kind), [each for each in get_args(kind) if each not in (NoneType, Ellipsis)]
    if origin in (Annotated, Union, UnionType):
        return _value(name, arguments[0], full=full)
    if origin is tuple:
        return (_value(name, arguments[0], full=full),)
    if issubclass(kind, msgspec.Struct):
        return _struct(kind, full=full)
    return _plain(name, kind)


def _plain(name: str, kind: type) -> UUID | datetime | str | bool | int:
    if kind is UUID:
        return _LEAD if name == "lead_id" else uuid5(_LEAD, name)
    if kind is datetime:
        return _INSTANTS.get(name, _LATER)
    if kind is str:
        return _TEXT[name]
    return not _default_of(name) if kind is bool else 3


def _default_of(name: str) -> bool:
    """Booleans whose default is true; a full event has the other value, so that it is written."""
    return name in {"ends_episode", "without_owner"}


if __name__ == "__main__":
    for each_wire, each_form in every():
        path = snapshot_path(each_wire, each_form)
        if not path.exists():
            path.write_bytes(snapshot(sample(each_wire, each_form)))
