"""Migrations at start, with a tiny package made for each test."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.store.migrate import NewerSchema, migrate, version_table
from tests.support.postgres import MakeDatabase

_FIRST = "op.execute('CREATE TABLE visits (id int PRIMARY KEY)')"
_DEADLINE_S = 30.0
_WAITING = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
    "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
)
_SECOND = "op.execute('ALTER TABLE visits ADD COLUMN place text')"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package with two migrations."""
    name = f"shop_{uuid4().hex[:8]}"
    versions = tmp_path / name / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    _write(versions, "0001", None, _FIRST)
    _write(versions, "0002", "0001", _SECOND)
    yield name
    sys.modules.pop(name, None)


async def test_a_new_database_gets_every_migration_in_order(database_url: str, package: str) -> None:
    await migrate(database_url, package)

    assert await _ask(database_url, "SELECT count(place) FROM visits") == 0
    assert await _ask(database_url, f"SELECT version_num FROM {version_table(package)}") == "0002"


async def test_a_database_of_an_earlier_version_gets_what_is_missing(
    database_url: str, package: str, tmp_path: Path
) -> None:
    await migrate(database_url, package)
    await _ask(database_url, "INSERT INTO visits VALUES (7, 'Wien')")
    _write(tmp_path / package / "migrations" / "versions", "0003", "0002", "op.execute('ALTER TABLE visits ADD n int')")

    await migrate(database_url, package)
    await migrate(database_url, package)

    assert await _ask(database_url, "SELECT place FROM visits WHERE n IS NULL") == "Wien"
    assert await _ask(database_url, f"SELECT version_num FROM {version_table(package)}") == "0003"


async def test_three_instances_that_start_at_once_take_turns(database_url: str, package: str, tmp_path: Path) -> None:
    program = (
        f"import asyncio, sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"from shared.store.migrate import migrate; asyncio.run(migrate({database_url!r}, {package!r}))"
    )
    holder = await asyncpg.connect(database_url)
    await holder.execute("SELECT pg_advisory_lock(hashtext($1))", version_table(package))
    others = [await asyncio.create_subprocess_exec(sys.executable, "-c", program) for _ in range(2)]
    ours = asyncio.create_task(migrate(database_url, package))
    async with asyncio.timeout(_DEADLINE_S):
        while await holder.fetchval(_WAITING) < 3:  # noqa: ASYNC110 -- the database tells when asked
            await asyncio.sleep(0.02)
    assert await holder.fetchval("SELECT to_regclass('visits')") is None
    await holder.close()

    await ours
    assert [await other.wait() for other in others] == [0, 0]
    assert await _ask(database_url, f"SELECT count(*) FROM {version_table(package)}") == 1


async def test_five_services_that_migrate_at_once_keep_to_their_own_databases(
    make_database: MakeDatabase, package: str
) -> None:
    urls = [await make_database(f"service{number}") for number in range(5)]

    await asyncio.gather(*(migrate(url, package) for url in urls))

    assert [await _ask(url, "SELECT count(place) FROM visits") for url in urls] == [0] * 5


async def test_two_packages_share_a_database_and_not_their_versions(
    database_url: str, package: str, tmp_path: Path
) -> None:
    inner = tmp_path / package / "inner" / "migrations" / "versions"
    inner.mkdir(parents=True)
    (tmp_path / package / "inner" / "__init__.py").touch()
    _write(inner, "0001", None, "op.execute('CREATE TABLE other (id int)')")

    await migrate(database_url, package)
    await migrate(database_url, f"{package}.inner")

    assert await _ask(database_url, f"SELECT version_num FROM {version_table(package)}") == "0002"
    assert await _ask(database_url, f"SELECT version_num FROM alembic_version_{package}_inner") == "0001"


async def test_a_newer_schema_is_refused_and_left_as_it_is(database_url: str, package: str, tmp_path: Path) -> None:
    await migrate(database_url, package)
    (tmp_path / package / "migrations" / "versions" / "0002_step.py").unlink()

    with pytest.raises(NewerSchema, match=r"at revision 0002.*newest is 0001"):
        await migrate(database_url, package)

    assert await _ask(database_url, f"SELECT version_num FROM {version_table(package)}") == "0002"


async def test_a_step_that_fails_leaves_the_steps_before_it_and_nothing_of_itself(
    database_url: str, package: str, tmp_path: Path
) -> None:
    half = "op.execute('CREATE TABLE half (id int)'); op.execute('SELECT 1 / 0')"
    _write(tmp_path / package / "migrations" / "versions", "0003", "0002", half)

    with pytest.raises(Exception, match="division by zero"):
        await migrate(database_url, package)

    assert await _ask(database_url, "SELECT to_regclass('half')") is None
    assert await _ask(database_url, f"SELECT version_num FROM {version_table(package)}") == "0002"


async def test_databases_from_a_template_have_its_tables_and_not_each_others_rows(
    make_database: MakeDatabase, package: str
) -> None:
    builds: list[str] = []

    async def build(url: str) -> None:
        builds.append(url)
        await migrate(url, package)

    first = await make_database("intake", template=package, build=build)
    await _ask(first, "INSERT INTO visits VALUES (1)")
    second = await make_database("intake", template=package, build=build)

    assert len(builds) == 1
    assert await _ask(second, "SELECT count(*) FROM visits") == 0


async def test_a_package_without_migrations_is_named(database_url: str) -> None:
    with pytest.raises(ValueError, match=r"asyncio has no directory migrations/versions"):
        await migrate(database_url, "asyncio")


def _write(versions: Path, revision: str, after: str | None, body: str) -> None:
    (versions / f"{revision}_step.py").write_text(
        f"from alembic import op\n\nrevision = {revision!r}\ndown_revision = {after!r}\n\n"
        f"def upgrade() -> None:\n    {body}\n"
    )


async def _ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
