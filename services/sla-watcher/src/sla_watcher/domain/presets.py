"""The SLA presets, in the shape of the policy file."""

from collections.abc import Mapping
from typing import Final

_UNTOUCHED: Final = {"name": "untouched", "from": "assigned", "within": "48h", "hours": "elapsed", "then": "recycle"}
_SILENT: Final = {
    "name": "silent",
    "from": "contacted",
    "within": "7d",
    "hours": "elapsed",
    "then": "remind_then_nurture",
    "remind_for": "1d",
}
_OWNER_FOUND: Final = {"name": "owner_found", "from": "qualified", "within": "15m", "hours": "business"}
_ANY_OTHER: Final = {
    "name": "first_contact",
    "from": "assigned",
    "within": "24h",
    "hours": "elapsed",
    "warn_at": [0.5, 0.9],
}

PRESETS: Final[Mapping[str, Mapping[str, object]]] = {
    "eighty-sixty": {
        "calendar": "office",
        "promises": [
            {
                "name": "first_contact",
                "from": "assigned",
                "when": "score >= 80",
                "within": "2h",
                "hours": "business",
                "warn_at": [0.5, 0.9],
                "met_by": "attempt",
            },
            _ANY_OTHER,
            _UNTOUCHED,
            _SILENT,
            _OWNER_FOUND,
        ],
    },
    "abcd": {"calendar": "office", "promises": [_ANY_OTHER, _UNTOUCHED, _SILENT, _OWNER_FOUND]},
}
