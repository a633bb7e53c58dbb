"""The data directory: what must survive a restart and belongs to this installation alone."""

import hashlib
import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from baton.settings import Settings
from shared.store.made_once import made_once


def admin_token(settings: Settings) -> str:
    """The administrator's token: from the environment or its file, else made once and kept with mode 0600."""
    given = given_secret(settings.admin_token, settings.admin_token_file)
    return given or made_once(settings.data_dir / "admin-token", lambda: f"baton_admin_{secrets.token_urlsafe(32)}")


def session_secret(settings: Settings) -> bytes:
    """What signs the browser's sessions: from the environment or its file, else made once and kept with mode 0600."""
    given = given_secret(settings.session_secret, settings.session_secret_file)
    return (given or made_once(settings.data_dir / "session-secret", lambda: secrets.token_urlsafe(32))).encode()


def given_secret(given: SecretStr, file: Path | None) -> str:
    """A secret of the environment, or of the file that it names; empty where neither is given."""
    if value := given.get_secret_value():
        return value
    return file.read_text("utf-8").strip() if file is not None else ""


def instance_name(settings: Settings) -> str:
    """This instance, as every start of it is named: by its lanes' leases a start knows what an earlier one has left."""
    if settings.instance:
        return settings.instance
    return made_once(settings.data_dir / "instance", lambda: secrets.token_hex(6))


def this_start(instance: str) -> str:
    """One start of an instance: two that live with one name are told apart."""
    return f"{instance}#{secrets.token_hex(4)}"


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
