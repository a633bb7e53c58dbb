"""Secrets at rest: sealed with a key that is not in the database, so that a copy of the database opens none."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from shared.store.made_once import made_once

_FERNET_KEY_CHARS: Final = 44


@dataclass(slots=True)
class Seal:
    """What seals and opens."""

    keys: Callable[[], list[str]]
    """The keys: the first seals, all of them open. Asked for once there is something to seal or to open."""
    _boxes: list[Fernet] = field(default_factory=list[Fernet])

    def close(self, value: str) -> bytes:
        """A secret as it may be kept: printable ASCII."""
        return self._with()[0].encrypt(value.encode())

    def open(self, sealed: bytes | str) -> str | None:
        """The secret; None where none of the keys opens it."""
        return next((value for box in self._with() if (value := _opened(box, sealed)) is not None), None)

    def renewed(self, sealed: bytes | str) -> bytes | None:
        """The same secret under the first key; None where it is under it already, or none of the keys opens it."""
        if _opened(self._with()[0], sealed) is not None:
            return None
        value = self.open(sealed)
        return None if value is None else self.close(value)

    def _with(self) -> list[Fernet]:
        if not self._boxes:
            self._boxes = [Fernet(_fernet_key(key)) for key in self.keys()]
        return self._boxes


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


def _opened(box: Fernet, sealed: bytes | str) -> str | None:
    try:
        return box.decrypt(sealed).decode()
    except InvalidToken:
        return None


def _new_key() -> str:
    return Fernet.generate_key().decode()


def _fernet_key(key: str) -> bytes:
    """The key as Fernet takes it; any other text becomes one."""
    if len(key) == _FERNET_KEY_CHARS and re.fullmatch(r"[A-Za-z0-9_-]{43}=", key):
        return key.encode()
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())
