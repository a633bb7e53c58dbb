"""Whose figures a reader sees: a manager of some teams these teams', and nothing that adds all teams together."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from analytics import queries
from analytics.domain.basis import read_basis
from analytics.domain.contribution import DIMENSIONS, MEASURES, Cell, Measures, contribution, of_teams
from analytics.domain.facts import Facts, unpack
from analytics.domain.funnel import Sums
from shared.http.access import Principal, all_teams_only
from shared.http.problems import Problem

_CHUNK: Final = 500
_BY_TEAM: Final = ("team", "rep")
_INSTEAD: Final = "by=team or by=rep"


def dimension(principal: Principal, by: str | None) -> str:
    """What figures are by: as asked, else by source, and for a manager of some teams by team.

    Raises Problem 422 for what there isn't, and 403 for what no team bounds.
    """
    chosen = by or ("source" if principal.bound_teams is None else "team")
    known = (*DIMENSIONS, *queries.PERIODS)
    if chosen not in known:
        raise Problem(422, f"by={by}: take one of {', '.join(known)}", code="dimension")
    if chosen not in _BY_TEAM:
        all_teams_only(principal, f"figures by {chosen} are", _INSTEAD)
    return chosen


async def figures(
    session: AsyncConnection, principal: Principal, by: str, since: date | None, until: date | None
) -> list[Sums]:
    """(value, currency, measures) as this reader sees them: by team or rep, a manager of some teams theirs alone."""
    teams = principal.bound_teams
    if teams is not None and by == "rep":
        return await _by_rep(session, teams, since, until)
    found = await queries.figures(session, by, since, until)
    return [each for each in found if teams is None or each[0] in teams]


def shares(principal: Principal, facts: Facts, basis: str) -> Mapping[Cell, Measures]:
    """What a lead adds to the figures that this reader sees."""
    teams = principal.bound_teams
    on = read_basis(basis)
    return contribution(facts, on) if teams is None else of_teams(facts, on, teams)


async def _by_rep(
    session: AsyncConnection, teams: frozenset[str], since: date | None, until: date | None
) -> list[Sums]:
    """Counted from the leads: a rep's cell does not tell what the rep did for which team."""
    added: dict[tuple[str, str], Counter[str]] = {}
    after = None
    while True:
        leads = await queries.leads_captured(session, since, until, after, _CHUNK)
        for lead_id, day, basis, facts in leads:
            after = (day, lead_id)
            for cell, measures in of_teams(unpack(facts), read_basis(basis), teams).items():
                if cell.dimension == "rep":
                    named = dict(zip(MEASURES, measures, strict=True))
                    added.setdefault((cell.value, cell.currency), Counter()).update(named)
        if len(leads) < _CHUNK:
            return [(rep, currency, dict(sums)) for (rep, currency), sums in added.items()]
