"""A runner that tests can kill: it serves a data directory until SIGTERM, and says where on its standard output."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from shared.store.postgres import find_binaries, running


async def main(data_dir: Path, bin_dir: str) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with running(data_dir, find_binaries({"PG_BIN": bin_dir})) as server:
        sys.stdout.write(json.dumps({"pid": server.pid, "url": server.url("postgres")}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
