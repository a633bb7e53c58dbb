"""Whose a lead is and was, for a manager of some teams."""

from collections.abc import Collection

from shared.http.access import Principal


def is_anothers(principal: Principal, had: Collection[tuple[str, str]]) -> bool:
    """Whether this manager of some teams has nothing to do with a lead, since others (owner and team) alone had it."""
    teams = principal.bound_teams
    return teams is not None and bool(had) and all(team not in teams for _, team in had)
