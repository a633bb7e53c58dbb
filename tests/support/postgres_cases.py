"""What the launcher's tests share: the installations, a runner that can be killed, and rows to be found again."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from shared.store.postgres_binaries import Binaries
from tests.support.postgres import installations

_ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0
ROWS = 500
INSTALLATIONS = installations()
WHEEL = INSTALLATIONS[0]
each_installation = pytest.mark.parametrize("binaries", INSTALLATIONS, ids=lambda binaries: binaries.version)


@dataclass(frozen=True)
class Runner:
    """Another process that serves a data directory."""

    process: asyncio.subprocess.Process
    server_pid: int
    url: str


@asynccontextmanager
async def serving_elsewhere(data_dir: Path, binaries: Binaries) -> AsyncGenerator[Runner]:
    process = await start_runner(data_dir, binaries)
    assert process.stdout is not None
    said = json.loads(await asyncio.wait_for(process.stdout.readline(), DEADLINE_S))
    try:
        yield Runner(process, said["pid"], said["url"])
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), DEADLINE_S)


async def start_runner(data_dir: Path, binaries: Binaries) -> asyncio.subprocess.Process:
    module = ["-m", "tests.support.postgres_runner", str(data_dir), str(binaries.bin_dir)]
    return await asyncio.create_subprocess_exec(sys.executable, *module, stdout=asyncio.subprocess.PIPE, cwd=_ROOT)


async def kill(runner: Runner) -> None:
    runner.process.kill()
    await asyncio.wait_for(runner.process.wait(), DEADLINE_S)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def write_rows(url: str) -> None:
    await ask(url, f"INSERT INTO kept SELECT generate_series(1, {ROWS})")


async def count(url: str) -> object:
    return await ask(url, "SELECT count(DISTINCT id) FROM kept")
