"""The server's Unix socket: a private directory with a path short enough, and the URLs that lead to it."""

import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode

from shared.store.postgres_account import Account, can_enter, is_private_directory, private_directory
from shared.store.postgres_binaries import PostgresError

PORT = 5432
SUPERUSER = "baton"
_SOCKET = f".s.PGSQL.{PORT}"
_LONGEST_PATH_BYTES = 103  # a socket's address has 107 on Linux, 103 on macOS
_PLAIN_PATH = re.compile(r"/[\w./+-]*", re.ASCII)  # commas and the like mean something in lists of hosts
_RECORD = "socket-dir"


def database_url(socket_dir: Path, database: str) -> str:
    """Host and port are spelt out, so that PGHOST and PGPORT in the environment change nothing."""
    query = urlencode({"host": str(socket_dir), "port": PORT}, quote_via=quote, safe="/")
    return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?{query}"


def choose_socket_dir(home: Path, account: Account | None) -> Path:
    """`home/socket` where that is short and plain, else a private directory under the system's temporary one."""
    inside = home / "socket"
    if _fits(inside):
        private_directory(inside, account)
        return inside
    record = home / _RECORD
    if record.exists() and is_private_directory(recorded := Path(record.read_text().strip()), account):
        return recorded
    made = _temporary(account)
    record.write_text(f"{made}\n")
    return made


def clear_socket(socket_dir: Path) -> None:
    """Before a start: the lock file beside the socket of a dead server names a number that may be taken by now."""
    for name in (_SOCKET, f"{_SOCKET}.lock"):
        (socket_dir / name).unlink(missing_ok=True)


def forget_socket_dir(home: Path, socket_dir: Path) -> None:
    if socket_dir.parent != home:
        shutil.rmtree(socket_dir, ignore_errors=True)
        (home / _RECORD).unlink(missing_ok=True)


def _temporary(account: Account | None) -> Path:
    for parent in dict.fromkeys([Path(tempfile.gettempdir()).resolve(), Path("/tmp")]):  # noqa: S108 -- mkdtemp is private
        enterable = parent.is_dir() and (account is None or can_enter(parent, account))
        if enterable and _fits(parent / "baton-12345678"):
            made = Path(tempfile.mkdtemp(prefix="baton-", dir=parent))
            private_directory(made, account)
            return made
    raise PostgresError("No temporary directory has a path short enough for a socket; set TMPDIR to one such as /tmp.")


def _fits(directory: Path) -> bool:
    path = str(directory / _SOCKET)
    return len(path.encode()) <= _LONGEST_PATH_BYTES and _PLAIN_PATH.fullmatch(path) is not None
