"""The one place that commits: opens a unit of work, takes its locks in order, numbers what it emits, commits."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.runtime import failpoints
from shared.runtime.clock import Clock
from shared.runtime.failures import CommitInDoubt, Fenced, is_passing
from shared.runtime.policies import Policies
from shared.runtime.streams import Record
from shared.runtime.work import Work
from shared.store import outbox

_FENCE = text(
    "with held as (select l.partition from lane l join unnest(cast(:lanes as int[]), cast(:versions as bigint[]))"
    " as f(partition, version) on l.partition = f.partition and l.version = f.version"
    " order by l.partition for update of l)"
    " update lane l set version = l.version + 1 from held where l.partition = held.partition"
)
_LOCK = text("select partition from lane where partition = any(cast(:lanes as int[])) order by partition for update")


@dataclass(slots=True)
class Transactions:
    """Units of work on one service's database. `committed` hears of every record once it is durable."""

    engine: AsyncEngine
    clock: Clock
    partitions: int
    policies: Policies
    committed: list[Callable[[Sequence[Record]], None]] = field(
        default_factory=list[Callable[[Sequence[Record]], None]]
    )

    @asynccontextmanager
    async def fenced(self, versions: Mapping[int, int]) -> AsyncGenerator[Work]:
        """A consumer's unit of work: compare-and-set every lane's version first, then read state.

        Raises Fenced where a lane was moved by somebody else.
        """
        lanes = sorted(versions)
        async with self.engine.connect() as session:
            result = await session.execute(
                _FENCE, {"lanes": lanes, "versions": [versions[partition] for partition in lanes]}
            )
            if result.rowcount != len(lanes) and not failpoints.on("no-fence"):
                raise Fenced(f"lanes {lanes}: moved by another owner")
            work = Work(session, self.clock(), self.policies.for_one_transaction())
            yield work
            await self._finish(work)

    @asynccontextmanager
    async def locked(self, lanes: Sequence[int]) -> AsyncGenerator[Work]:
        """A unit of work of a request or a timer: the lanes' rows are locked, their versions stay."""
        async with self.engine.connect() as session:
            await session.execute(_LOCK, {"lanes": sorted(set(lanes))})
            work = Work(session, self.clock(), self.policies.for_one_transaction())
            yield work
            await self._finish(work)

    @asynccontextmanager
    async def free(self) -> AsyncGenerator[Work]:
        """A unit of work that touches no lead's state (policies, registers), or guards itself (intake's keys)."""
        async with self.engine.connect() as session:
            await session.execute(text("select 1"))
            work = Work(session, self.clock(), self.policies.for_one_transaction())
            yield work
            await self._finish(work)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """One snapshot for several reads; changes nothing."""
        async with self.engine.connect() as session:
            await session.execute(text("set transaction isolation level repeatable read, read only"))
            yield session
            await session.rollback()

    async def _finish(self, work: Work) -> None:
        records = await outbox.write(await work.raw(), work.emitted, self.partitions) if work.emitted else []
        try:
            await work.session.commit()
        except Exception as error:
            if is_passing(error):
                raise CommitInDoubt(str(error)) from error
            raise
        if records:
            for hear in self.committed:
                hear(records)
