"""Exports as CSV: the funnel, every report, spend, and one line a lead."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from analytics import whose
from analytics.domain import funnel
from analytics.domain.basis import Basis
from analytics.domain.contribution import AMOUNT_MEASURES, MEASURES, contribution
from analytics.domain.facts import Facts, instant
from analytics.domain.reports.scope import Scope
from analytics.domain.stages import counted, earliest, stages
from analytics.domain.words import FIRST_TOUCH, LATEST
from analytics.reporting import reading, spending
from analytics.reporting.making import OF_REPS, REPORTS, Ask, week_up_to
from analytics.reporting.reading import Lead, Whose
from analytics.reporting.showing import csv_lines, guarded, tables_csv
from analytics.settings import Settings
from analytics.timeline import LANGUAGES
from shared.http.access import Principal, all_teams_only
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk

_LINES: Final = 500
_SPEND: Final = ("key", "first_day", "last_day", "source", "campaign", "kind", "amount_minor", "currency")
_WHEN: Final = ("assigned_at", "contacted_at", "mql_at", "sql_at", "opportunity_at", "won_at", "erased_at")
_SUMMED: Final = ("handoffs", "contacts", "breaches", "revoked")
LEAD_COLUMNS: Final = (
    "lead_id", "captured_at", "day", "place", *FIRST_TOUCH, *LATEST, "tier", "legacy", *_WHEN, *_SUMMED,
    "currency", *(f"{name}_minor" for name in AMOUNT_MEASURES), "further_amounts",
)  # fmt: skip
VIEWS: Final = ("funnel", "leads", "spend", *REPORTS)
_OF_TEAMS: Final = frozenset({"funnel", "leads", *OF_REPS})
"""What can be bounded to teams."""


def exports(router: APIRouter, desk: Desk, settings: Settings) -> None:
    """Put the path into the router."""

    @router.get("/v1/export/{view}.csv")
    async def export(
        view: str,
        principal: Annotated[Principal, Depends(caller)],
        by: str | None = None,
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
        lang: str = "en",
    ) -> Response:
        """A view as a CSV file; cells that a spreadsheet would run as formulas are text.

        A manager of some teams sees what is or was theirs: the funnel by team or rep, leads, and reports by rep.
        """
        _check(principal, view, lang)
        ask = Ask(since, until, Scope(teams=principal.teams), desk.clock(), settings)
        if view == "leads":
            return StreamingResponse(_leads(desk, ask), headers=_as_file(view), media_type="text/csv; charset=utf-8")
        async with desk.read() as session:
            match view:
                case "funnel":
                    of = whose.dimension(principal, by)
                    body = _funnel_csv(of, await whose.figures(session, principal, of, since, until))
                case "spend":
                    rows = await spending.spend_between(session, since, until)
                    body = csv_lines([_SPEND, *([_cell(getattr(row, name)) for name in _SPEND] for row in rows)])
                case _:
                    ask = week_up_to(ask) if view == "weekly-pack" else ask
                    body = tables_csv(await REPORTS[view](session, ask), lang)
        return Response(body, headers=_as_file(view), media_type="text/csv; charset=utf-8")


def _check(principal: Principal, view: str, lang: str) -> None:
    if view not in VIEWS:
        raise Problem(404, f"there is no view {view}; there are {', '.join(VIEWS)}", code="view")
    if view not in _OF_TEAMS:
        all_teams_only(principal, f"the rows of {view} are", f"for {' or '.join(sorted(_OF_TEAMS))}")
    if lang not in LANGUAGES:
        raise Problem(422, f"lang={lang}: take one of {', '.join(LANGUAGES)}", code="language")


def _as_file(view: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{view}.csv"'}


def _cell(value: Any) -> str:
    return "" if value is None else guarded(value) if isinstance(value, str) else str(value)


def _funnel_csv(by: str, sums: list[funnel.Sums]) -> str:
    """A line a value and currency: counts under no currency, amounts under their own, so that columns may be summed."""
    counts = [name for name in MEASURES if name not in AMOUNT_MEASURES]
    head = (by, "currency", *counts, *(f"{name}_minor" for name in AMOUNT_MEASURES))
    ordered = sorted(sums, key=lambda each: each[:2])
    return csv_lines([head, *([_cell(value), currency, *(str(measures[name]) for name in (*counts, *AMOUNT_MEASURES))]
                              for value, currency, measures in ordered)])  # fmt: skip


async def _leads(desk: Desk, ask: Ask) -> AsyncGenerator[bytes]:
    yield csv_lines([LEAD_COLUMNS]).encode()
    lines: list[list[str]] = []
    async with desk.read() as session:
        async for lead in reading.leads(session, Whose(ask.since, ask.until)):
            if counted(lead.facts) and _is_theirs(ask.scope, lead.facts):
                lines.append(lead_line(lead, ask.settings.basis))
            if len(lines) == _LINES:
                yield csv_lines(lines).encode()
                lines = []
    yield csv_lines(lines).encode()


def _is_theirs(scope: Scope, facts: Facts) -> bool:
    """Whether a lead is or was with one of the teams that bound the reader."""
    assigned = (each.assignment for each in facts.handoffs.values())
    return not scope.teams or any(each is not None and each.team in scope.teams for each in assigned)


def lead_line(lead: Lead, basis: Basis) -> list[str]:
    """One lead's facts as text, in the order of LEAD_COLUMNS. Amounts of a second currency stand apart."""
    facts = lead.facts
    shares = contribution(facts, basis)
    mine = {cell.currency: measures for cell, measures in shares.items() if cell.dimension == "source"}
    amounts = {each: [m[MEASURES.index(name)] for name in AMOUNT_MEASURES] for each, m in mine.items() if each}
    first, *further = sorted(amounts) or [""]
    counts = mine[""]
    return [
        str(lead.lead_id),
        _at(facts.captured),
        lead.day.isoformat(),
        lead.place or "",
        *(_cell(facts.first[name][2] if name in facts.first else None) for name in FIRST_TOUCH),
        *(_cell(facts.last[name][2] if name in facts.last else None) for name in LATEST),
        _cell(facts.score.tier if facts.score else None),
        str(int(facts.legacy)),
        *map(_at, _when(facts, basis)),
        *(str(counts[MEASURES.index(name)]) for name in _SUMMED),
        first,
        *map(str, amounts.get(first, [0] * len(AMOUNT_MEASURES))),
        "; ".join(f"{each} {' '.join(map(str, amounts[each]))}" for each in further),
    ]


def _when(facts: Facts, basis: Basis) -> tuple[int | None, ...]:
    assigned = earliest(each.assignment.at for each in facts.handoffs.values() if each.assignment)
    contacted = earliest(each.first_contact for each in facts.handoffs.values())
    return (assigned, contacted, *stages(facts, basis), facts.erased)


def _at(at_us: int | None) -> str:
    return "" if at_us is None else instant(at_us).isoformat()
