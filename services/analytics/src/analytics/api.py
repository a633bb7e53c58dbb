"""Door 2: the funnel, the leads behind a number, a lead's timeline, reconciliation, the events, and the rebuild."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from fastapi import APIRouter, Query, Response

from analytics import queries, whose
from analytics.cursors import read_drill_cursor, read_event_cursor, write_drill_cursor, write_event_cursor
from analytics.domain import funnel
from analytics.domain.contribution import MEASURES, Cell, Measures
from analytics.domain.facts import unpack
from analytics.reconciliation import parked_leads, parked_unlisted, picture, watermark
from analytics.reporting.routes import Caller, reporting
from analytics.settings import Settings
from analytics.timeline import LANGUAGES, Speech, catalogue, holders, steps, teams_of
from shared.http.access import Principal, all_teams_only
from shared.http.problems import Problem
from shared.runtime.desk import Desk

_SCANNED: Final = 1000
_SCANS: Final = 20  # a request looks at this many thousands of leads at most, then hands out a cursor


def api(settings: Settings) -> Callable[[Desk], APIRouter]:
    """The router, for a desk."""

    def build(desk: Desk) -> APIRouter:
        router = APIRouter()
        _figures(router, desk, settings)
        _leads(router, desk, settings)
        _operations(router, desk)
        reporting(router, desk, settings)
        return router

    return build


def _json(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def _figures(router: APIRouter, desk: Desk, settings: Settings) -> None:
    @router.get("/v1/funnel")
    async def read_funnel(
        principal: Caller,
        by: str | None = None,
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
    ) -> Response:
        """The funnel of the leads captured from one day to another, both included; by source unless told otherwise.

        A manager of some teams sees theirs, by team (which is then the default) or by rep.
        """
        by = whose.dimension(principal, by)
        async with desk.read() as session:
            sums = await whose.figures(session, principal, by, since, until)
            closed_at = watermark(desk.reports(), await queries.positions(session))
        body = {
            "as_of": closed_at or desk.clock(),
            "by": by,
            "zone": settings.basis.zone,
            "rows": funnel.rows(by, sums, settings.currency),
            "total": funnel.total(sums, settings.currency),
        }
        return _json(body)

    @router.get("/v1/drill")
    async def drill(
        *,
        principal: Caller,
        by: str | None = None,
        value: str | None = None,
        measure: str = "leads",
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: str | None = None,
    ) -> Response:
        """The leads behind a number of the funnel. A page may hold fewer than `limit` and still have a next.

        `by` is as in the funnel; a manager of some teams sees what is behind theirs.
        """
        by = whose.dimension(principal, by)
        if measure not in MEASURES:
            raise Problem(422, f"measure={measure}: take one of {', '.join(MEASURES)}", code="measure")
        found: list[dict[str, Any]] = []
        after = read_drill_cursor(cursor)
        async with desk.read() as session:
            for _ in range(_SCANS):
                leads = await queries.leads_captured(session, since, until, after, _SCANNED)
                for lead_id, day, basis, facts in leads:
                    after = (day, lead_id)
                    shares = whose.shares(principal, unpack(facts), basis)
                    share = _share(shares, by, value, MEASURES.index(measure))
                    if share:
                        found.append({"lead_id": lead_id, "day": day, measure: share})
                    if len(found) == limit:
                        return _json({"items": found, "next": write_drill_cursor(after)})
                if len(leads) < _SCANNED:
                    return _json({"items": found, "next": None})
        return _json({"items": found, "next": write_drill_cursor(after)})


def _share(shares: Mapping[Cell, Measures], by: str, value: str | None, measure: int) -> int:
    """What a lead adds to one number of the funnel."""
    dimension = "source" if by in queries.PERIODS else by
    return sum(
        measures[measure]
        for cell, measures in shares.items()
        if cell.dimension == dimension and value in (None, _shown(by, cell.value, cell.day))
    )


def _shown(by: str, value: str, day: date) -> str:
    match by:
        case "day":
            return day.isoformat()
        case "week":
            return (day - timedelta(days=day.weekday())).isoformat()
        case "month":
            return day.replace(day=1).isoformat()
        case _:
            return value


def _leads(router: APIRouter, desk: Desk, settings: Settings) -> None:
    @router.get("/v1/leads/{lead_id}/timeline")
    async def timeline(principal: Caller, lead_id: UUID, lang: str = "en", zone: str | None = None) -> Response:
        """Everything that happened to a lead, in order, in words. A rep reads that of leads that are or were theirs."""
        if lang not in LANGUAGES:
            raise Problem(422, f"lang={lang}: take one of {', '.join(LANGUAGES)}", code="language")
        if zone is not None and zone not in available_timezones():
            raise Problem(422, f"zone={zone}: no such IANA time zone", code="zone")
        async with desk.read() as session:
            story = await queries.story_of(session, lead_id)
        if not story:
            raise Problem(404, "nothing is known of this lead (yet)", code="no-lead")
        _allow(principal, holders(story), teams_of(story))
        speech = Speech(catalogue(), lang, ZoneInfo(zone or settings.basis.zone))
        return _json({"lead_id": lead_id, "lang": lang, "items": steps(story, speech), "next": None})

    @router.get("/v1/events")
    async def events(
        principal: Caller,
        after: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """Every event, for whoever follows: `next` is given even on an empty page, to ask again with.

        It is the whole company's: most events name no team. So it is not for a manager of some teams, whose events
        subscriptions deliver. None holds personal data.
        """
        all_teams_only(principal, "events are", "for a lead's timeline, or for `POST /v1/subscriptions` of a team")
        at = read_event_cursor(after or cursor, desk.partitions)
        async with desk.read() as session:
            rows = await queries.events_after(session, at, desk.partitions, limit)
        for row in rows:
            at[row.partition] = row.n
        items = [
            {
                "id": row.id,
                "type": row.topic,
                "partition": row.partition,
                "epoch": row.epoch,
                "seq": row.seq,
                "lead_id": row.lead_id,
                "data": msgspec.Raw(row.value),
            }
            for row in rows
        ]
        return _json({"items": items, "next": write_event_cursor(at, desk.partitions)})


def _allow(principal: Principal, had: set[tuple[str, str]], teams: set[str]) -> None:
    """Let pass a rep who has or had the lead, and a manager whose team did or is to; what nobody had, all but reps see.

    Raises Problem 404 for a rep, to whom there is no such lead, else 403.
    """
    if principal.role == "rep" and all(owner != principal.rep for owner, _ in had):
        raise Problem(404, "no lead with this id is or was yours", code="no-lead")
    own = principal.role == "sdr" and principal.rep is not None
    if own and had and all(owner != principal.rep for owner, _ in had):
        raise Problem(403, "this lead was never yours", code="not-owner")
    if principal.bound_teams is not None and teams and teams.isdisjoint(principal.bound_teams):
        raise Problem(403, "no team of yours ever had this lead", code="not-owner")


def _operations(router: APIRouter, desk: Desk) -> None:
    @router.get("/v1/reconciliation")
    async def reconcile(principal: Caller) -> Response:
        """Where every lead is that was captured before the watermark; `unexplained` must be 0."""
        all_teams_only(principal, "the whereabouts of leads are", "for the funnel by=team, or `GET /v1/waiting`")
        reports = desk.reports()
        async with desk.read() as session:
            closed_at = watermark(reports, await queries.positions(session))
            parked = parked_leads(reports) | await queries.parked_here(session)
            counts = await queries.whereabouts(session, closed_at, sorted(parked))
        return _json(picture(closed_at, counts, desk.clock(), parked_unlisted(reports)))

    @router.post("/v1/ops/analytics/rebuild")
    async def rebuild() -> Response:
        """Have facts and figures rebuilt from the kept events; asked again, it says how much is left."""
        async with desk.work() as work:
            lanes, leads = await queries.rebuild_left(work.session)
            if not lanes:
                await queries.ask_for_rebuild(work.session, desk.partitions, work.now)
                lanes, leads = await queries.rebuild_left(work.session)
        return _json({"lanes_left": lanes, "leads_left": leads}, 202)
