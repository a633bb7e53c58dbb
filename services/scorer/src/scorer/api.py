"""Door 2: a lead's score with every reason for it, and the scorecard: read, drafted, linted, published."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import anyio.to_thread
import msgspec
import orjson
from fastapi import APIRouter, Body, Depends, Header, Query, Request
from starlette.responses import Response

from scorer import store, store_backtests, store_rescores
from scorer.api_backtests import backtest_routes
from scorer.backtesting import digest_of, start
from scorer.domain.parse import parse
from scorer.explaining import shown
from scorer.policies import KIND, live, read, warnings
from scorer.reporting import changes_in_words
from scorer.store import Draft
from scorer.words import Language
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.documents import storable
from shared.http.passes import Pass, is_let_in
from shared.http.problems import Problem
from shared.runtime.clock import system_clock
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import new_id
from shared.runtime.policies import PolicyChanged
from shared.runtime.work import Work

_NO_LEAD: Final = UUID(int=0)  # a command needs a lead's lane to be kept in; publishing concerns none
_PUBLISH: Final = "/v1/policies/scorecard/publish"

IfMatch = Annotated[str | None, Header()]


def api(desk: Desk) -> APIRouter:
    """The router of the service."""
    router = APIRouter(tags=["scorer"])
    _scores(router, desk)
    _scorecards(router, desk)
    _publishing(router, desk)
    backtest_routes(router, desk)
    return router


def _scores(router: APIRouter, desk: Desk) -> None:
    @router.get("/v1/scores/{lead_id}")
    async def read_score(
        lead_id: UUID,
        principal: Annotated[Principal, Depends(caller)],
        lang: Annotated[Language, Query()] = "en",
        given: Pass = "",
    ) -> Response:
        """The score now: by the scorecard that decided the lead last, with every part of it.

        A rep or a manager of teams reads it with the pass that their handoff, or a lead in a pool, has: scorer knows
        no owners.
        """
        if not is_let_in(desk.secrets, principal, lead_id, "score", given, system_clock()):
            raise Problem(
                404,
                "no such lead is yours: read it with ?pass= and the pass that its handoff, or the pool, gives",
                code="no-pass",
            )
        async with desk.read() as session:
            dossier = await store.dossier_of(session, lead_id)
            if dossier is not None and dossier.erased_us is not None:
                raise Problem(410, "this lead was erased", code="erased")
            if dossier is None or not dossier.is_scored or dossier.standing is None:
                raise Problem(404, "no score of this lead: it is unknown here, or a test lead", code="not-scored")
            published = await desk.transactions.policies.load(session, KIND, dossier.standing.version)
        return _json(shown(lead_id, dossier, live(published), desk.clock(), lang))


def _scorecards(router: APIRouter, desk: Desk) -> None:
    policies = desk.transactions.policies

    @router.get("/v1/policies/scorecard")
    async def scorecard_and_draft() -> Response:
        """The live scorecard, and the draft where there is one."""
        async with desk.read() as session:
            published = await policies.current(session, KIND, desk.clock())
            draft = await store.draft(session)
            rescore = await store_rescores.latest(session)
        body = {
            "kind": KIND,
            "version": published.version,
            "published_by": published.published_by,
            "effective_from": published.effective_from,
            "body": published.body,
            "draft": draft,
            "rescore": rescore,
        }
        return _json(body, etag=published.version)

    @router.put("/v1/policies/scorecard")
    async def save_draft(
        request: Request,
        body: Annotated[dict[str, Any], Body()],
        principal: Annotated[Principal, Depends(caller)],
        if_match: IfMatch = None,
    ) -> Response:
        """Keep a draft. It is checked now, so that what can be published is all that can be kept."""
        lint = warnings(await anyio.to_thread.run_sync(read, storable(body)))  # it may have thousands of problems
        if request.query_params.get("dry_run") == "1":
            return _json({"kind": KIND, "dry_run": True, "lint": lint})
        async with desk.work() as work:
            version = (await work.policy(KIND)).version
            _same(version, if_match)
            await store.save_draft(work.session, Draft(body, version, principal.actor, work.now))
        return _json({"kind": KIND, "draft": True, "based_on": version, "lint": lint}, etag=version)

    @router.post("/v1/policies/scorecard/lint")
    async def lint_scorecard(body: Annotated[Any, Body()], lang: Annotated[Language, Query()] = "en") -> Response:
        """What is wrong with a scorecard, and how it differs from the live one; nothing is kept."""
        parsed = await anyio.to_thread.run_sync(parse, storable({"scorecard": body})["scorecard"], 0)
        diff: list[dict[str, Any]] = []
        if parsed.scorecard is not None:
            async with desk.read() as session:
                published = await policies.current(session, KIND, desk.clock())
            diff = changes_in_words(live(published), parsed.scorecard, lang)
        publishable = parsed.scorecard is not None
        return _json({"kind": KIND, "publishable": publishable, "problems": parsed.problems, "diff": diff})


def _publishing(router: APIRouter, desk: Desk) -> None:
    @router.post(_PUBLISH)
    async def publish_scorecard(
        request: Request,
        principal: Annotated[Principal, Depends(caller)],
        idempotency_key: Annotated[str | None, Header()] = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Make the draft live: facts that come from now on are scored by it; with `apply: all` every lead is, at once.

        A dry run with `apply: all` begins a backtest of the draft, which says how many would cross.
        """
        payload = await request.body()
        applied = _applied(payload)
        dry_run = request.query_params.get("dry_run") == "1"

        async def act(work: Work) -> Answer:
            draft = await (store.draft if dry_run else store.take_draft)(work.session)
            if draft is None:
                raise Problem(409, "there is no draft: PUT /v1/policies/scorecard keeps one", code="no-draft")
            _same(draft.based_on, if_match)
            lint = warnings(read(draft.body))
            if dry_run:
                tried = {"kind": KIND, "dry_run": True, "version": draft.based_on, "lint": lint}
                if applied == "new":
                    return Answer(200, orjson.dumps(tried))
                backtest_id = await start(work, draft.body, partitions=desk.partitions, by=principal.actor)
                return Answer(202, orjson.dumps(tried | {"backtest_id": str(backtest_id)}))
            would_cross = await _counted(work, draft) if applied == "all" else 0
            version = await work.policies.publish(
                work.session, KIND, draft.body, by=principal.actor, at=work.now, after=draft.based_on
            )
            said: dict[str, object] = {"kind": KIND, "version": version, "lint": lint}
            if applied == "all":
                rescore_id = new_id()
                await store_rescores.begin(
                    work.session,
                    rescore_id,
                    version=version,
                    would_cross=would_cross,
                    by=principal.actor,
                    at=work.now,
                    partitions=desk.partitions,
                )
                said["rescore"] = {"rescore_id": str(rescore_id), "would_cross": would_cross}
            return Answer(200, orjson.dumps(said))

        path = f"{_PUBLISH}?dry_run=1" if dry_run else _PUBLISH
        command_id = f"scorer:{principal.key_id}:{path}:{idempotency_key}" if idempotency_key else str(new_id())
        answer = await desk.command(command_id, payload, _NO_LEAD, act)
        return Response(
            answer.body,
            answer.status,
            headers={"ETag": f'"{orjson.loads(answer.body)["version"]}"'},
            media_type="application/json",
        )


