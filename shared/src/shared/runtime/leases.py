"""Which lanes this instance holds: leases in the service's own database, renewed together. For speed, not safety."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.failures import is_passing
from shared.runtime.supervisor import unwatched
from shared.store import lanes

_BEAT_SHARE = 0.3
_TRUST_SHARE = 0.8


@dataclass(slots=True)
class Leases:
    """The lanes held. A lane that is to be given up stays held until `settle`, after the batch in flight."""

    engine: AsyncEngine
    instance: str
    partitions: int
    lease_s: float = lanes.LEASE_S
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    instances: int = 1
    _held: frozenset[int] = frozenset()
    _surplus: frozenset[int] = frozenset()
    _renewed_at: float = 0.0
    _tended: bool = False
    _succeeded: bool = False

    @property
    def held(self) -> frozenset[int]:
        """The lanes that are surely ours at this moment; none where renewal has failed for too long."""
        return self._held if time.monotonic() - self._renewed_at < self.lease_s * _TRUST_SHARE else frozenset()

    @property
    def wanted(self) -> frozenset[int]:
        """What is held less what is to be given up."""
        return self.held - self._surplus

    async def run(self, beat: Callable[[], None] = unwatched) -> None:
        """Renew, take and offer lanes for ever."""
        while True:
            beat()
            try:
                await self.beat()
                if not self._tended:
                    await self._give_up()  # a service that consumes nothing has no batches to wait for
            except Exception as error:
                if not is_passing(error):
                    raise
            await asyncio.sleep(self.lease_s * (_BEAT_SHARE if self._held else _BEAT_SHARE / 10))

    async def beat(self) -> None:
        """One round: live, renew, and move towards a fair share."""
        began = time.monotonic()
        async with self.engine.connect() as session:
            if not self._succeeded:
                await lanes.succeed(session, self.instance)
            rank, self.instances = await lanes.beat(session, self.instance, self.lease_s)
            held = await lanes.renew(session, self.instance, self.lease_s)
            share = self.partitions // self.instances + (rank < self.partitions % self.instances)
            if len(held) < share:
                held |= await lanes.acquire(session, self.instance, share - len(held), self.lease_s)
            await session.commit()
        surplus = frozenset(sorted(held)[share:])
        if (frozenset(held), surplus) != (self._held, self._surplus):
            self.changed.set()
        self._held, self._surplus, self._renewed_at, self._succeeded = frozenset(held), surplus, began, True

    async def settle(self) -> None:
        """Give up what is more than our share; called between batches."""
        self._tended = True
        await self._give_up()

    async def _give_up(self) -> None:
        if not self._surplus:
            return
        async with self.engine.connect() as session:
            await lanes.release(session, self.instance, sorted(self._surplus))
            await session.commit()
        self._held, self._surplus = self._held - self._surplus, frozenset()

    async def change(self, at_most_s: float) -> None:
        """Wait until the lanes held change."""
        self.changed.clear()
        try:
            async with asyncio.timeout(at_most_s):
                await self.changed.wait()
        except TimeoutError:
            return

    async def retire(self) -> None:
        """Leave in good order: the others take our lanes at once."""
        async with self.engine.connect() as session:
            await lanes.retire(session, self.instance)
            await session.commit()
        self._held = frozenset()
