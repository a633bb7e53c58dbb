"""What was decided once, as a what-if replays it: looks at leads, capacity given back, switches thrown, waiting ended."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from router.domain.assign import Lead, Ways
from router.domain.desk import Desk


class Look(NamedTuple):
    """One look at a lead that wanted an owner. `owner` None: it waited.

    `number` is the team's decision number, None where no team was found. `given`: a person named the owner. `ways`:
    where it went is fixed (a manager named the team, or nothing else of the lead is known any more).
    """

    at: datetime
    team: str | None
    number: int | None
    lead_id: UUID
    lead: Lead
    version: int
    owner: str | None = None
    given: bool = False
    ways: Ways | None = None
    order: int = 0


class Freed(NamedTuple):
    """Open work of a rep ended before the team's decision of this number."""

    at: datetime
    team: str
    number: int
    rep: str
    lead_id: UUID
    order: int = 0


class Switched(NamedTuple):
    """A rep went away or came back before the team's decision of this number."""

    at: datetime
    team: str
    number: int
    rep: str
    available: bool
    order: int = 0


class Left(NamedTuple):
    """A lead that waited got no owner and waits no more: a person moved it to a pool, or it was merged or erased."""

    at: datetime
    lead_id: UUID
    order: int = 0
    team: None = None
    number: None = None


Item = Look | Freed | Switched | Left


class Past(NamedTuple):
    """The desks before the first of the items, and the items in order."""

    desks: Mapping[str, Desk]
    items: Sequence[Item]


def ordered(items: Iterable[Item]) -> list[Item]:
    """Each team's in the order of its decision numbers, the teams' beside each other by when (`order`, of their ids).

    What comes before a decision carries its number and goes first; of one number and kind, the order makes no difference.
    """
    by_team: dict[str | None, list[Item]] = {}
    for item in items:
        by_team.setdefault(item.team, []).append(item)
    placed: list[tuple[int, str, int, Item]] = []
    for team, of_team in by_team.items():
        of_team.sort(key=lambda item: (item.number or 0, isinstance(item, Look), item.order))
        latest = 0
        for place, item in enumerate(of_team):
            latest = max(latest, item.order)
            placed.append((latest, team or "", place, item))
    placed.sort(key=lambda each: each[:3])
    return [item for *_, item in placed]
