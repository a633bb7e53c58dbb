"""What nobody asks for: engagements whose person became known beside their own commit, and what waited too long."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from intake import queries
from intake.imports import store
from intake.telling import woken_event
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing

log = structlog.get_logger("intake")

_EVERY_S = 30.0
_WAITING = timedelta(days=90)
ROWS_KEPT: Final = timedelta(days=90)
"""How long after a file's reading one can still see what became of each of its rows."""
_ROWS: Final = 5_000  # a round


async def keep_house(desk: Desk) -> None:
    """Tidy up every half minute, for ever."""
    while True:
        try:
            await tidy(desk)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("not tidied up", error=type(error).__name__)
        await asyncio.sleep(_EVERY_S)


async def tidy(desk: Desk) -> None:
    """One round."""
    async with desk.work() as work:
        woken = await queries.wake_engagements(work.session)
        work.emit(woken_event(row, work.now) for row in woken)
        await queries.expire(work.session, work.now, waiting=_WAITING)
    async with desk.work() as work:
        await store.prune_rows(work.session, work.now - ROWS_KEPT, _ROWS)
