"""A backup of the embedded store: all five databases as they stood at one instant, in one file.

The file is a gzipped tar: `manifest.json` first, `private/…` (the admin token, what signs sessions, the keys of the
secret store), then `cluster/…` as `pg_basebackup` copied it, which has a SHA-256 of every file. It holds everything, so
it is a secret itself (mode 0600).
"""

import asyncio
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

from baton.settings import Settings, database_name
from shared.store import postgres
from shared.store.postgres_binaries import Binaries, find_binaries
from shared.store.postgres_initdb import child_environment
from shared.store.postgres_socket import PORT, SUPERUSER, database_url

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CLUSTER: Final = "cluster"
PRIVATE: Final = "private"
PRIVATE_FILES: Final = ("admin-token", "session-secret", "secrets-key")
COPIED: Final = "backup_manifest"
"""PostgreSQL's own list of what it copied, with digests."""
_COPY_S: Final = 6 * 3600
_ANSWER_S: Final = 5
_GZIP_LEVEL: Final = 3  # twice as fast as 6 for a few percent more


class BackupError(Exception):
    """A backup can't be taken or restored; the message says why and what to do."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself."""

    format: int
    product: str
    postgresql: str
    taken_at: datetime
    partitions: int
    copied_sha256: str
    """Of PostgreSQL's list of digests, so that the whole copy hangs on this one."""
    leads: int
    private: dict[str, str]
    """The private files and their SHA-256."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that is whole and on disk."""

    file: Path
    size_bytes: int
    manifest: Manifest


def take(settings: Settings, file: Path, at: datetime) -> Taken:
    """Back the embedded store up into `file`, whether it runs or not.

    Raises BackupError, or PostgresError.
    """
    home = _home(settings)
    if file.exists():
        raise BackupError(f"{file} is there already; choose another name, or take it away")
    if not file.parent.is_dir():
        raise BackupError(f"there is no directory {file.parent}")
    binaries = find_binaries(os.environ)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as scratch:
        cluster = Path(scratch) / CLUSTER
        partitions, leads = asyncio.run(_copied(home, binaries, cluster))
        private = [settings.data_dir / name for name in PRIVATE_FILES if (settings.data_dir / name).is_file()]
        manifest = Manifest(
            FORMAT, version("baton"), binaries.version, at, partitions, sha256_of(cluster / COPIED), leads,
            {each.name: sha256_of(each) for each in private},
        )  # fmt: skip
        draft = Path(scratch) / "packed"
        _pack(draft, manifest, private, cluster)
        draft.replace(file)
    _sync(file.parent)
    return Taken(file, file.stat().st_size, manifest)


def program(binaries: Binaries, name: str) -> Path:
    """One of PostgreSQL's programs.

    Raises BackupError where the installation lacks it.
    """
    found = binaries.bin_dir / name
    if not found.exists():
        raise BackupError(f"{binaries.bin_dir} has no {name}; name a full installation's bin directory in PG_BIN")
    return found


def call(argv: list[str | Path], failure: str) -> None:
    """Run one of PostgreSQL's programs to its end.

    Raises BackupError with what it said.
    """
    try:
        subprocess.run(  # noqa: S603 - PostgreSQL's own program on paths of ours
            argv, check=True, capture_output=True, text=True, env=child_environment(), timeout=_COPY_S
        )
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{failure}:\n{error.stderr.strip()}") from error


def sha256_of(path: Path) -> str:
    """The digest of a file, read in pieces."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _home(settings: Settings) -> Path:
    if settings.postgres:
        raise BackupError(
            "BATON_POSTGRES names a server that you run: back that up with its own tools (pg_basebackup of the whole"
            " server, so that all five databases are of one instant), and see docs/operations.md for the restore"
        )
    home = (settings.data_dir / "postgres").resolve()
    if not (home / CLUSTER).exists():
        raise BackupError(f"{settings.data_dir} has no database; BATON_DATA_DIR says where it is")
    return home


async def _copied(home: Path, binaries: Binaries, into: Path) -> tuple[int, int]:
    """Copy the cluster; how many partitions and leads it has."""
    async with _serving(home, binaries) as socket_dir:
        partitions, leads = await _measured(socket_dir)
        argv: list[str | Path] = [
            program(binaries, "pg_basebackup"), "-D", into, "-h", str(socket_dir), "-p", str(PORT), "-U", SUPERUSER,
            "--format=plain", "--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password",
        ]  # fmt: skip
        await asyncio.to_thread(call, argv, "PostgreSQL could not be copied")
    return partitions, leads


@asynccontextmanager
async def _serving(home: Path, binaries: Binaries) -> AsyncGenerator[Path]:
    """The directory of the server's socket: of the one that runs, else of one that is started for the while."""
    for socket_dir in _socket_dirs(home):
        if await _answers(socket_dir):
            yield socket_dir
            return
    server = await postgres.start(home, binaries)
    try:
        yield server.socket_dir
    finally:
        await server.stop()


def _socket_dirs(home: Path) -> list[Path]:
    recorded = home / "socket-dir"
    elsewhere = [Path(recorded.read_text().strip())] if recorded.is_file() else []
    return [each for each in (home / "socket", *elsewhere) if each.is_dir()]


async def _answers(socket_dir: Path) -> bool:
    try:
        connection = await asyncpg.connect(database_url(socket_dir, "postgres"), timeout=_ANSWER_S)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def _measured(socket_dir: Path) -> tuple[int, int]:
    """Partitions and leads of intake, which also shows that this is a store of ours."""
    try:
        connection = await asyncpg.connect(database_url(socket_dir, database_name("intake")), timeout=_ANSWER_S)
    except asyncpg.InvalidCatalogNameError as error:
        raise BackupError("this cluster has no database of intake: nothing was ever started on it") from error
    try:
        partitions = await connection.fetchval("select value from setting where name = 'partitions'")
        leads = await connection.fetchval("select count(*) from lead")
    except asyncpg.UndefinedTableError as error:
        raise BackupError("this store has no tables yet: nothing was ever started on it") from error
    finally:
        await connection.close()
    return int(partitions), int(leads)


def _pack(draft: Path, manifest: Manifest, private: list[Path], cluster: Path) -> None:
    with (
        os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink,
        tarfile.open(fileobj=sink, mode="w:gz", compresslevel=_GZIP_LEVEL) as packed,
    ):
        said = msgspec.json.format(msgspec.json.encode(manifest))
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode, head.mtime = len(said), 0o600, int(manifest.taken_at.timestamp())
        packed.addfile(head, io.BytesIO(said))
        for each in private:
            packed.add(each, f"{PRIVATE}/{each.name}", filter=_anonymous)
        packed.add(cluster, CLUSTER, filter=_anonymous)
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    shutil.rmtree(cluster)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Account numbers mean nothing on another machine."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
