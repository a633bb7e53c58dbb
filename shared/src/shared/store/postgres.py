"""The embedded PostgreSQL: a server of our own on a data directory, started, adopted and stopped by this process.

A data directory holds `cluster` (PostgreSQL's own), `lock`, `postgres.log`, `initdb.log`, and `socket` or `socket-dir`.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import asyncpg

from shared.store import postgres_process as processes
from shared.store.postgres_account import Account, account_for, give_tree, open_home
from shared.store.postgres_binaries import Binaries, NoBinaries, PostgresError, find_binaries
from shared.store.postgres_initdb import child_environment, initialise, sweep
from shared.store.postgres_reach import reachable_programs
from shared.store.postgres_socket import PORT, choose_socket_dir, clear_socket, database_url, forget_socket_dir

__all__ = [
    "Binaries",
    "DataDirectoryInUse",
    "NoBinaries",
    "OtherMajorVersion",
    "PostgresError",
    "Server",
    "find_binaries",
    "running",
    "start",
]

# Durable, and modest enough for a small machine. A caller's settings come after these.
_SETTINGS = MappingProxyType(
    {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_compression": "on",
        "shared_buffers": "128MB",
        "max_connections": "60",
        "max_parallel_workers_per_gather": "0",  # a container's /dev/shm of 64 MB is too small for parallel plans
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %d ",
        "log_checkpoints": "off",
        "logging_collector": "off",
        "log_destination": "stderr",
        "cluster_name": "baton",
    }
)
_LOG_CAP_BYTES = 8 * 1024 * 1024
_READY_S = 300.0  # recovery after a kill reads up to max_wal_size of log
_CONTENDED_S = 15.0
_CONNECT_S = 3
# What PostgreSQL says while a dead server's backends still end, or an orphan that is just starting got there first.
_PASSING = ("pre-existing shared memory block", "postmaster.pid", "shared memory segments in use")


class DataDirectoryInUse(PostgresError):
    """Another process runs this data directory."""


class OtherMajorVersion(PostgresError):
    """The data was written by another major version of PostgreSQL."""


class StartFailed(PostgresError):
    """The server ended, or did not answer, while it was starting."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that accepts connections, from `start` until `stop`."""

    data_dir: Path
    socket_dir: Path
    adopted: bool
    process: processes.Process
    lock_fd: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def url(self, database: str) -> str:
        return database_url(self.socket_dir, database)

    async def wait(self) -> None:
        """Return when the server has ended, for whatever reason. `stop` is still due."""
        await processes.gone(self.process)

    async def stop(self) -> None:
        """Fast shutdown in bounded time, then give the data directory free."""
        try:
            await processes.shut_down(self.process)
            forget_socket_dir(self.data_dir, self.socket_dir)
        finally:
            processes.detach(self.process)
            os.close(self.lock_fd)

    async def ensure_databases(self, names: Iterable[str]) -> None:
        """Create the databases that are missing."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            present = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
            for name in names:
                if name not in present:
                    quoted = name.replace('"', '""')
                    await connection.execute(f"CREATE DATABASE \"{quoted}\" TEMPLATE template0 ENCODING 'UTF8'")
        finally:
            await connection.close()


@asynccontextmanager
async def running(
    data_dir: Path, binaries: Binaries, *, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncGenerator[Server]:
    """A server for the length of the block; its end inside the block is seen with `Server.wait`."""
    server = await start(data_dir, binaries, settings=settings)
    try:
        yield server
    finally:
        await server.stop()


async def start(data_dir: Path, binaries: Binaries, *, settings: Mapping[str, str] = MappingProxyType({})) -> Server:
    """Serve `data_dir`, making it first if it is new, adopting the server of a runner that was killed."""
    home = _resolved(data_dir)
    cluster = home / "cluster"
    account = account_for(cluster)
    binaries = reachable_programs(binaries, account)
    open_home(home, account)
    lock_fd = _lock(home)
    try:
        sweep(home)
        if cluster.exists():
            _refuse_other_major(cluster, binaries)
            give_tree(cluster, account)
        else:
            durable = settings.get("fsync", "on") != "off"
            await initialise(cluster, binaries, account, log=home / "initdb.log", durable=durable)
        socket_dir = choose_socket_dir(home, account)
        argv = _command(cluster, binaries, socket_dir, settings)
        process, adopted = await _serve(cluster, argv, socket_dir, binaries, account)
    except BaseException:
        os.close(lock_fd)
        raise
    return Server(home, socket_dir, adopted, process, lock_fd)


def _resolved(data_dir: Path) -> Path:
    return data_dir.expanduser().resolve()


def _lock(home: Path) -> int:
    """One runner per data directory. The kernel frees the lock with us; the server does not inherit it."""
    fd = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(fd, 32).decode().strip() or "unknown"
        os.close(fd)
        raise DataDirectoryInUse(
            f"{home} is in use by process {holder}. Stop that one, or choose another data directory."
        ) from None
    os.truncate(fd, 0)
    os.write(fd, str(os.getpid()).encode())
    return fd


def _refuse_other_major(cluster: Path, binaries: Binaries) -> None:
    written = (cluster / "PG_VERSION").read_text().strip()
    if written != str(binaries.major):
        raise OtherMajorVersion(
            f"{cluster} was written by PostgreSQL {written}, and {binaries.bin_dir} is PostgreSQL {binaries.version}. "
            f"Set PG_BIN to the bin directory of a PostgreSQL {written}, or dump the databases with that version and "
            "restore them into a new data directory. Nothing was changed."
        )


def _command(cluster: Path, binaries: Binaries, socket_dir: Path, settings: Mapping[str, str]) -> list[str]:
    """The command line says everything, so that an orphan with the same one can be adopted."""
    options = [f"{name}={value}" for name, value in {**_SETTINGS, **settings}.items()]
    flags = [part for option in options for part in ("-c", option)]
    access = ["-h", "", "-p", str(PORT), "-k", str(socket_dir), "-c", "unix_socket_permissions=0700"]
    return [str(binaries.postgres), "-D", str(cluster), *flags, *access]


async def _serve(
    cluster: Path, argv: list[str], socket_dir: Path, binaries: Binaries, account: Account | None
) -> tuple[processes.Process, bool]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _CONTENDED_S
    while True:
        if process := await _adopt(cluster, argv, socket_dir, binaries):
            return process, True
        try:
            return await _launch(cluster, argv, socket_dir, account), False
        except StartFailed as failure:
            if loop.time() > deadline or not any(reason in str(failure) for reason in _PASSING):
                raise
        await asyncio.sleep(processes.POLL_S * 5)


async def _adopt(cluster: Path, argv: list[str], socket_dir: Path, binaries: Binaries) -> processes.Process | None:
    """The server a killed runner left behind, if it answers and was started as we would; else it is stopped."""
    left = processes.read_lock_file(cluster)
    if left is None:
        return None
    process = processes.attach(left.pid)
    if process is None or not processes.serves(left.pid, cluster):
        if process:
            processes.detach(process)
            processes.disown_lock_file(cluster)
        return None
    try:
        if processes.command_of(left.pid) == argv and await _version(socket_dir) == binaries.version:
            return process
        await processes.shut_down(process)
    except BaseException:
        processes.detach(process)
        raise
    processes.detach(process)
    return None


async def _launch(cluster: Path, argv: list[str], socket_dir: Path, account: Account | None) -> processes.Process:
    log = cluster.parent / "postgres.log"
    written_before = processes.cap(log, _LOG_CAP_BYTES)
    clear_socket(socket_dir)
    process = processes.spawn(argv, log, account, child_environment())
    try:
        async with asyncio.timeout(_READY_S):
            while processes.alive(process) and not await _is_ready(cluster, process, socket_dir):  # noqa: ASYNC110 -- a file tells
                await asyncio.sleep(processes.POLL_S)
    except BaseException as failure:
        await processes.shut_down(process)
        processes.detach(process)
        if isinstance(failure, TimeoutError):
            raise StartFailed(f"PostgreSQL was not ready within {_READY_S:.0f} s; see {log}") from failure
        raise
    if not processes.alive(process):
        processes.detach(process)
        said = processes.tail(log, written_before)
        raise StartFailed(f"PostgreSQL ended while it was starting; {log} says:\n{said}")
    return process


async def _is_ready(cluster: Path, process: processes.Process, socket_dir: Path) -> bool:
    said = processes.read_lock_file(cluster)
    return said == processes.LockFile(process.pid, ready=True) and await _version(socket_dir) is not None


async def _version(socket_dir: Path) -> str | None:
    """The version of the server that answers there, None if none does."""
    try:
        connection = await asyncpg.connect(database_url(socket_dir, "postgres"), timeout=_CONNECT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return None
    try:
        return str(await connection.fetchval("SHOW server_version")).split(" ")[0]
    finally:
        await connection.close()
