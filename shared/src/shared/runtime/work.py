"""What a handler works with: one transaction, one instant, and the events it will have emitted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import Event
from shared.runtime.ids import new_id
from shared.runtime.policies import Policies, Published

if TYPE_CHECKING:
    from asyncpg import Connection


@dataclass(slots=True)
class Work:
    """One unit of work of any door. The runtime opens it, numbers and writes what it emitted, and commits.

    `session` is the SQLAlchemy connection inside the transaction; `await raw()` the asyncpg connection beneath it,
    in the same transaction, for the few hot statements.
    """

    session: AsyncConnection
    now: datetime
    policies: Policies
    emitted: list[tuple[UUID, Event]] = field(default_factory=list[tuple[UUID, Event]])

    def emit(self, events: Iterable[Event]) -> None:
        """Have these events published when, and only when, the transaction commits."""
        self.emitted.extend([(new_id(), event) for event in events])

    async def policy(self, kind: str) -> Published:
        """The version of a policy that decides this transaction."""
        return await self.policies.current(self.session, kind, self.now)

    async def raw(self) -> "Connection":
        """The driver's connection of this transaction."""
        raw = await self.session.get_raw_connection()
        connection = raw.driver_connection
        if connection is None:
            raise RuntimeError("the transaction has lost its connection")
        return connection
