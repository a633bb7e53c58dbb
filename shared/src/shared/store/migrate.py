"""Migrations at start: each package's own, in order, by one instance at a time; a newer schema is refused."""

import asyncio
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.store.urls import sqlalchemy_url

_LOCK_WAIT_S = 600  # another instance may be building an index
# alembic's `op` is one per process: two migrations side by side would write into each other's database.
_ONE_AT_A_TIME = threading.Lock()


class NewerSchema(Exception):
    """The database was migrated by a newer version of the code."""


async def migrate(url: str, package: str) -> None:
    """Bring the tables of `package` (`<package>/migrations/versions/*.py`) in the database at `url` up to date.

    Safe to call from several instances at once. Each migration is a transaction: a kill leaves whole steps.
    """
    await asyncio.to_thread(_migrate_in_turn, url, package)


def version_table(package: str) -> str:
    return f"alembic_version_{package.replace('.', '_')}"


def _migrate_in_turn(url: str, package: str) -> None:
    with _ONE_AT_A_TIME:
        asyncio.run(_migrate(url, package))


async def _migrate(url: str, package: str) -> None:
    scripts = ScriptDirectory(str(_migrations_of(package)))
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"SET lock_timeout = '{_LOCK_WAIT_S}s'"))
            # Of the session, not of a transaction: it outlasts each step's commit and ends with the connection.
            await connection.execute(
                text("SELECT pg_advisory_lock(hashtext(:table))"), {"table": version_table(package)}
            )
            await connection.execute(text("RESET lock_timeout"))
            await connection.commit()
            await connection.run_sync(_upgrade, scripts, package)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, scripts: ScriptDirectory, package: str) -> None:
    known = {script.revision for script in scripts.walk_revisions()}

    def pending(heads: Iterable[str], _context: MigrationContext) -> list[MigrationStep]:
        if unknown := sorted(set(heads) - known):
            raise NewerSchema(
                f"The tables of {package} in database {connection.engine.url.database!r} are at revision "
                f"{', '.join(unknown)}, which this version of the code does not know (its newest is "
                f"{scripts.get_current_head()}). Run the newer version, or restore a backup from before its migration."
            )
        missing = scripts.iterate_revisions("head", tuple(heads) or "base")
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(list(missing))]

    context = MigrationContext.configure(
        connection,
        opts={"version_table": version_table(package), "transaction_per_migration": True, "fn": pending},
    )
    with Operations.context(context):
        context.run_migrations()
    connection.commit()


def _migrations_of(package: str) -> Path:
    spec = find_spec(package)
    locations = (spec.submodule_search_locations if spec else None) or []
    for location in locations:
        if (found := Path(location) / "migrations").joinpath("versions").is_dir():
            return found
    raise ValueError(f"the package {package} has no directory migrations/versions")
