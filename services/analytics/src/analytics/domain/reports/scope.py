"""Whose rows a reader sees."""

from typing import NamedTuple


class Scope(NamedTuple):
    """A rep sees their own; teams bound a manager; no bound at all sees everything."""

    rep: str | None = None
    teams: frozenset[str] = frozenset()

    def sees(self, owner: str | None, team: str | None) -> bool:
        """Whether a row of this owner and team may be seen."""
        if self.rep is not None:
            return owner == self.rep
        return not self.teams or team in self.teams
