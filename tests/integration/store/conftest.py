"""Data directories for the launcher's tests."""

import asyncio
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shared.store.postgres import running
from shared.store.postgres_binaries import Binaries
from tests.support.postgres_cases import INSTALLATIONS, WHEEL, ask


@pytest.fixture(scope="session")
def seeds() -> Iterator[dict[Path, Path]]:
    """A stopped data directory with an empty table for each installation, made once: initdb is the slow part."""
    with TemporaryDirectory(prefix="baton-seeds-", dir="/tmp") as place:
        Path(place).chmod(0o711)
        made = {each.bin_dir: Path(place) / each.version for each in INSTALLATIONS}
        with ThreadPoolExecutor() as threads:
            list(threads.map(asyncio.run, [_make_seed(made[each.bin_dir], each) for each in INSTALLATIONS]))
        yield made


@pytest.fixture
def data_dir(request: pytest.FixtureRequest, seeds: dict[Path, Path], data_home: Path) -> Path:
    """A copy of the seed of the test's installation, or else of the wheel's."""
    binaries = request.getfixturevalue("binaries") if "binaries" in request.fixturenames else WHEEL
    copied = data_home / "pg"
    subprocess.run(["/bin/cp", "-a", str(seeds[binaries.bin_dir]), str(copied)], check=True)  # noqa: S603 -- our own
    return copied


async def _make_seed(data_dir: Path, binaries: Binaries) -> None:
    async with running(data_dir, binaries) as server:
        await ask(server.url("postgres"), "CREATE TABLE kept (id int)")
