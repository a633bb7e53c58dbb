"""Builders of the router's values, with the fewest words a test needs."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from router.domain.dossier import Dossier
from router.domain.facts import Refused, Step
from router.domain.rules import Policy, compile_policy
from shared.contracts.attributes import Attributes

MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # nine o'clock in Hà Nội
LEAD = UUID(int=1)


def at(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def an_id(*names: object) -> UUID:
    return uuid5(LEAD, "/".join(str(name) for name in names))


def a_policy(version: int = 1, /, **document: object) -> Policy:
    return compile_policy(document, version=version)


def a_team(*reps: object, **more: object) -> dict[str, object]:
    return {"zone": "Asia/Ho_Chi_Minh", "reps": [{"id": rep} if isinstance(rep, str) else rep for rep in reps], **more}


@dataclass(frozen=True)
class OfficeHours:
    """Open from 9 to 18 in Hà Nội, every day."""

    zone_offset: timedelta = field(default=timedelta(hours=7))

    def is_open(self, _calendar: str, at: datetime, /) -> bool:
        return 9 <= (at + self.zone_offset).hour < 18

    def next_opening(self, calendar: str, at: datetime, /) -> datetime:
        if self.is_open(calendar, at):
            return at
        local = at.astimezone(UTC) + self.zone_offset
        opening = local.replace(hour=9, minute=0, second=0, microsecond=0)
        return (opening if local < opening else opening + timedelta(days=1)) - self.zone_offset


def a_lead(**attributes: object) -> Attributes:
    return Attributes(**attributes)  # pyright: ignore[reportArgumentType]


def done(outcome: Step | Refused) -> Dossier:
    assert isinstance(outcome, Step), outcome
    return outcome.dossier


def refused(outcome: Step | Refused) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome
