"""Housekeeping of the router: what lay open or under an old key is sealed, and what nobody asks for any more goes."""

import asyncio
from typing import Final

import structlog

from router.sending.sealed import SEALED, renewed, to_keep
from router.sending.webhooks import PREFIX
from router.store import deliveries, past
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing
from shared.store.sealing import Seal

log = structlog.get_logger("router")

_EVERY_S: Final = 3600.0
_AGAIN_S: Final = 5.0
_ROWS: Final = 5_000  # a transaction


async def keep_house(desk: Desk, seal: Seal) -> None:
    """Tidy up at the start and every hour, for ever."""
    while True:
        pause_s = _EVERY_S
        try:
            await seal_open_secrets(desk, seal)
            await seal_anew(desk, seal)
            full = _ROWS
            while full >= _ROWS:
                full = await tidy(desk)
        except Exception as error:
            if not is_passing(error):
                raise
            pause_s = _AGAIN_S
            log.warning("not tidied up", error=type(error).__name__)
        await asyncio.sleep(pause_s)


async def seal_open_secrets(desk: Desk, seal: Seal) -> None:
    """Secrets of subscriptions that were kept before secrets were sealed."""
    async with desk.work() as work:
        for subscription_id, secret in await deliveries.secrets_like(work.session, PREFIX):
            await deliveries.keep_secret(work.session, subscription_id, secret, to_keep(seal, secret))


async def seal_anew(desk: Desk, seal: Seal) -> None:
    """Secrets of subscriptions that were sealed with a key which is now the second or a later one."""
    async with desk.work() as work:
        kept = await deliveries.secrets_like(work.session, SEALED)
        changed = [(each, secret, fresh) for each, secret in kept if (fresh := renewed(seal, secret)) is not None]
        for subscription_id, secret, fresh in changed:
            await deliveries.keep_secret(work.session, subscription_id, secret, fresh)
    if changed:
        log.info("secrets of subscriptions sealed with the first key", count=len(changed))


async def tidy(desk: Desk, most: int = _ROWS) -> int:
    """One round: the most that were deleted of one table."""
    gone: list[int] = []
    for prune, kept in (
        (deliveries.prune, deliveries.KEPT),
        (past.prune_answers, past.ANSWERS_KEPT),
        (past.prune_desks, past.REPLAYABLE),
        (past.prune_releases, past.REPLAYABLE),
        (past.prune_looks, past.REPLAYABLE),
        (past.prune_left, past.REPLAYABLE),
    ):
        async with desk.work() as work:
            gone.append(await prune(work.session, work.now - kept, most))
    return max(gone)
