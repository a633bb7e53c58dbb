"""The data directory: what must survive a restart and belongs to this installation alone."""

import hashlib
import os
import secrets
from pathlib import Path

from baton.settings import Settings


def admin_token(settings: Settings) -> str:
    """The administrator's token: from the environment or its file, else made once and kept with mode 0600."""
    if given := settings.admin_token.get_secret_value():
        return given
    if settings.admin_token_file is not None:
        return settings.admin_token_file.read_text().strip()
    kept = settings.data_dir / "admin-token"
    if not kept.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _write_private(kept, f"baton_admin_{secrets.token_urlsafe(32)}\n")
    return kept.read_text().strip()


def sha256(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_secret(spelling: str) -> str | None:
    """A secret as policies name it: `env:NAME` or `file:PATH`; None where it is not set."""
    kind, _, name = spelling.partition(":")
    if kind == "env":
        return os.environ.get(name) or None
    if kind == "file":
        path = Path(name)
        return path.read_text().strip() if path.is_file() else None
    return None


def _write_private(path: Path, content: str) -> None:
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    draft.replace(path)
