"""An attempt to reach a lead, as somebody logs it: with whom is decided where it belongs, the rest is the same."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from router.domain.dossier import Contact
from router.domain.facts import Actor, Refused


class Attempt(NamedTuple):
    """What is logged, by whom, and when (`now`)."""

    id: UUID
    channel: str
    result: str
    occurred_at: datetime
    by: Actor
    now: datetime
    next_step_at: datetime | None = None
    max_backdate_h: int = 24


def noted(attempt: Attempt, handoff_id: UUID, *, since: datetime | None, since_what: str) -> Contact | Refused:
    """The contact on a handoff, or on what stands for one. It lies between `since` (None: not yet) and now."""
    if since is None or not since <= attempt.occurred_at <= attempt.now:
        return Refused("occurred_outside", f"a contact lies between {since_what} and now", ("occurred_at",))
    if attempt.next_step_at is not None and attempt.next_step_at <= attempt.occurred_at:
        return Refused("next_step_before_contact", "the next step lies after the contact", ("next_step_at",))
    return Contact(
        id=attempt.id,
        handoff_id=handoff_id,
        by=attempt.by.who,
        channel=attempt.channel,
        result=attempt.result,
        occurred_at=attempt.occurred_at,
        recorded_at=attempt.now,
        next_step_at=attempt.next_step_at,
        unproven=attempt.now - attempt.occurred_at > timedelta(hours=attempt.max_backdate_h),
    )