class Publishing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a scorecard is for: `new` facts, or `all` leads at once."""

    apply: Literal["new", "all"] = "new"


def _applied(payload: bytes) -> Literal["new", "all"]:
    try:
        return msgspec.json.decode(payload, type=Publishing).apply if payload.strip() else "new"
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Problem(422, f'send nothing, or {{"apply": "new" | "all"}}: {error}', code="invalid") from error


async def _counted(work: Work, draft: Draft) -> int:
    """How many leads would cross, as a backtest of this very draft has counted.

    Raises Problem 409 where none has: nobody applies a scorecard to all without having seen the number.
    """
    sums = await store_backtests.finished_of(work.session, digest_of(draft.body), draft.based_on)
    if sums is None:
        raise Problem(
            409,
            "nobody has counted yet how many leads would cross: send this with ?dry_run=1 first, or backtest the draft,"
            " and look at the backtest when it is finished",
            code="not-counted",
        )
    return sums.would_cross_now


def _same(version: int, etag: str | None) -> None:
    """Whether the caller changed what it had read."""
    if etag is not None and etag != "*" and etag.removeprefix("W/").strip('"') != str(version):
        raise PolicyChanged(f"{KIND} is at version {version}, not {etag}: read it again and repeat the change")


def _json(value: object, *, etag: int | None = None) -> Response:
    headers = {} if etag is None else {"ETag": f'"{etag}"'}
    return Response(
        orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z), headers=headers, media_type="application/json"
    )
