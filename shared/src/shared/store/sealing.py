"""Secrets at rest: sealed with a key that is not in the database, so that a copy of the database opens none."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.store.made_once import made_once

_FERNET_KEY_CHARS: Final = 44


@dataclass(slots=True)
class Seal:
    """What seals and opens."""

    keys: Callable[[], list[str]]
    """The keys: the first seals, all of them open. Asked for once there is something to seal or to open."""
    _box: MultiFernet | None = None

    def close(self, value: str) -> bytes:
        """A secret as it may be kept: printable ASCII."""
        return self._with().encrypt(value.encode())

    def open(self, sealed: bytes | str) -> str | None:
        """The secret; None where none of the keys opens it."""
        try:
            return self._with().decrypt(sealed).decode()
        except InvalidToken:
            return None

    def _with(self) -> MultiFernet:
        if self._box is None:
            self._box = MultiFernet([Fernet(_fernet_key(key)) for key in self.keys()])
        return self._box


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
