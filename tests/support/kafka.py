"""Apache Kafka for tests: one broker shared by every xdist worker, private ones for tests that kill it, topic prefixes.

The shared broker belongs to a keeper process (this module, run with -m). Each user holds a shared lock on a file; the
keeper waits for the exclusive lock, which the kernel grants when the last user has let go or died, and then stops.
"""

import asyncio
import fcntl
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from baton.local_kafka import Broker, KafkaUnavailableError, broker, fetch

ROOT = Path(__file__).resolve().parents[2]
POM_DIR = ROOT / "deploy" / "local" / "kafka"
KEEPER_TIMEOUT_S = 900  # a first fetch of the jars over a slow line


def kafka_lib() -> Path:
    return fetch(POM_DIR, POM_DIR / "lib")


@contextmanager
def _locked(path: Path, kind: int) -> Generator[None]:
    with path.open("a") as held:
        fcntl.flock(held, kind)
        yield


def _start_keeper(home: Path) -> int:
    log = str(home / "keeper.log")
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    command = [sys.executable, "-m", "tests.support.kafka", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return os.posix_spawn(sys.executable, command, environment, file_actions=actions, setsid=True)


def _await_address(home: Path, keeper: int) -> str:
    deadline = time.monotonic() + KEEPER_TIMEOUT_S
    while not (home / "address").exists():
        ended, _ = os.waitpid(keeper, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            raise KafkaUnavailableError((home / "keeper.log").read_text())
        time.sleep(0.05)
    return (home / "address").read_text()


@contextmanager
def shared_broker(base: Path) -> Generator[str]:
    """The address of the run's broker: the first user starts it, it ends after the last one."""
    base.mkdir(parents=True, exist_ok=True)
    current = base / "current"
    with (base / "users.lock").open("a") as user:
        with _locked(base / "start.lock", fcntl.LOCK_EX):
            # Blocks only while a keeper that found no users is ending; it removes `current` before it lets go.
            fcntl.flock(user, fcntl.LOCK_SH)
            if not current.exists():
                home = base / uuid.uuid4().hex[:8]
                home.mkdir()
                _await_address(home, _start_keeper(home))
                current.write_text(str(home))
            address = (Path(current.read_text()) / "address").read_text()
        yield address


async def _keep(home: Path) -> None:
    async with broker(home / "data", kafka_lib()) as running:
        (home / "address.new").write_text(running.bootstrap)
        (home / "address.new").rename(home / "address")
        with (home.parent / "users.lock").open("a") as users:
            await asyncio.to_thread(fcntl.flock, users, fcntl.LOCK_EX)
            (home.parent / "current").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """`host:port` of a broker that tests share and must not hurt; BATON_KAFKA names another one."""
    given = os.environ.get("BATON_KAFKA")
    if given:
        yield given
        return
    base = tmp_path_factory.getbasetemp()
    run = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with shared_broker(run / "kafka") as address:
        yield address


@pytest.fixture
def topic_prefix() -> str:
    """Put it before every topic on the shared broker, so that tests never see each other's records."""
    return f"t{uuid.uuid4().hex[:12]}."


@pytest.fixture
async def private_kafka(tmp_path: Path) -> AsyncGenerator[Broker]:
    """A fresh broker that belongs to one test, which may kill, pause and wipe it."""
    async with broker(tmp_path / "kafka", kafka_lib()) as running:
        yield running


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest; its end releases the lock
    asyncio.run(_keep(Path(sys.argv[1])))
