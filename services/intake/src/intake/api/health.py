"""`/v1/doors`: whether each way in works, and what came through it."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from intake import queries
from intake.api.answers import answer, shown
from intake.domain.policy import Door, GoogleDoor, HtmlDoor, ImportDoor, MetaDoor, RestDoor, lint_doors
from intake.door_watch import DoorHealth, healths
from intake.intake import Intake
from intake.policies import in_words
from shared.runtime.desk import Desk

_STATES = ("accepted", "captured", "further", "repeat", "awaiting", "parked", "ignored")
_REFUSALS = {
    "unproven": "the sender's key, signature or token was absent or wrong; nothing was kept",
    "no-secret": "a secret of this door is not set, so no sender can be proven; they were asked to send again",
    "unreadable": "the body could not be read: no JSON or form, too large, or broken",
    "unmappable": "the body held no lead that this door's mapping finds",
    "no-lead": "the body held no e-mail address or phone number",
    "one-lead": "several leads were sent where one is taken",
    "busy": "too much waited to be written; the sender was asked to send again",
    "disk-full": "the disk was nearly full; the sender was asked to send again",
    "key-reused": "an Idempotency-Key came again with another body",
    "bad-key": "an Idempotency-Key was empty or too long",
    "origin": "a page of another site posted the form; add its origin to the door if it may",
    "body-too-large": "the body was larger than this door takes",
    "slow-body": "the body did not arrive in time",
    "content-length": "the request's length was no number",
    "not-kept": "the submission could not be kept; it has been logged",
}


def add_health(router: APIRouter, desk: Desk, intake: Intake) -> None:
    """Add the path to a router."""

    @router.get("/v1/doors")
    async def doors() -> Response:  # pyright: ignore[reportUnusedFunction]
        rules = await intake.book.newest(desk)
        names = list(rules.doors.doors)
        async with desk.read() as session:
            rows = await queries.tallies(session)
            found = await healths(session, names, desk.clock())
        counts: dict[str, dict[str, int]] = {}
        for row in rows:
            counts.setdefault(row.door, dict.fromkeys(_STATES, 0))[row.state] = row.arrivals
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
                    "state": _state(door, [one.path for one in errors], found[name]),
                    "problems": [in_words(one) for one in own],
                    "alarms": [{"alarm": one.alarm, "detail": one.detail} for one in found[name].alarms],
                    "last_lead_at": shown(found[name].last_lead_at),
                    **counts.get(name, dict.fromkeys(_STATES, 0)),
                    **(_fetching(found[name]) if isinstance(door, MetaDoor) else {}),
                    "refused": (refused := _refused(intake, name)),
                    "refusals": [{"why": why, "count": n, "detail": _words(why)} for why, n in refused.items()],
                }
            )
        return answer({"items": items, "next": None})


def _state(door: Door, lacking: list[str], health: DoorHealth) -> str:
    fetching = f"doors.{door.name}.graph."
    if any(not path.startswith(fetching) for path in lacking):
        return "closed: a secret is not set"
    if lacking or any(one.alarm == "token" for one in health.alarms):
        return "open, but no answers can be fetched"
    return "open"


def _fetching(health: DoorHealth) -> dict[str, Any]:
    wait, fetch = health.waiting, health.fetch
    return {
        "awaiting_since": shown(wait.since) if wait is not None else None,
        "last_fetched_at": shown(fetch.fetched_at) if fetch is not None else None,
        "token_refused_since": shown(fetch.refused_since) if fetch is not None else None,
        "token_refusals": fetch.refusals if fetch is not None else 0,
    }


def _refused(intake: Intake, name: str) -> dict[str, int]:
    return {why: count for (where, why), count in sorted(intake.refused.items()) if where == name}


def _words(why: str) -> str:
    return _REFUSALS.get(why, "the request was not one that this door takes; the sender was told why")


def _path(door: Door) -> str:
    match door:
        case HtmlDoor():
            return f"/v1/forms/{door.name}"
        case RestDoor():
            return "/v1/leads" if door.name == "api" else f"/v1/leads?door={door.name}"
        case ImportDoor():
            return f"/v1/imports?door={door.name}"
        case GoogleDoor() | _:
            return f"/v1/hooks/{door.name}" + ("/{token}" if door.token else "")
