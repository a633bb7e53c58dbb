"""What a service's REST API, timers and background tasks work at: its database, clock and policies."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import anyio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime import failpoints
from shared.runtime.clock import Clock
from shared.runtime.failures import CommitInDoubt, is_passing
from shared.runtime.reports import Report
from shared.runtime.streams import partition_of
from shared.runtime.transactions import Transactions
from shared.runtime.work import Work
from shared.telemetry.meters import Meters

_TRIES = 5
_FIRST_PAUSE_S = 0.05
_PLACES = 6
_PLACE_WAIT_S = 8.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered: kept with its effect, so that a repeat gives the same."""

    status: int
    body: bytes
    lead_id: UUID | None = None


class KeyReused(Exception):
    """The same idempotency key with another body."""


class Crowded(TimeoutError):
    """Nothing was begun, so it passes: 503 to whoever asked, at once and not after waiting again."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One service's own place to work."""

    service: str
    transactions: Transactions
    secrets: Callable[[str], str | None]
    """A secret by its policy spelling, such as `env:META_APP_SECRET`; None where it is not set."""
    reports: Callable[[], Sequence[Report]] = tuple
    """What all services have said of themselves lately."""
    meters: Meters = field(default_factory=Meters)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PLACES))
    """Who is at the database from here at once: the rest of the pool's connections stay for the lanes, and a crowd of
    requests waits without a transaction, whose locks would hold up everybody else."""

    @property
    def clock(self) -> Clock:
        """The clock that all of this service goes by."""
        return self.transactions.clock

    @property
    def partitions(self) -> int:
        """How many lanes there are."""
        return self.transactions.partitions

    def lane(self, lead_id: UUID) -> int:
        """The lane of a lead."""
        return partition_of(lead_id, self.partitions)

    def work_on(self, lead_ids: Sequence[UUID]) -> AbstractAsyncContextManager[Work]:
        """A unit of work on these leads: their lanes are locked before anything is read."""
        return self._placed(self.transactions.locked([self.lane(lead_id) for lead_id in lead_ids]))

    def work(self) -> AbstractAsyncContextManager[Work]:
        """A unit of work that touches no lead's state."""
        return self._placed(self.transactions.free())

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One snapshot, for queries."""
        return self._placed(self.transactions.reading())

    @asynccontextmanager
    async def _placed(self, unit: AbstractAsyncContextManager[_T]) -> AsyncGenerator[_T]:
        """Raises Crowded where no place came free in time."""
        try:
            # wait_for would swallow a cancellation that comes with the place
            async with asyncio.timeout(_PLACE_WAIT_S):
                await self.places.acquire()
        except TimeoutError as error:
            raise Crowded(f"no place at the database within {_PLACE_WAIT_S:.0f} s") from error
        try:
            async with unit as found:
                yield found
        finally:
            self.places.release()

    async def command(
        self, command_id: str, payload: bytes, lead_id: UUID, act: Callable[[Work], Awaitable[Answer]]
    ) -> Answer:
        """Carry out a command exactly once: the id was fixed before the first try and is kept with the effect.

        A lost connection, even during COMMIT, is answered by looking for the id under the lead's lock (which waits
        for a COMMIT still under way) and acting only where it is not there. Raises KeyReused for another body.
        """
        digest = hashlib.sha256(payload).digest()
        for attempt in range(_TRIES):
            try:
                async with self.work_on([lead_id]) as work:
                    known = await _kept(work.session, command_id, digest)
                    if known is not None:
                        return known
                    answer = await act(work)
                    if answer.status < 400:
                        await _keep(work, command_id, digest, answer, lead_id)
                    else:
                        work.emitted.clear()
                        await work.session.rollback()
            except Exception as error:
                if attempt == _TRIES - 1 or isinstance(error, Crowded):
                    raise
                if not (is_passing(error) or _kept_meanwhile(error)):
                    raise
                if isinstance(error, CommitInDoubt) and failpoints.on("blind-commit-retry"):
                    command_id = f"{command_id}:{attempt}"
            else:
                return answer
            await anyio.sleep(_FIRST_PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")


async def _kept(session: AsyncConnection, command_id: str, digest: bytes) -> Answer | None:
    row = (
        await session.execute(
            text("select digest, status, answer, lead_id from command where id = :id"), {"id": command_id}
        )
    ).one_or_none()
    if row is None:
        return None
    if row.digest != digest:
        raise KeyReused("this Idempotency-Key was used with another body: use a new key for a new request")
    return Answer(row.status, row.answer, row.lead_id)


def _kept_meanwhile(error: Exception) -> bool:
    """Whether the same id was kept by a request on another lead's lane, which our lock did not hold back."""
    return isinstance(error, IntegrityError) and "command_pkey" in str(error.orig)


async def _keep(work: Work, command_id: str, digest: bytes, answer: Answer, lead_id: UUID) -> None:
    await work.session.execute(
        text(
            "insert into command (id, digest, status, answer, lead_id, kept_at)"
            " values (:id, :digest, :status, :answer, :lead_id, :now)"
        ),
        {
            "id": command_id,
            "digest": digest,
            "status": answer.status,
            "answer": answer.body,
            "lead_id": answer.lead_id or lead_id,
            "now": work.now,
        },
    )


def due_in_lane(rows: Sequence[tuple[int, datetime | None]]) -> dict[int, datetime]:
    """Rows of (lane, earliest due or none) as a timer's `next_due` gives them."""
    return {lane: due for lane, due in rows if due is not None}
