"""A subscription's secret as it is kept: sealed, or the name of where it is (env:…, file:…)."""

from collections.abc import Callable
from typing import Final

from router.sending.webhooks import PREFIX
from shared.store.sealing import Seal

SEALED: Final = "sealed:"


def to_keep(seal: Seal, secret: str) -> str:
    """What is written of a secret; the name of one stays as it is."""
    return SEALED + seal.close(secret).decode() if secret.startswith(PREFIX) else secret


def renewed(seal: Seal, kept: str) -> str | None:
    """What is to be written in place of it since the key was changed; None where it may stay, or can't be opened."""
    fresh = seal.renewed(kept.removeprefix(SEALED))
    return None if fresh is None else SEALED + fresh.decode()


def found(seal: Seal, kept: str, secrets: Callable[[str], str | None]) -> str | None:
    """The secret itself; None where it is not set, or no present key opens it. Rows of old may still lie open."""
    if kept.startswith(SEALED):
        return seal.open(kept.removeprefix(SEALED))
    return kept if kept.startswith(PREFIX) else secrets(kept)
