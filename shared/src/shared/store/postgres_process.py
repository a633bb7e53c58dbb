"""The postmaster as a process: starting it, finding one that outlived its runner, and ending it in bounded time."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from shared.store.postgres_account import Account

POLL_S = 0.02
_FAST_STOP_S = 30.0
_IMMEDIATE_STOP_S = 5.0
_PROC = Path("/proc")
_SHOWN_LINES = 12


@dataclass(frozen=True, slots=True)
class Process:
    """`child` is None for an orphan, which init reaps; `pidfd` is None where the kernel has none."""

    pid: int
    child: subprocess.Popen[bytes] | None
    pidfd: int | None


@dataclass(frozen=True, slots=True)
class LockFile:
    """What a postmaster wrote into `postmaster.pid`."""

    pid: int
    ready: bool


def spawn(argv: Sequence[str], log: Path, account: Account | None, env: Mapping[str, str] | None = None) -> Process:
    """Start a program in its own session (Ctrl-C is for us alone), writing to `log`, as `account`."""
    log_fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603 -- programs of the installation found
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            cwd="/",
            env=dict(env or {}),
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    finally:
        os.close(log_fd)
    return Process(child.pid, child, _pidfd(child.pid))


def attach(pid: int) -> Process | None:
    """A process that is not our child; None when it is gone."""
    try:
        return Process(pid, None, _pidfd(pid))
    except ProcessLookupError:
        return None


def detach(process: Process) -> None:
    """Let go of what the kernel holds for us; the process lives on if it lives."""
    if process.pidfd is not None:
        os.close(process.pidfd)


def alive(process: Process) -> bool:
    if process.child is not None:
        return process.child.poll() is None
    if process.pidfd is None:
        return is_running(process.pid)
    waiting = select.poll()
    waiting.register(process.pidfd, select.POLLIN)
    return not waiting.poll(0)


async def gone(process: Process) -> None:
    """Return when the process has ended, and reap it if it is our child."""
    if process.pidfd is None:
        while alive(process):  # noqa: ASYNC110 -- the kernel tells nobody
            await asyncio.sleep(POLL_S)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    fd = os.dup(process.pidfd)  # a loop has one reader per descriptor, and two tasks may wait
    loop.add_reader(fd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
    if process.child is not None:
        process.child.wait()


async def shut_down(process: Process) -> None:
    """Fast shutdown, then immediate, then kill: PostgreSQL recovers from each, they differ in the next start."""
    steps = ((signal.SIGINT, _FAST_STOP_S), (signal.SIGQUIT, _IMMEDIATE_STOP_S), (signal.SIGKILL, _IMMEDIATE_STOP_S))
    for number, patience_s in steps:
        if not alive(process):
            return
        send(process, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone(process), patience_s)


def kill_session(process: Process) -> None:
    """Kill a program of ours with the programs it started."""
    if alive(process) and process.child is not None:
        os.killpg(process.pid, signal.SIGKILL)
        process.child.wait()


def send(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.child is not None:
            process.child.send_signal(number)
        elif process.pidfd is not None:
            signal.pidfd_send_signal(process.pidfd, number)
        else:
            os.kill(process.pid, number)


def read_lock_file(cluster: Path) -> LockFile | None:
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return LockFile(int(lines[0]), len(lines) > 7 and lines[7].strip() == "ready")
    except (OSError, ValueError, IndexError):
        return None


def disown_lock_file(cluster: Path) -> None:
    """Make a stale `postmaster.pid` harmless when its number now belongs to a zombie or a stranger.

    PostgreSQL would refuse to start for as long as that number is taken. It takes its parent's number for stale, so
    ours goes in. The rest stays: with it PostgreSQL checks that no backend of the dead server still has the memory.
    """
    fd = os.open(cluster / "postmaster.pid", os.O_RDWR | os.O_NOFOLLOW)
    with os.fdopen(fd, "r+") as file:
        rest = file.read().splitlines()[1:]
        file.seek(0)
        file.write("\n".join([str(os.getpid()), *rest]) + "\n")
        file.truncate()


def is_running(pid: int) -> bool:
    """Alive and not a zombie: a container's first process may never reap."""
    return _status(pid)[:1] not in ("", "Z", "X")


def serves(pid: int, cluster: Path) -> bool:
    """Whether this process is the postmaster of `cluster`, and not a stranger that has got the number since."""
    if not is_running(pid):
        return False
    argv = command_of(pid)
    if not argv or Path(argv[0]).name not in ("postgres", "postmaster"):
        return False
    named = [Path(after) for flag, after in pairwise(argv) if flag == "-D"]
    return any(_same(path, cluster) for path in named) or _same(_PROC / str(pid) / "cwd", cluster)


def command_of(pid: int) -> list[str]:
    """The command line; readable where /proc/PID/cwd is not (root in a container, another account's process)."""
    if _has_proc():
        try:
            return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
        except OSError:
            return []
    return _ps("command=", pid).split()


def cap(log: Path, cap_bytes: int) -> int:
    """Keep one older log when this one is large; returns the size of what the next program appends to."""
    if not log.exists():
        return 0
    size_bytes = log.stat().st_size
    if size_bytes <= cap_bytes:
        return size_bytes
    log.rename(log.with_name(f"{log.name}.1"))
    return 0


def tail(log: Path, offset_bytes: int = 0) -> str:
    """The last lines written after `offset_bytes`, for a message."""
    with log.open("rb") as file:
        file.seek(offset_bytes)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-_SHOWN_LINES:])


def _status(pid: int) -> str:
    if not _has_proc():
        return _ps("stat=", pid)
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].strip()
    except OSError:
        return ""


def _ps(column: str, pid: int) -> str:
    asked = ["/bin/ps", "-ww", "-o", column, "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 -- a number


def _has_proc() -> bool:
    return (_PROC / "self" / "stat").exists()


def _same(path: Path, cluster: Path) -> bool:
    try:
        return path.samefile(cluster)
    except OSError:
        return False


def _pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:  # a kernel or a sandbox without it
        return None
