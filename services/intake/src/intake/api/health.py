"""`/v1/doors`: whether each way in works, and what came through it."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from intake import queries
from intake.api.answers import answer, shown
from intake.domain.policy import Door, GoogleDoor, HtmlDoor, RestDoor, lint_doors
from intake.intake import Intake
from intake.policies import in_words
from shared.runtime.desk import Desk

_STATES = ("accepted", "captured", "further", "repeat", "awaiting", "parked", "ignored")


def add_health(router: APIRouter, desk: Desk, intake: Intake) -> None:
    """Add the path to a router."""

    @router.get("/v1/doors")
    async def doors() -> Response:  # pyright: ignore[reportUnusedFunction]
        rules = await intake.book.newest(desk)
        async with desk.read() as session:
            rows = await queries.tallies(session)
        counts: dict[str, dict[str, int]] = {}
        last: dict[str, Any] = {}
        for row in rows:
            counts.setdefault(row.door, dict.fromkeys(_STATES, 0))[row.state] = row.arrivals
            if row.state in ("captured", "further"):
                last[row.door] = max(last.get(row.door, row.last_at), row.last_at)
        problems = lint_doors(rules.doors, rules.resolve)
        items: list[dict[str, Any]] = []
        for name, door in rules.doors.doors.items():
            own = [one for one in problems if one.path == f"doors.{name}" or one.path.startswith(f"doors.{name}.")]
            errors = [one for one in own if one.level == "error"]
            items.append(
                {
                    "door": name,
                    "kind": door.kind,
                    "path": _path(door),
                    "state": "closed: a secret is not set" if errors else "open",
                    "problems": [in_words(one) for one in own],
                    "last_lead_at": shown(last.get(name)),
                    **counts.get(name, dict.fromkeys(_STATES, 0)),
                    "refused": {why: n for (where, why), n in sorted(intake.refused.items()) if where == name},
                }
            )
        return answer({"items": items, "next": None})


def _path(door: Door) -> str:
    match door:
        case HtmlDoor():
            return f"/v1/forms/{door.name}"
        case RestDoor():
            return "/v1/leads" if door.name == "api" else f"/v1/leads?door={door.name}"
        case GoogleDoor() | _:
            return f"/v1/hooks/{door.name}" + ("/{token}" if door.token else "")
