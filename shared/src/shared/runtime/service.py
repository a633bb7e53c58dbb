"""What a service is made of; `main.py` of each service builds one of these and nothing else."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import Event
from shared.contracts.topology import CONSUMES, EMITS
from shared.runtime.policies import PolicyDefinition
from shared.runtime.streams import Record
from shared.runtime.work import Work

if TYPE_CHECKING:
    from shared.runtime.desk import Desk

E = TypeVar("E", bound=Event)


class Delivered(msgspec.Struct, Generic[E], frozen=True, gc=False):
    """An event as a handler gets it, with the record it came in."""

    record: Record
    event: E

    @property
    def id(self) -> UUID:
        """The event's id: the same for every delivery of it."""
        return self.record.id


Handler = Callable[[Sequence[Delivered[Any]], Work], Awaitable[None]]


class Unprocessable(Exception):
    """This record can't be handled however often it is tried: park it, with its lead. Says why."""


@dataclass(slots=True)
class Subscription:
    """Which handler takes which topics. A handler gets a batch in the order of the streams, mixed types together."""

    topics: dict[Handler, frozenset[str]] = field(default_factory=dict[Handler, frozenset[str]])

    def on(self, *types: type[Event]) -> Callable[[Handler], Handler]:
        """Have the decorated function take these events."""

        def register(handler: Handler) -> Handler:
            wires = frozenset(event_type.wire for event_type in types)
            if twice := wires & frozenset().union(*self.topics.values()):
                raise ValueError(f"{', '.join(sorted(twice))}: two handlers")
            self.topics[handler] = self.topics.get(handler, frozenset()) | wires
            return handler

        return register


@dataclass(frozen=True, slots=True)
class Timer:
    """A door of time: rows with a due instant in the service's own store.

    `next_due(session, partitions)` is the earliest due instant of each lane that has one.
    `fire(work, partition, limit)` takes what is due at `work.now` in one lane (its lane row is locked already) and
    returns how many it took; the runtime calls again while that equals the limit.
    `postpone(work, partition, until)` has the row that `fire` would take first looked at no sooner than `until`, and
    returns its id: a row that always fails must not hold up the others. A timer without it waits as a whole then.
    """

    name: str
    next_due: Callable[[AsyncConnection, Sequence[int]], Awaitable[Mapping[int, datetime]]]
    fire: Callable[[Work, int, int], Awaitable[int]]
    postpone: Callable[[Work, int, datetime], Awaitable[UUID | None]] | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its name (as in the map of topics), package, doors and policies."""

    name: str
    package: str
    subscription: Subscription = field(default_factory=Subscription)
    timers: Sequence[Timer] = ()
    api: "Callable[[Desk], APIRouter] | None" = None
    policies: Sequence[PolicyDefinition] = ()
    background: "Sequence[Callable[[Desk], Coroutine[Any, Any, None]]]" = ()
    """Tasks that run as long as the service does (intake's group commit); their end is the process's end."""
    holdings: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the audit compares: by name a query of `id, lead_id, partition` for every lead (handoff, clock) held."""

    @property
    def consumes(self) -> tuple[str, ...]:
        """The topics this service reads."""
        return CONSUMES[self.name]

    @property
    def emits(self) -> tuple[str, ...]:
        """The topics this service writes."""
        return EMITS[self.name]
