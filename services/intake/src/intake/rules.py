"""The rules in force, kept in memory so that a request asks no table: doors, fields, secrets, the key of hashes."""

import asyncio
import time
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from intake.domain.fields import Fields
from intake.domain.policy import Door, Doors, Resolve, SecretRef
from intake.policies import FindSecret, resolver
from intake.vault import Vault
from shared.runtime.desk import Desk
from shared.runtime.work import Work
from shared.store.sealing import Seal

_FRESH_S = 1.0
_REFUSAL_PAUSE_S = 0.1  # forged requests must not make us read policies without a pause


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of everything that decides what becomes of a request."""

    versions: tuple[int, int]
    doors: Doors
    fields: Fields
    hash_key: bytes
    resolve: Resolve

    def door(self, name: str) -> Door | None:
        """The door of this name."""
        return self.doors.doors.get(name)


@dataclass(slots=True)
class RuleBook:
    """The newest rules that were read. A group commit compares their version inside its own transaction."""

    vault: Vault = field(default_factory=lambda: Vault(Seal(list)))
    _rules: Rules | None = None
    _read_at_s: float = 0.0
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self, desk: Desk) -> Rules:
        """The rules, about a second old at most; while they are read anew, the others use what there is."""
        if self._rules is not None and (time.monotonic() - self._read_at_s < _FRESH_S or self._reading.locked()):
            return self._rules
        return await self.newest(desk)

    async def newest(self, desk: Desk, *, pause_s: float = 0.0) -> Rules:
        """The rules as they are now. With a pause between two readings, those who ask meanwhile share one."""
        asked_s = time.monotonic()
        async with self._reading:
            if self._rules is not None and self._read_at_s >= asked_s:
                return self._rules
            await asyncio.sleep(max(0.0, self._read_at_s + pause_s - time.monotonic()))
            began_s = time.monotonic()
            async with desk.read() as session:
                await self.vault.read(session)
                rules = await _read(session, desk, finder(desk, self.vault))
            self._rules, self._read_at_s = rules, began_s
            return rules

    async def doubted(self, desk: Desk) -> Rules:
        """The rules after one of ours was about to refuse a sender: perhaps they were published a moment ago."""
        return await self.newest(desk, pause_s=_REFUSAL_PAUSE_S)


async def rules_of(work: Work, desk: Desk) -> Rules:
    """The rules that decide this transaction. They prove and fetch nothing, so they know the process's secrets only."""
    return await _read(work.session, desk, desk.secrets)


def finder(desk: Desk, vault: Vault) -> FindSecret:
    """Secrets by their policy spelling: of the write-only store, else of the process."""

    def find(spelling: str) -> str | None:
        kept = vault.find(spelling.removeprefix("secret:")) if spelling.startswith("secret:") else None
        return kept if kept is not None else desk.secrets(spelling)

    return find


async def _read(session: AsyncConnection, desk: Desk, secrets: FindSecret) -> Rules:
    policies = desk.transactions.policies
    doors = await policies.current(session, "doors", desk.clock())
    fields = await policies.current(session, "fields", desk.clock())
    key = await session.scalar(text("select value from setting where name = 'intake_hash_key'"))
    return Rules((doors.version, fields.version), doors.value, fields.value, bytes.fromhex(key), _once(secrets))


def _once(secrets: FindSecret) -> Resolve:
    """Secrets looked up once for as long as these rules are used: a file is not read for every request."""
    resolve = resolver(secrets)
    known: dict[tuple[str | None, str | None, str | None], str | None] = {}

    def lookup(ref: SecretRef) -> str | None:
        name = (ref.env, ref.file, ref.secret)
        if name not in known:
            known[name] = resolve(ref)
        return known[name]

    return lookup
