"""Whose a lead is and was, and what follows for those who see only their own: a rep, a manager of some teams."""

from collections.abc import Collection
from typing import Literal

from router.domain.dossier import Dossier, place
from router.domain.policy import Routing

NO_TEAMS: frozenset[str] = frozenset()


def had(dossier: Dossier) -> set[tuple[str, str]]:
    """Whoever has or had the lead or its opportunity: owner and team."""
    return {(work.owner, work.team) for work in (*dossier.handoffs, *dossier.opportunities)}


def opened_to(
    dossier: Dossier, policy: Routing, *, rep: str | None = None, teams: Collection[str] = NO_TEAMS
) -> Literal["lead", "score"] | None:
    """What a rep, or a manager of these teams, reads of the lead: who it is, its score alone, or nothing.

    Who it is, of a lead that is or was theirs, or that waits for one of the teams. Of what lies in a pool that may be
    claimed from, the score, by which it is chosen. Of an erased lead nothing is left to be seen but that it is erased.
    """
    is_theirs = any(owner == rep or team in teams for owner, team in had(dossier))
    if is_theirs or _awaited_by(dossier) in teams or dossier.erased_at is not None:
        return "lead"
    here = place(dossier)
    claimed = {name for name, rule in policy.pools.items() if rule.claim}
    return "score" if here.kind == "pool" and here.detail in claimed else None


def is_anothers(dossier: Dossier, teams: Collection[str]) -> bool:
    """Whether a lead that nobody has is still another team's: it waits for that team, or no team but others had it."""
    awaited_by = _awaited_by(dossier)
    if awaited_by is not None:
        return awaited_by not in teams
    before = {team for _, team in had(dossier)}
    return bool(before) and before.isdisjoint(teams)


def _awaited_by(dossier: Dossier) -> str | None:
    return dossier.wanting.team if dossier.wanting is not None else None
