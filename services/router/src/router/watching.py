"""The rotation's published bound, checked live: a gauge per team."""

import asyncio
from typing import Final

import msgspec

from router.domain.desk import Desk as TeamDesk
from router.domain.rotation import deviations
from router.store import lists
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing

_EVERY_S: Final = 10.0
_DESK: Final = msgspec.json.Decoder(TeamDesk)


async def watch_fairness(desk: Desk) -> None:
    """Say for ever how unfair each team's rotation is."""
    while True:
        try:
            await look(desk)
        except Exception as error:
            if not is_passing(error):
                raise
        await asyncio.sleep(_EVERY_S)


async def look(desk: Desk) -> dict[str, float]:
    """The greatest |assigned - share| of each team since its eligible set or weights last changed; the gauge says so."""
    async with desk.read() as session:
        kept = await lists.desks(session)
    found = {team: unfairness(_DESK.decode(row)) for team, row in kept.items()}
    for team, greatest in found.items():
        desk.meters.rotation_unfairness.labels(team).set(greatest)
    return found


def unfairness(desk: TeamDesk) -> float:
    """How far the rep farthest from their share is from it, in leads."""
    return max(map(abs, deviations(desk.rotation).values()), default=0.0)
