"""A new data directory: made beside its place and moved there whole, so that a kill leaves nothing half made."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from shared.store import postgres_process as processes
from shared.store.postgres_account import Account, give
from shared.store.postgres_binaries import Binaries, PostgresError
from shared.store.postgres_socket import SUPERUSER

_UNFINISHED = "initdb-"
_FIRST_MAJOR_WITH_BUILTIN_LOCALES = 17
_INITDB_S = 120.0
_SWEEP_TRIES = 50


class InitialisationFailed(PostgresError):
    """`initdb` did not finish."""


def child_environment() -> dict[str, str]:
    """Ours would leak: PGDATA, PGPORT, LC_ALL and TZ all change what PostgreSQL does."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


async def initialise(cluster: Path, binaries: Binaries, account: Account | None, *, log: Path, durable: bool) -> None:
    """Make the data directory `cluster`, all of it or nothing."""
    home = cluster.parent
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
    try:
        give(unfinished, account)
        await _initdb([*_command(unfinished, binaries), *([] if durable else ["--no-sync"])], log, account)
        _put_in_place(unfinished, cluster)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def sweep(home: Path) -> None:
    """Remove what a runner that was killed during `initialise` left; its initdb may still be writing there."""
    for left in home.glob(f"{_UNFINISHED}*"):
        for _ in range(_SWEEP_TRIES):
            shutil.rmtree(left, ignore_errors=True)
            if not left.exists():
                break


def locale_options(major: int) -> list[str]:
    """Code point order and Unicode's upper and lower case everywhere; no wheel has ICU, and 16 has no builtin."""
    if major >= _FIRST_MAJOR_WITH_BUILTIN_LOCALES:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"]


def _command(directory: Path, binaries: Binaries) -> list[str]:
    return [
        str(binaries.initdb),
        *("-D", str(directory), "-U", SUPERUSER, "--encoding=UTF8", "--data-checksums", "--no-instructions"),
        *("--auth-local=trust", "--auth-host=reject"),  # the socket's directory is the lock on the door
        *locale_options(binaries.major),
    ]


async def _initdb(argv: list[str], log: Path, account: Account | None) -> None:
    process = processes.spawn(argv, log, account, child_environment())
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(processes.gone(process), _INITDB_S)
        if process.child is None or process.child.poll() != 0:
            raise InitialisationFailed(f"initdb did not finish; {log} says:\n{processes.tail(log)}")
    finally:
        processes.kill_session(process)
        processes.detach(process)


def _put_in_place(unfinished: Path, cluster: Path) -> None:
    unfinished.rename(cluster)
    fd = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
