"""Cadences: what a lead in marketing's care is sent on which day, and which piece of content fits it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import msgspec

Profile = tuple[tuple[str, str], ...]
"""What content is chosen by, as far as it is known of a lead."""
STAGE = "stage"
"""May stand in `by` beside attributes: `new`, or `returned` once sales had the lead."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One thing to send, on a day counted from the cadence's start."""

    day: int
    content: str


class Cadence(msgspec.Struct, frozen=True, gc=False):
    name: str
    steps: tuple[Step, ...]
    when: str | None = None
    by: tuple[str, ...] = ()
    calendar: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NurturePolicy:
    """The first cadence whose `when` holds is a lead's; `pool` is the one of whoever is moved to the nurture pool.

    `contents` are the pieces there are, empty where nobody lists them. `consent` is the purpose whose withdrawal ends
    it. `by_tier_alone`: no condition asks for more than the tier. Versions are told apart by identity.
    """

    cadences: tuple[Cadence, ...] = ()
    pool: str | None = None
    contents: frozenset[str] = frozenset()
    consent: str = "marketing"
    by_tier_alone: bool = True
    asked: tuple[str, ...] = ()
    """The attributes that content is chosen by."""

    def cadence(self, name: str) -> Cadence | None:
        return next((each for each in self.cadences if each.name == name), None)


def choose(content: str, cadence: Cadence, profile: Profile, episode: int, there: frozenset[str]) -> tuple[str, ...]:
    """The pieces that fit the lead, the most specific first, the plain one last: `thanks.manufacturing.founder`, …"""
    return tuple([piece for piece in _pieces(content, cadence, profile, episode) if not there or piece in there]) or (
        content,
    )


def _pieces(content: str, cadence: Cadence, profile: Profile, episode: int) -> Iterator[str]:
    known = {**dict(profile), STAGE: "returned" if episode else "new"}
    values = [known[name] for name in cadence.by if name in known]
    for size in range(len(values), -1, -1):
        for chosen in combinations(values, size):
            yield ".".join((content, *chosen))
