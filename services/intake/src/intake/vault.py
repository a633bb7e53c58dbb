"""The write-only secrets: sealed with a key that is not in the database; nobody can read one back through the API."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.sealing import Seal

log = structlog.get_logger("intake")

GOOD_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
MAX_VALUE_CHARS: Final = 8_192


class SecretRow(NamedTuple):
    """What may be told of a secret."""

    name: str
    set_at: datetime


@dataclass(slots=True)
class Vault:
    """The secrets of one process, as last read from the database."""

    seal: Seal
    _opened: dict[str, tuple[bytes, str | None]] = field(default_factory=dict[str, tuple[bytes, str | None]])

    def find(self, name: str) -> str | None:
        """A secret's value; None where it is not set or can't be opened with the present key."""
        return self._opened.get(name, (b"", None))[1]

    async def read(self, session: AsyncConnection) -> None:
        """Look again: what another process has set meanwhile."""
        rows = await session.execute(text("select name, sealed from secret"))
        sealed = {row[0]: bytes(row[1]) for row in rows}
        self._opened = {name: self._open(name, value) for name, value in sealed.items()}

    async def put(self, session: AsyncConnection, name: str, value: str, now: datetime, by: str) -> None:
        """Seal and keep a secret, in place of an earlier one of its name."""
        await session.execute(
            text(
                "insert into secret (name, sealed, set_at, set_by) values (:name, :sealed, :now, :by)"
                " on conflict (name) do update set sealed = excluded.sealed, set_at = excluded.set_at,"
                " set_by = excluded.set_by"
            ),
            {"name": name, "sealed": self.seal.close(value), "now": now, "by": by},
        )

    def _open(self, name: str, sealed: bytes) -> tuple[bytes, str | None]:
        known = self._opened.get(name)
        if known is not None and known[0] == sealed:
            return known
        opened = self.seal.open(sealed)
        if opened is None:
            log.error("a secret can't be opened with the present key: set it again", what=name)
        return sealed, opened


async def names(session: AsyncConnection) -> list[SecretRow]:
    """Which secrets there are, and since when."""
    rows: Any = await session.execute(text("select name, set_at from secret order by name"))
    return [SecretRow(*row) for row in rows]
