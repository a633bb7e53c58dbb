"""The write-only secrets: sealed with a key that is not in the database; nobody can read one back through the API."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.made_once import made_once

log = structlog.get_logger("intake")

GOOD_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
MAX_VALUE_CHARS: Final = 8_192
_FERNET_KEY_CHARS: Final = 44


class SecretRow(NamedTuple):
    """What may be told of a secret."""

    name: str
    set_at: datetime


@dataclass(slots=True)
class Vault:
    """The secrets of one process, as last read from the database."""

    keys: Callable[[], list[str]]
    """The keys: the first seals, all of them open. Asked for once there is something to seal or to open."""
    _opened: dict[str, tuple[bytes, str | None]] = field(default_factory=dict[str, tuple[bytes, str | None]])
    _box: MultiFernet | None = None

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
        sealed = self.box().encrypt(value.encode())
        await session.execute(
            text(
                "insert into secret (name, sealed, set_at, set_by) values (:name, :sealed, :now, :by)"
                " on conflict (name) do update set sealed = excluded.sealed, set_at = excluded.set_at,"
                " set_by = excluded.set_by"
            ),
            {"name": name, "sealed": sealed, "now": now, "by": by},
        )

    def box(self) -> MultiFernet:
        """What seals and opens."""
        if self._box is None:
            self._box = MultiFernet([Fernet(_fernet_key(key)) for key in self.keys()])
        return self._box

    def _open(self, name: str, sealed: bytes) -> tuple[bytes, str | None]:
        known = self._opened.get(name)
        if known is not None and known[0] == sealed:
            return known
        try:
            return sealed, self.box().decrypt(sealed).decode()
        except InvalidToken:
            opened = None
        log.error("a secret can't be opened with the present key: set it again", what=name)
        return sealed, opened


async def names(session: AsyncConnection) -> list[SecretRow]:
    """Which secrets there are, and since when."""
    rows: Any = await session.execute(text("select name, set_at from secret order by name"))
    return [SecretRow(*row) for row in rows]


def keys_of(environment: Mapping[str, str]) -> Callable[[], list[str]]:
    """The keys of BATON_SECRETS_KEY, else of the file `secrets-key` in the data directory, made at its first use.

    Several, separated by commas, overlap while one is replaced by another.
    """

    def keys() -> list[str]:
        given = environment.get("BATON_SECRETS_KEY", "")
        file = environment.get("BATON_SECRETS_KEY_FILE", "")
        if not given and file:
            given = Path(file).read_text("utf-8")
        several = [key.strip() for key in given.split(",") if key.strip()]
        return several or [made_once(Path(environment.get("BATON_DATA_DIR", "data")) / "secrets-key", _new_key)]

    return keys


def _new_key() -> str:
    return Fernet.generate_key().decode()


def _fernet_key(key: str) -> bytes:
    """The key as Fernet takes it; any other text becomes one."""
    if len(key) == _FERNET_KEY_CHARS and re.fullmatch(r"[A-Za-z0-9_-]{43}=", key):
        return key.encode()
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())
