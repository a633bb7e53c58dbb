"""PostgreSQL and Kafka for benches: started on throw-away data with every safety on, or the ones the environment names."""

import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from baton.local_kafka import broker, fetch
from shared.store.postgres import find_binaries, running

ROOT = Path(__file__).resolve().parents[1]
POM_DIR = ROOT / "deploy" / "local" / "kafka"


@dataclass(frozen=True)
class Backend:
    """Where it listens, and the process whose tree burns its CPU time (None when it is not ours to measure)."""

    address: str
    pid: int | None


def _let_other_accounts_pass(home: Path) -> None:
    """Started by root, PostgreSQL runs as another account, which must get through to its own closed directory."""
    home.chmod(0o711)


@asynccontextmanager
async def postgres() -> AsyncGenerator[Backend]:
    """A URL of the database `postgres` of a new server, fsync on; or of BATON_POSTGRES."""
    given = os.environ.get("BATON_POSTGRES")
    if given:
        yield Backend(given, None)
        return
    with tempfile.TemporaryDirectory(prefix="baton-bench-pg-", ignore_cleanup_errors=True) as home:
        _let_other_accounts_pass(Path(home))
        async with running(Path(home) / "data", find_binaries(os.environ)) as server:
            yield Backend(server.url("postgres"), server.pid)


@asynccontextmanager
async def kafka() -> AsyncGenerator[Backend]:
    """The address of a new broker; or BATON_KAFKA."""
    given = os.environ.get("BATON_KAFKA")
    if given:
        yield Backend(given, None)
        return
    lib_dir = fetch(POM_DIR, POM_DIR / "lib")
    with tempfile.TemporaryDirectory(prefix="baton-bench-kafka-", ignore_cleanup_errors=True) as home:
        async with broker(Path(home), lib_dir) as started:
            yield Backend(started.bootstrap, started.pid)
