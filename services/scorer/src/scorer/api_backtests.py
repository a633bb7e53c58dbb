"""Door 2, backtests: ask for one, look how far it is and what it found."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import anyio.to_thread
import msgspec
import orjson
from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from scorer import store, store_backtests
from scorer.backtesting import drafted, start
from scorer.domain.comparing import DifferenceKind
from scorer.policies import KIND, live, read
from scorer.reporting import report, summary
from scorer.words import Language
from shared.http.access import Principal, all_teams_only
from shared.http.app import caller
from shared.http.documents import storable
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id
from shared.runtime.work import Work

_NO_LEAD: Final = UUID(int=0)
_PATH: Final = "/v1/backtests"
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)  # the driver gives the first and the last instants back as infinities
_CURSOR = msgspec.json.Decoder(tuple[str, UUID])

Limit = Annotated[int, Query(ge=1, le=1000)]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_at": "from", "to_at": "to"}):
    """Which scorecard, and which crossings count."""

    scorecard: dict[str, Any] | Literal["draft"]
    from_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    to_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


def backtest_routes(router: APIRouter, desk: Desk) -> None:
    """The three endpoints. They count every team's leads, so they are not for a manager of some teams."""

    @router.post(_PATH)
    async def ask(
        request: Request,
        principal: Annotated[Principal, Depends(caller)],
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Replay every lead's facts under a scorecard and under the live one."""
        _allow(principal)
        payload = await request.body()
        asked = _asked(payload)
        if isinstance(asked.scorecard, dict):
            await anyio.to_thread.run_sync(read, storable(asked.scorecard))

        async def act(work: Work) -> Answer:
            backtest_id = await start(
                work,
                await _scorecard_of(work, asked),
                partitions=desk.partitions,
                by=principal.actor,
                from_at=asked.from_at,
                to_at=asked.to_at,
            )
            return Answer(202, orjson.dumps({"backtest_id": str(backtest_id)}))

        command_id = f"scorer:{principal.key_id}:{_PATH}:{idempotency_key}" if idempotency_key else str(new_id())
        answer = await desk.command(command_id, payload, _NO_LEAD, act)
        location = f"{_PATH}/{orjson.loads(answer.body)['backtest_id']}"
        return Response(answer.body, answer.status, headers={"Location": location}, media_type="application/json")

    @router.get(_PATH)
    async def newest(
        principal: Annotated[Principal, Depends(caller)], limit: Limit = 20, cursor: UUID | None = None
    ) -> Response:
        """The backtests, the newest first."""
        _allow(principal)
        async with desk.read() as session:
            found = await store_backtests.newest(session, cursor, limit + 1)
            progress = await store_backtests.progress(session, [each.backtest_id for each in found])
        page = found[:limit]
        items = [summary(each, progress[each.backtest_id]) for each in page]
        return _json({"items": items, "next": page[-1].backtest_id if len(found) > limit else None})

    @router.get(f"{_PATH}/{{backtest_id}}")
    async def one(
        backtest_id: UUID,
        principal: Annotated[Principal, Depends(caller)],
        lang: Annotated[Language, Query()] = "en",
        kind: DifferenceKind | None = None,
        limit: Limit = 100,
        cursor: str | None = None,
    ) -> Response:
        """What it has found so far, with a page of the leads that would have crossed otherwise."""
        _allow(principal)
        after = _after(cursor)
        async with desk.read() as session:
            asked = await store_backtests.of_id(session, backtest_id)
            if asked is None:
                raise Problem(404, "there is no such backtest; the oldest ones make room for new", code="no-backtest")
            progress = (await store_backtests.progress(session, [backtest_id]))[backtest_id]
            now_live = live(await desk.transactions.policies.load(session, KIND, asked.live_version))
            rows = await store_backtests.differing_leads(session, backtest_id, kind, after, limit + 1)
        page = rows[:limit]
        following = None
        if len(rows) > limit:
            following = msgspec.json.encode((page[-1]["kind"], page[-1]["lead_id"])).decode()
        found = report(asked, progress, now_live, drafted(asked.body), lang)
        return _json(found | {"leads": {"items": page, "next": following}})


def _allow(principal: Principal) -> None:
    all_teams_only(principal, "backtests are", "whoever keeps the scorecard")


async def _scorecard_of(work: Work, asked: Asked) -> dict[str, Any]:
    if isinstance(asked.scorecard, dict):
        return asked.scorecard
    draft = await store.draft(work.session)
    if draft is None:
        raise Problem(409, "there is no draft: PUT /v1/policies/scorecard keeps one", code="no-draft")
    return dict(draft.body)


def _asked(payload: bytes) -> Asked:
    try:
        asked = msgspec.json.decode(payload, type=Asked)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(422, f'send {{"scorecard": {{…}} or "draft", "from", "to"}}: {error}', code="invalid") from error
    if any(at is not None and not _FIRST <= at <= _LAST for at in (asked.from_at, asked.to_at)):
        raise Problem(
            422, f"`from` and `to` lie from {_FIRST.year} to {_LAST.year}; leave one out for no bound", code="invalid"
        )
    if asked.from_at is not None and asked.to_at is not None and asked.from_at >= asked.to_at:
        raise Problem(422, "`from` lies before `to`", code="invalid")
    return asked


def _after(cursor: str | None) -> tuple[str, UUID] | None:
    if cursor is None:
        return None
    try:
        return _CURSOR.decode(cursor)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Problem(422, "the cursor is none of this list's", code="cursor") from error


def _json(value: object) -> Response:
    return Response(orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z), media_type="application/json")
