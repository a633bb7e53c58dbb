"""What if: the decisions of a past window under another routing policy."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import anyio
from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from router.api.asking import Caller, Instant, found, json
from router.domain.desk import Hours
from router.domain.replay import Replay, Rules, Side, replayed
from router.domain.rules import Policy
from router.policies import check, hours_of, parse
from router.store import past as store
from shared.http.access import Principal, all_teams_only
from shared.http.commands import Asked, Body
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import derived_id, new_id
from shared.runtime.policies import Policies
from shared.runtime.work import Work

_WHAT_IFS = derived_id("what-ifs")


class Asking(Body):
    """Another routing policy (none: those that were in force) and the window, until now where it has no end."""

    routing: dict[str, Any] | None = None
    begin: Instant = Field(alias="from")
    to: Instant | None = None


def add(router: APIRouter, desk: Desk) -> None:
    """The paths of what-ifs. They replay every team's decisions, so they are not for a manager of some teams."""

    @router.post("/v1/what-ifs")
    async def ask_what_if(ask: Asked, said: Asking) -> Response:
        """Replay the window's decisions in the order of their numbers: owners, load and waiting, then and if."""
        _allow(ask.principal)
        what_if_id = new_id()
        now = desk.clock()
        to = said.to or now
        if not said.begin < to <= now:
            raise Problem(422, "from lies before to, and to not in the future", code="bad-window", missing=["from"])
        async with desk.read() as session:
            rules = await _rules(session, desk, said, now)
            try:
                past = await store.past(session, said.begin, to)
            except store.TooMuch as error:
                detail = f"more than {store.MOST_ITEMS} decisions: narrow the window"
                raise Problem(422, detail, code="window-too-wide") from error
        replay = await anyio.to_thread.run_sync(replayed, past, rules, said.begin, to)
        shown = {
            "what_if_id": what_if_id,
            "from": said.begin,
            "to": to,
            "asked_at": now,
            **_shown(replay, to),
        }
        body = bytes(json(shown).body)

        async def act(work: Work) -> Answer:
            await store.keep(work.session, what_if_id, ask.principal.actor, work.now, body)
            return Answer(201, body)

        kept = await desk.command(ask.command_id, ask.body, _WHAT_IFS, act)
        return Response(kept.body, kept.status, media_type="application/json")

    @router.get("/v1/what-ifs/{what_if_id}")
    async def what_if(principal: Caller, what_if_id: UUID) -> Response:
        """An answer that was given."""
        _allow(principal)
        async with desk.read() as session:
            body = found(await store.kept(session, what_if_id), "what-if")
        return Response(body, media_type="application/json")


def _allow(principal: Principal) -> None:
    all_teams_only(principal, "what-ifs are", "a manager of all teams")


async def _rules(session: AsyncConnection, desk: Desk, said: Asking, now: datetime) -> Rules:
    policies: Policies = desk.transactions.policies
    calendars = await policies.current(session, "calendars", now)
    asked = None
    if said.routing is not None:
        asked = parse(said.routing)
        check(asked, calendars.value)
    kept: dict[int, Policy] = {}
    for version, _ in await store.versions(session, "routing"):
        kept[version] = (await policies.load(session, "routing", version)).value
    open_at: list[tuple[datetime, Hours]] = []
    for version, since in await store.versions(session, "calendars"):
        open_at.append((since, hours_of((await policies.load(session, "calendars", version)).value)))
    return Rules(asked, _known(kept), _by_instant(open_at))


def _known(kept: Mapping[int, Policy]) -> Callable[[int], Policy]:
    newest = kept[max(kept)]

    def version(number: int) -> Policy:
        return kept.get(number, newest)

    return version


def _by_instant(open_at: list[tuple[datetime, Hours]]) -> Callable[[datetime], Hours]:
    since = [each[0] for each in open_at]

    def hours(at: datetime) -> Hours:
        return open_at[max(0, bisect_right(since, at) - 1)][1]

    return hours


def _shown(replay: Replay, to: datetime) -> dict[str, Any]:
    kept, would = replay.kept, replay.would
    reps = sorted({rep for side in (kept, would) for rep in side.leads} | set(kept.peak) | set(would.peak))
    return {
        "decisions": replay.looks,
        "differences": replay.differences,
        "owners": [
            {
                "rep": rep,
                "kept": kept.leads[rep],
                "would": would.leads[rep],
                "kept_peak_open": kept.peak[rep],
                "would_peak_open": would.peak[rep],
            }
            for rep in reps
        ],
        "waiting": {"kept": _waiting(kept, to), "would": _waiting(would, to)},
        "changed": replay.changed,
    }


def _waiting(side: Side, to: datetime) -> dict[str, int]:
    return {"leads": len(side.waiting), "seconds": side.ended(to)}
