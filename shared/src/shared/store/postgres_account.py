"""The account PostgreSQL runs as when we are root, and the directories that account can use."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared.store.postgres_binaries import PostgresError

_UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
_OURS_ONLY = 0o700
_PASS_THROUGH = 0o711
_PROBE_TIMEOUT_S = 20.0


class ClosedDirectory(PostgresError):
    """A directory on the way is closed to the account PostgreSQL runs as."""


class WrongOwner(PostgresError):
    """The data belongs to another account than the one that wants to serve it."""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int


def account_for(cluster: Path) -> Account | None:
    """The account to drop to, None when we are not root.

    Data that exists keeps its owner: an account number may differ between two images that mount one volume.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise WrongOwner(
                f"{cluster} belongs to the account {_name(owner)}, and this process runs as "
                f"{_name(os.geteuid())}. Start as that account or as root, or give the directory to this account."
            )
        return None
    if owner:
        return Account(_name(owner), owner, cluster.stat().st_gid)
    return _unprivileged()


def open_home(home: Path, account: Account | None) -> None:
    """Make `home` and what is missing above it; directories that exist keep their modes."""
    missing = [step for step in (home, *home.parents) if not step.exists()]
    if account:
        require_entry(missing[-1].parent if missing else home, account, f"the data directory {home}")
    for step in reversed(missing):
        step.mkdir(mode=_OURS_ONLY)
        step.chmod(_PASS_THROUGH if account else _OURS_ONLY)  # whatever the umask


def private_directory(path: Path, account: Account | None) -> None:
    """Make `path`, or set it right: 0700 and the account's own."""
    path.mkdir(mode=_OURS_ONLY, exist_ok=True)
    path.chmod(_OURS_ONLY)
    give(path, account)


def is_private_directory(path: Path, account: Account | None) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    owner = account.uid if account else os.geteuid()
    return path.is_dir() and not path.is_symlink() and found.st_uid == owner and found.st_mode & 0o777 == _OURS_ONLY


def give(path: Path, account: Account | None) -> None:
    if account:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def give_tree(top: Path, account: Account | None) -> None:
    """Hand over data that root owns, as a copy made by root does; PostgreSQL serves only what it owns."""
    if account is None or top.stat().st_uid == account.uid:
        return
    for directory, names, files in os.walk(top, topdown=False):
        for name in [*names, *files]:
            give(Path(directory) / name, account)
    give(top, account)


def require_entry(directory: Path, account: Account, purpose: str) -> None:
    """Refuse, naming the closed step, if the account cannot enter `directory`. No mode is changed for it."""
    if can_enter(directory, account):
        return
    closed = next(step for step in (*reversed(directory.parents), directory) if not can_enter(step, account))
    raise ClosedDirectory(
        f"PostgreSQL refuses to run as root, so it runs as the account {account.name!r}, which may not enter "
        f"{closed} (mode {closed.stat().st_mode & 0o777:04o}) on the way to {purpose}. Choose a place outside "
        f"{closed} (for data such as /var/lib/baton; for programs set PG_BIN), or run as an ordinary account, or "
        "open that directory yourself. Nothing was changed."
    )


def can_enter(directory: Path, account: Account) -> bool:
    """Asked of the kernel, as the account: mode bits do not tell about access lists and mounts."""
    probe = subprocess.run(  # noqa: S603 -- a fixed script; the path is its argument
        ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        check=False,
        cwd="/",
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_PROBE_TIMEOUT_S,
    )
    return probe.returncode == 0


def _unprivileged() -> Account:
    for name in _UNPRIVILEGED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL refuses to run as root, and this machine has neither an account 'postgres' nor 'nobody' to run "
        "it as. Run as an ordinary account, add one of these, or give the URL of a server you run."
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
