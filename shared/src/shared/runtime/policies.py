"""Policies as a service keeps them: immutable versions, parsed once, read inside the transaction that they decide."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PolicyBody = Mapping[str, Any]
VERSIONS_KEPT = 256
"""Of the versions that were parsed; of those that decide there are a handful."""
Beside = Callable[[str], Awaitable[Any]]
"""The value in force of another kind that the same service keeps."""


class PolicyInvalid(ValueError):
    """A policy that can't be published. Each problem says what, where and how to fix it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class PolicyChanged(Exception):
    """Somebody published in between: read the newest version and try again."""


@dataclass(frozen=True, slots=True)
class PolicyDefinition:
    """A policy kind that a service keeps: `parse` raises PolicyInvalid, `preset` seeds an empty store.

    `drafted`: it is published from a draft, by paths of the service's own; nobody publishes it past them.
    """

    kind: str
    parse: Callable[[PolicyBody], Any]
    preset: PolicyBody
    read_roles: frozenset[str] = frozenset({"admin", "operator", "manager", "marketer", "analyst"})
    write_roles: frozenset[str] = frozenset({"admin"})
    lint: Callable[[Any], Sequence[str]] = lambda _value: ()
    drafted: bool = False
    fits: "Callable[[PolicyBody, Beside], Awaitable[None]] | None" = None
    """Checked at a save: raises PolicyInvalid where it does not go with the other policies in force."""
    within: "Callable[[PolicyBody, PolicyBody, frozenset[str]], bool] | None" = None
    """Whether a change, old and new, keeps to some teams. Without it nobody whose key is bound to teams publishes."""


@dataclass(frozen=True, slots=True)
class Published:
    """One version of a policy: as parsed, and as it was written."""

    kind: str
    version: int
    value: Any
    body: PolicyBody
    published_by: str
    effective_from: datetime


class Policies:
    """The kinds that one service keeps. Reading asks for the version in every transaction, and parses only once."""

    def __init__(self, definitions: Sequence[PolicyDefinition]) -> None:
        self.definitions = {definition.kind: definition for definition in definitions}
        self.decided: dict[datetime, dict[str, int]] | None = None
        self._parsed: dict[tuple[str, int], Published] = {}

    def for_one_transaction(self) -> "Policies":
        """The same, but all kinds are read once: a version published meanwhile decides nothing in this transaction."""
        one = copy(self)
        one.decided = {}
        return one

    async def current(self, session: AsyncConnection, kind: str, at: datetime) -> Published:
        """The version in effect at an instant; the newest wins."""
        versions = self.decided.get(at) if self.decided is not None else None
        if versions is None:
            versions = await _newest(session, at)
            if self.decided is not None:
                self.decided[at] = versions
        version = versions.get(kind)
        if version is None:
            raise PolicyInvalid([f"no {kind} policy is in effect: publish one with `baton policy publish`"])
        return await self.load(session, kind, version)

    async def load(self, session: AsyncConnection, kind: str, version: int) -> Published:
        """One version by number: parsed once, since versions never change."""
        known = self._parsed.get((kind, version))
        if known is not None:
            return known
        row = (
            await session.execute(
                text("select body, published_by, effective_from from policy where kind = :kind and version = :version"),
                {"kind": kind, "version": version},
            )
        ).one()
        body = row.body if isinstance(row.body, dict) else orjson.loads(row.body)
        published = Published(
            kind, version, self.definitions[kind].parse(body), body, row.published_by, row.effective_from
        )
        if len(self._parsed) >= VERSIONS_KEPT:
            del self._parsed[next(iter(self._parsed))]
        self._parsed[kind, version] = published
        return published

    async def publish(
        self, session: AsyncConnection, kind: str, body: PolicyBody, *, by: str, at: datetime, after: int | None = None
    ) -> int:
        """Keep a new version, effective at once, and return its number.

        Raises PolicyInvalid where it does not parse and PolicyChanged where `after` is no longer the newest.
        Each version carries the digest of the one before it, so that a change of history shows.
        """
        self.definitions[kind].parse(body)
        await session.execute(text("select pg_advisory_xact_lock(hashtext('policy:' || :kind))"), {"kind": kind})
        newest = (
            await session.execute(
                text("select version, digest from policy where kind = :kind order by version desc limit 1"),
                {"kind": kind},
            )
        ).one_or_none()
        previous = newest.version if newest else 0
        if after is not None and after != previous:
            raise PolicyChanged(f"{kind} is at version {previous}, not {after}: read it again and repeat the change")
        encoded = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
        previous_digest = newest.digest if newest else ""
        await session.execute(
            text(
                "insert into policy (kind, version, body, published_by, published_at, effective_from, previous_digest,"
                " digest) values (:kind, :version, cast(:body as jsonb), :by, :at, :at, :previous, :digest)"
            ),
            {
                "kind": kind,
                "version": previous + 1,
                "body": encoded,
                "by": by,
                "at": at,
                "previous": previous_digest,
                "digest": hashlib.sha256(f"{previous_digest}:{encoded}".encode()).hexdigest(),
            },
        )
        for instant, versions in (self.decided or {}).items():
            if instant >= at:
                versions[kind] = previous + 1
        return previous + 1

    async def seed(self, session: AsyncConnection, presets: Mapping[str, PolicyBody], at: datetime) -> None:
        """Publish the presets of kinds that have no version yet; the store's own versions are never overridden."""
        for kind, definition in self.definitions.items():
            found = await session.scalar(text("select 1 from policy where kind = :kind limit 1"), {"kind": kind})
            if found is None:
                await self.publish(session, kind, presets.get(kind, definition.preset), by="preset", at=at)


async def _newest(session: AsyncConnection, at: datetime) -> dict[str, int]:
    """The versions in effect at an instant, of every kind."""
    query = text("select kind, max(version) from policy where effective_from <= :at group by kind")
    return {row[0]: row[1] for row in await session.execute(query, {"at": at})}
