"""Leads as intake, scorer and sla-watcher tell of them, and a routing policy, with the fewest words a test needs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.contracts import (
    Attributes,
    ClockBreached,
    Event,
    LeadAssigned,
    LeadCaptured,
    LeadEngaged,
    LeadErased,
    LeadQualified,
    LeadScored,
    LeadUpdated,
)
from tests.support.harness import MONDAY_NINE, Bench

_ROOT = UUID(int=7)


def an_id(*names: object) -> UUID:
    return uuid5(_ROOT, "/".join(map(str, names)))


def a_team(*reps: object, **more: object) -> dict[str, Any]:
    members = [{"id": rep} if isinstance(rep, str) else rep for rep in reps]
    return {"zone": "UTC", "calendar": "always", "strategy": "rotation", "reps": members, **more}


def one_team(*reps: object, **more: object) -> dict[str, Any]:
    """A routing policy of one team that takes everything."""
    return {"teams": {"sales": a_team(*reps)}, "fallback": "sales", **more}


def _head(name: object, at: datetime) -> dict[str, Any]:
    return {"lead_id": an_id(name), "occurred_at": at, "recorded_at": at}


def captured(name: object, at: datetime = MONDAY_NINE, **attributes: Any) -> LeadCaptured:
    told = Attributes(**attributes)
    return LeadCaptured(**_head(name, at), submission_id=an_id(name, "submission"), attributes=told)


def updated(name: object, at: datetime = MONDAY_NINE, **attributes: Any) -> LeadUpdated:
    return LeadUpdated(**_head(name, at), attributes=Attributes(**attributes))


def scored(name: object, points: int = 85, at: datetime = MONDAY_NINE, **more: Any) -> LeadScored:
    told: dict[str, Any] = {"tier": "sql", "action": "assign", "scorecard_version": 1, **more}
    return LeadScored(**_head(name, at), score_milli=points * 1000, **told)


def qualified(name: object, at: datetime = MONDAY_NINE, *, episode: int = 1, points: int = 85) -> LeadQualified:
    return LeadQualified(**_head(name, at), episode=episode, score_milli=points * 1000, tier="sql", scorecard_version=1)


def engaged(name: object, kind: str, at: datetime = MONDAY_NINE) -> LeadEngaged:
    return LeadEngaged(**_head(name, at), engagement_id=an_id(name, kind, at), kind=kind)


def erased(name: object, at: datetime = MONDAY_NINE) -> LeadErased:
    return LeadErased(**_head(name, at))


def story(name: object, at: datetime = MONDAY_NINE, *, points: int = 85, **attributes: Any) -> list[Event]:
    """Captured, scored, qualified."""
    return [captured(name, at, **attributes), scored(name, points, at), qualified(name, at, points=points)]


def breached(assigned: Event, at: datetime, promise: str = "untouched", then: str = "recycle") -> ClockBreached:
    assert isinstance(assigned, LeadAssigned)
    return ClockBreached(
        lead_id=assigned.lead_id,
        occurred_at=at,
        recorded_at=at,
        clock_id=an_id(assigned.handoff_id, promise),
        promise=promise,
        due_at=at,
        handoff_id=assigned.handoff_id,
        owner=assigned.owner,
        started_at=assigned.occurred_at,
        then=then,
    )


async def assignments(bench: Bench) -> list[LeadAssigned]:
    return [event for event in await bench.emitted(LeadAssigned) if isinstance(event, LeadAssigned)]


async def owners(bench: Bench) -> dict[UUID, str]:
    """Who has each lead by an open handoff; a lead with two fails."""
    rows = await bench.rows("select lead_id, owner from handoff where state <> 'closed'")
    assert len({row["lead_id"] for row in rows}) == len(rows), "a lead has two open handoffs"
    return {UUID(int=row["lead_id"].int): row["owner"] for row in rows}


async def places(bench: Bench) -> dict[UUID, str]:
    return {UUID(int=row["lead_id"].int): row["place"] for row in await bench.rows("select * from lead_state")}


def as_rep(rep: str, key: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer rep:{rep}", **({"Idempotency-Key": key} if key else {})}


AS_MANAGER = {"Authorization": "Bearer manager"}


def as_manager(team: str) -> dict[str, str]:
    """Whose key is bound to this team."""
    return {"Authorization": f"Bearer manager:{team}"}


def soon(bench: Bench, **spans: float) -> str:
    return (bench.clock.now + timedelta(**spans)).isoformat()


def of_kind(events: Sequence[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]
