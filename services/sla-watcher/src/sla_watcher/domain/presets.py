"""The presets of SLA and nurture, in the shape of the policy files."""

from collections.abc import Mapping
from typing import Final

_UNTOUCHED: Final = {
    "name": "untouched",
    "from": "assigned",
    "within": "48h",
    "hours": "elapsed",
    "then": "recycle",
    "quiet": True,
}
_SILENT: Final = {
    "name": "silent",
    "from": "contacted",
    "within": "7d",
    "hours": "elapsed",
    "then": "remind_then_nurture",
    "remind_for": "1d",
    "quiet": True,
}
_OWNER_FOUND: Final = {"name": "owner_found", "from": "qualified", "within": "15m", "hours": "business", "quiet": True}
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

# The tier in which marketing keeps a lead warm: `mql` of eighty-sixty, `B` of abcd.
NURTURE: Final[Mapping[str, object]] = {
    "calendar": "office",
    "consent": "marketing",
    "pool": "warm_up",
    "cadences": [
        {
            "name": "warm_up",
            "when": 'tier == "mql" || tier == "B"',
            "by": ["industry", "title_level"],
            "steps": [
                {"day": 0, "content": "thanks"},
                {"day": 3, "content": "best_practice"},
                {"day": 7, "content": "demo_video"},
                {"day": "10..14", "content": "invitation"},
            ],
        }
    ],
}
