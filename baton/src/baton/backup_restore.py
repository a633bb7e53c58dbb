"""A backup brought back into an empty data directory: checked to the last byte, then numbered anew in all services.

Everything happens beside the store's place, `postgres.restoring`; the last step moves it there. So whatever ends a
restore before leaves no store at all, and the same command begins again.
"""

import asyncio
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
from sqlalchemy import text

from baton.backup import CLUSTER, COPIED, FORMAT, MANIFEST, PRIVATE, BackupError, Manifest, call, program, sha256_of
from baton.settings import Settings, database_name
from shared.contracts.topology import SERVICES
from shared.runtime.node import new_epoch
from shared.store import postgres
from shared.store.engine import engine
from shared.store.postgres_binaries import Binaries, find_binaries
from shared.store.postgres_reach import reachable_home
from shared.store.register import begin_epoch

_STORE: Final = "postgres"
_UNFINISHED: Final = "postgres.restoring"
_MAX_MANIFEST_BYTES: Final = 1024 * 1024


def restore(settings: Settings, file: Path) -> tuple[Manifest, int]:
    """Bring a backup back; what it says of itself, and how many streams begin a new epoch.

    Raises BackupError, or PostgresError.
    """
    if settings.postgres:
        raise BackupError(
            "BATON_POSTGRES names a server that you run; a backup comes back into the embedded store only"
        )
    target = settings.data_dir
    _empty(target)
    binaries = find_binaries(os.environ)
    try:
        with tarfile.open(file, "r:gz") as packed:
            members = iter(packed)
            manifest = _manifest(packed, next(members), binaries)
            target.mkdir(parents=True, exist_ok=True)
            home = _fresh_home(target)
            _unpack(packed, members, home, manifest)
    except (tarfile.TarError, OSError, EOFError, StopIteration) as error:
        raise BackupError(f"{file} can't be read as a backup: {error or 'it is empty'}") from error
    _check(binaries, home / CLUSTER, manifest)
    streams = asyncio.run(_numbered_anew(home, binaries))
    for name in manifest.private:
        (home / PRIVATE / name).rename(target / name)
    (home / PRIVATE).rmdir()
    (target / _UNFINISHED).rename(target / _STORE)
    return manifest, streams


def _empty(target: Path) -> None:
    found = sorted(each.name for each in target.iterdir()) if target.is_dir() else []
    if [each for each in found if each != _UNFINISHED]:
        raise BackupError(
            f"{target} is not empty ({', '.join(found[:5])}); a backup comes back into an empty data directory only:"
            " name another in BATON_DATA_DIR, or move this one away"
        )


def _fresh_home(target: Path) -> Path:
    """An empty place for the store, without what an interrupted restore left there."""
    left = target / _UNFINISHED
    if left.exists():
        shutil.rmtree(left.resolve())
    left.unlink(missing_ok=True)
    home = reachable_home(left)
    home.mkdir(exist_ok=True)
    home = home.resolve()
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)  # PostgreSQL's account passes through to what is its own
    return home


def _manifest(packed: tarfile.TarFile, first: tarfile.TarInfo, binaries: Binaries) -> Manifest:
    opened = packed.extractfile(first) if first.name == MANIFEST and first.size <= _MAX_MANIFEST_BYTES else None
    if opened is None:
        raise BackupError("this is no backup of Baton: it does not begin with a manifest")
    try:
        manifest = msgspec.json.decode(opened.read(), type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"the manifest can't be read: {error}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"the backup has format {manifest.format}, and this version of Baton reads {FORMAT}")
    if manifest.postgresql.partition(".")[0] != str(binaries.major):
        raise BackupError(
            f"the backup is of PostgreSQL {manifest.postgresql}, and {binaries.bin_dir} is {binaries.version}: set"
            " PG_BIN to the bin directory of the same major version"
        )
    return manifest


def _unpack(packed: tarfile.TarFile, members: Iterator[tarfile.TarInfo], home: Path, manifest: Manifest) -> None:
    (home / PRIVATE).mkdir(mode=0o700)
    for member in members:
        top = PurePosixPath(member.name).parts[0]
        if top not in (CLUSTER, PRIVATE) or not (member.isfile() or member.isdir()):
            raise BackupError(f"the backup holds {member.name}, which is none of its own")
        packed.extract(member, home, filter="data")
        (home / member.name).chmod(0o700 if member.isdir() else 0o600)
    for name, sha256 in manifest.private.items():
        kept = home / PRIVATE / name
        if PurePosixPath(name).name != name or not kept.is_file() or sha256_of(kept) != sha256:
            raise BackupError(f"the backup's {name} is not what was backed up")


def _check(binaries: Binaries, cluster: Path, manifest: Manifest) -> None:
    """Hold every file against PostgreSQL's list of digests, and that list against the manifest."""
    listed = cluster / COPIED
    if not listed.is_file() or sha256_of(listed) != manifest.copied_sha256:
        raise BackupError("the backup was changed: its list of digests is not the one that was written")
    call([program(binaries, "pg_verifybackup"), "--quiet", cluster], "the backup is damaged; nothing was restored")


async def _numbered_anew(home: Path, binaries: Binaries) -> int:
    """Announce new epochs for all services at once: none has seen anything of what the others do after."""
    server = await postgres.start(home, binaries)
    streams = 0
    try:
        for service in SERVICES:
            pool = engine(server.url(database_name(service)), application="restore")
            async with pool.begin() as session:
                streams += await begin_epoch(session, new_epoch())
                # whoever held lanes and leases did so in another life
                await session.execute(text("update lease set expires_at = clock_timestamp()"))
            await pool.dispose()
    finally:
        await server.stop()
    return streams
