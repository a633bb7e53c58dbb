"""What a further submission changes of a known lead."""

from collections.abc import Mapping
from typing import Any

# Where the lead came from: told once, by the first submission that knows it; later ones are engagements.
ORIGIN = frozenset(
    {"source", "door", "campaign", "campaign_id", "ad_group", "ad_group_id", "asset_group_id", "ad", "ad_id", "keyword",
     "content", "event", "landing_page", "landing_page_version", "referrer_url", "form_id"}
)  # fmt: skip
_STAYS = frozenset({"name", "email", "phone", "created_at"})

Values = Mapping[str, Any]


def changed_attributes(older: Values, newer: Values) -> dict[str, Any]:
    """The attributes that a further submission sets to something else; the origin stays where there is one."""
    came_from_somewhere = "source" in older
    changed: dict[str, Any] = {}
    for name, value in newer.items():
        if name == "tags":
            added = [tag for tag in value if tag not in older.get("tags", ())]
            if added:
                changed["tags"] = [*older.get("tags", ()), *added]
        elif name in ORIGIN:
            if not came_from_somewhere and name not in older:
                changed[name] = value
        elif older.get(name) != value:
            changed[name] = value
    return changed


def merged_fields(older: Values, newer: Values) -> dict[str, Any]:
    """The lead's fields after a further submission: who it is and where it came from stay, the rest is the newest."""
    merged = dict(older)
    came_from_somewhere = "source" in older
    for name, value in newer.items():
        stays = name in _STAYS or (name in ORIGIN and came_from_somewhere)
        if isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = {**merged[name], **value}
        elif not stays or name not in merged:
            merged[name] = value
    return merged
