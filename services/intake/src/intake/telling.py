"""Events that more than one way in has to tell."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from intake.domain.submission import Submission
from shared.contracts import Event, LeadConsented, LeadEngaged


def consents(submission: Submission, submission_id: UUID, lead_id: UUID, known: object, now: datetime) -> list[Event]:
    """Consent that a submission gives or withdraws, by purpose, where it is not what is `known` already."""
    before: Mapping[object, object] = known if isinstance(known, dict) else {}
    return [
        LeadConsented(
            lead_id=lead_id,
            occurred_at=submission.occurred_at,
            recorded_at=now,
            correlation=submission_id,
            purpose=purpose,
            granted=granted,
        )
        for purpose, granted in submission.consented.items()
        if before.get(purpose) is not granted
    ]


def woken_event(row: dict[str, Any], now: datetime) -> LeadEngaged:
    """The event of an engagement that waited for its lead."""
    occurred_at = row["occurred_at"]
    return LeadEngaged(
        lead_id=UUID(str(row["lead_id"])),
        occurred_at=datetime.fromisoformat(occurred_at) if isinstance(occurred_at, str) else occurred_at,
        recorded_at=now,
        engagement_id=UUID(str(row["engagement_id"])),
        kind=row["kind"],
        content=row["content"],
    )
