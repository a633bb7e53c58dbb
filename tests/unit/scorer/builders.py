"""Leads, scorecards and instants for the scorer's tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from scorer.domain.dossier import EMPTY, Dossier, Value, captured, engaged
from scorer.domain.parse import parse
from scorer.domain.scorecard import Scorecard

POLICY = Path(__file__).parents[3] / "policy" / "scorecard"
START = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)  # a Monday


def preset(name: str) -> Scorecard:
    return scorecard_of(yaml.safe_load((POLICY / f"{name}.yaml").read_text()))


def scorecard_of(document: object, version: int = 1) -> Scorecard:
    parsed = parse(document, version)
    assert parsed.scorecard is not None, [str(problem) for problem in parsed.problems]
    return parsed.scorecard


def a_document(**changes: Any) -> dict[str, Any]:
    """A small, valid scorecard document; keyword arguments replace its keys."""
    document: dict[str, Any] = {
        "tiers": [
            {"name": "raw", "from": 0, "action": "store"},
            {"name": "mql", "from": 60, "action": "nurture", "label": "MQL"},
            {"name": "sql", "from": 80, "action": "assign", "label": "SQL"},
        ],
        "groups": [{"name": "fit"}, {"name": "behaviour"}],
        "rules": [
            {"id": "industry", "group": "fit", "points": 50, "when": 'lead.industry == "manufacturing"'},
            {"id": "demo", "group": "behaviour", "points": 30, "kind": "demo_requested"},
            {"id": "price", "group": "behaviour", "points": 10, "kind": "price_page_viewed"},
        ],
        "high_value": ["demo_requested", "price_page_viewed"],
        "qualify": "score >= 80",
    }
    return document | changes


def after(days: float = 0, *, minutes: float = 0) -> datetime:
    return START + timedelta(days=days, minutes=minutes)


def a_lead(*, is_test: bool = False, at: datetime = START, **attributes: Value) -> Dossier:
    return captured(EMPTY, fact_id="captured", occurred_at=at, attributes=attributes, is_test=is_test)


def did(dossier: Dossier, kind: str, at: datetime = START, *, key: str | None = None, content: str = "") -> Dossier:
    return engaged(dossier, engagement_id=key or f"{kind}@{at.isoformat()}", kind=kind, occurred_at=at, content=content)
