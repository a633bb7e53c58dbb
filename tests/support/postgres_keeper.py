"""A process that keeps the test session's PostgreSQL: it serves while any test process holds `users.lock`.

The kernel frees that lock however a test process ends, so a crashed worker leaves no server behind.
"""

import asyncio
import fcntl
import json
import os
import shutil
import sys
import traceback
from pathlib import Path

from shared.store.postgres import find_binaries, running

# Nothing here has to survive a power cut. The servers under test in the launcher's own tests are durable.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "300", "shared_buffers": "64MB"}


def main(meeting_place: Path, home: Path, bin_dir: str) -> None:
    if os.fork():
        return  # the starter sees its child end at once; the server is nobody's child
    os.setsid()
    try:
        asyncio.run(_keep(meeting_place, home, bin_dir))
    except BaseException:
        _tell(meeting_place / "failed.txt", traceback.format_exc())
        raise
    finally:
        (meeting_place / "server.json").unlink(missing_ok=True)
        shutil.rmtree(home, ignore_errors=True)


async def _keep(meeting_place: Path, home: Path, bin_dir: str) -> None:
    async with running(home / "postgres", find_binaries({"PG_BIN": bin_dir}), settings=SETTINGS) as server:
        _tell(meeting_place / "server.json", json.dumps({"url": server.url("DATABASE"), "keeper": os.getpid()}))
        unused = asyncio.create_task(asyncio.to_thread(_wait_until_unused, meeting_place))
        ended = asyncio.create_task(server.wait())
        await asyncio.wait({unused, ended}, return_when=asyncio.FIRST_COMPLETED)
        (meeting_place / "server.json").unlink(missing_ok=True)
        ended.cancel()


def _wait_until_unused(meeting_place: Path) -> None:
    fd = os.open(meeting_place / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)  # kept until this process ends: a late worker waits, then starts its own server


def _tell(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
