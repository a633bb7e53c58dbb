"""Door 2 for KPIs, reports, spend and exports."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from analytics import queries
from analytics.cursors import read_spend_cursor, write_spend_cursor
from analytics.domain.reports.scope import Scope
from analytics.domain.reports.table import Table
from analytics.domain.spend import Spend, SpendRefused, read_rows
from analytics.reconciliation import watermark
from analytics.reporting import spending, words
from analytics.reporting.exporting import exports
from analytics.reporting.kpi_words import kpis_json, kpis_table
from analytics.reporting.making import OF_REPS, REPORTS, Ask, all_kpis, week_up_to
from analytics.reporting.showing import table_json, tables_csv
from analytics.settings import Settings
from analytics.timeline import LANGUAGES
from shared.http.access import Principal, all_teams_only
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk

_BASES: Final = ("cohort", "period")
Since = Annotated[date | None, Query(alias="from")]
Until = Annotated[date | None, Query(alias="to")]
Caller = Annotated[Principal, Depends(caller)]


def reporting(router: APIRouter, desk: Desk, settings: Settings) -> None:
    """Put the paths into the router."""
    _kpis(router, desk, settings)
    _reports(router, desk, settings)
    _spend(router, desk)
    exports(router, desk, settings)


def language(lang: str) -> str:
    """Raises Problem 422 for a language that the product doesn't speak."""
    if lang not in LANGUAGES:
        raise Problem(422, f"lang={lang}: take one of {', '.join(LANGUAGES)}", code="language")
    return lang


def scope_of(principal: Principal) -> Scope:
    """A rep's own rows, a manager's teams', else all."""
    if principal.role in {"rep", "sdr"}:
        return Scope(principal.actor)
    return Scope(teams=principal.teams)


def wants_csv(request: Request) -> bool:
    """By `format`, else by the Accept header.

    Raises Problem 422 for a format there isn't.
    """
    asked = request.query_params.get("format")
    if asked not in (None, "json", "csv"):
        raise Problem(422, f"format={asked}: take json or csv", code="format")
    return asked == "csv" or (asked is None and "text/csv" in request.headers.get("accept", ""))


def answer(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


def csv_answer(tables: Sequence[Table], lang: str) -> Response:
    return Response(tables_csv(tables, lang), media_type="text/csv; charset=utf-8")


def _kpis(router: APIRouter, desk: Desk, settings: Settings) -> None:
    @router.get("/v1/kpis")
    async def read_kpis(
        request: Request,
        principal: Caller,
        since: Since = None,
        until: Until = None,
        basis: str = "cohort",
        lang: str = "en",
    ) -> Response:
        """Each KPI with its definition: of the leads captured on these days, or of what happened on them."""
        all_teams_only(principal, "KPIs are", "for the funnel by=team, or the report rep-follow-up")
        language(lang)
        if basis not in _BASES:
            raise Problem(422, f"basis={basis}: take one of {', '.join(_BASES)}", code="basis")
        ask = Ask(since, until, Scope(), desk.clock(), settings)
        async with desk.read() as session:
            found = await all_kpis(session, ask, by_event=basis == "period")
            closed_at = watermark(desk.reports(), await queries.positions(session))
        if wants_csv(request):
            return csv_answer([kpis_table(found, settings, lang)], lang)
        items = kpis_json(found, settings, lang)
        return answer({"as_of": closed_at or ask.now, **_days(ask), "basis": basis, "items": items, "next": None})


def _days(ask: Ask) -> dict[str, Any]:
    return {"from": ask.since, "to": ask.until, "zone": ask.settings.basis.zone}


def _reports(router: APIRouter, desk: Desk, settings: Settings) -> None:
    @router.get("/v1/reports")
    async def list_reports(principal: Caller, lang: str = "en") -> Response:
        """The reports that the caller may read."""
        language(lang)
        names = [name for name in REPORTS if name in OF_REPS or _sees_all(principal)]
        return answer({"items": [{"name": name, "title": words.title(name, lang)} for name in names], "next": None})

    @router.get("/v1/reports/{name}")
    async def read_report(
        request: Request,
        name: str,
        principal: Caller,
        since: Since = None,
        until: Until = None,
        lang: str = "en",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> Response:
        """A report; a rep sees only their own rows. A CSV has them all."""
        language(lang)
        make = REPORTS.get(name)
        if make is None:
            raise Problem(404, f"there is no report {name}; there are {', '.join(REPORTS)}", code="report")
        _allow(principal, name)
        ask = Ask(since, until, scope_of(principal), desk.clock(), settings)
        ask = week_up_to(ask) if name == "weekly-pack" else ask
        async with desk.read() as session:
            tables = await make(session, ask)
            closed_at = watermark(desk.reports(), await queries.positions(session))
        if wants_csv(request):
            return csv_answer(tables, lang)
        shown = [table_json(table, lang, limit) for table in tables]
        head = {"name": name, "title": words.title(name, lang), "as_of": closed_at or ask.now, **_days(ask)}
        return answer({**shown[0], **head} if name == shown[0]["name"] else {**head, "sections": shown})


def _sees_all(principal: Principal) -> bool:
    return principal.role not in {"rep", "sdr"} and principal.bound_teams is None


def _allow(principal: Principal, name: str) -> None:
    """Let pass who sees all figures, and everybody to what has rows of single reps.

    Raises Problem 403.
    """
    if name in OF_REPS or _sees_all(principal):
        return
    all_teams_only(principal, f"the rows of {name} are", f"for {' or '.join(sorted(OF_REPS))}")
    raise Problem(403, f"{name} has no rows of single reps; it takes a reader of all figures", code="role")


def _spend(router: APIRouter, desk: Desk) -> None:
    @router.post("/v1/spend")
    async def import_spend(request: Request, principal: Caller) -> Response:
        """Take rows of spend, all or none. The same rows again change nothing; a corrected one replaces its former."""
        all_teams_only(principal, "spend is", "whoever has the budget")
        try:
            kind = request.headers.get("content-type", "")
            rows = await anyio.to_thread.run_sync(_rows_of, await request.body(), kind)  # there may be very many
        except spending.NotRows as error:
            raise Problem(422, str(error), code="spend") from error
        except SpendRefused as error:
            raise Problem(422, f"{error}: nothing was taken", code="spend", problems=list(error.problems)) from error
        async with desk.work() as work:
            added, changed = await spending.put(work.session, rows, work.now, principal.actor)
        return answer({"rows": len(rows), "added": added, "changed": changed, "same": len(rows) - added - changed})

    @router.get("/v1/spend")
    async def list_spend(
        principal: Caller,
        since: Since = None,
        until: Until = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: str | None = None,
    ) -> Response:
        """The rows of spend that touch these days."""
        all_teams_only(principal, "spend is", "whoever has the budget")
        async with desk.read() as session:
            rows = await spending.spend_page(session, since, until, read_spend_cursor(cursor), limit)
        more = write_spend_cursor(rows[-1].first_day, rows[-1].key) if len(rows) == limit else None
        return answer({"items": [_spend_json(row) for row in rows], "next": more})


def _rows_of(body: bytes, content_type: str) -> list[Spend]:
    return read_rows(spending.rows_of(body, content_type))


def _spend_json(row: Spend) -> dict[str, Any]:
    return {
        "key": row.key,
        "from": row.first_day,
        "to": row.last_day,
        "source": row.source,
        "campaign": row.campaign,
        "kind": row.kind,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
    }
