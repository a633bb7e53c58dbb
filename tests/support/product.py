"""The whole product in a process of its own, as a user starts it: on free ports, with a data directory that goes away."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from baton import ports
from tests.support.wait import until

TOKEN = "baton_admin_for-tests-only"
_READY_S = 170.0


def free_port(count: int = 1) -> int:
    """A port with `count` free ones from it on, in a range of this worker's own.

    A product binds its ports seconds after they were found free: two workers must not look in the same place.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw9").removeprefix("gw")) % 10
    first = 21_000 + worker * 1000
    return ports.free_port(count, range(first, first + 980, 10))


@dataclass
class Product:
    """A running product."""

    http: httpx.AsyncClient
    process: asyncio.subprocess.Process
    environment: dict[str, str]
    data: Path
    log: Path

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    async def baton(self, *arguments: str) -> tuple[int, str]:
        """Run a `baton` command against it: its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "baton", *arguments,
            env={**self.environment, "BATON_URL": self.url, "BATON_TOKEN": TOKEN, "COLUMNS": "200"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal the process and wait for its end."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 60)


@asynccontextmanager
async def a_product(
    data: Path, *arguments: str, ports: int = 1, audited: bool = True, **environment: str
) -> AsyncGenerator[Product]:
    """`baton up` (or other arguments), ready to serve. Where it still runs at the end, its audit must be clean."""
    port = free_port(ports)
    async with started(data, port, arguments or ("up",), environment) as product:
        yield product
        if audited and product.process.returncode is None:
            code, said = await product.baton("audit")
            assert code == 0, f"the audit at the end is not clean:\n{said}"


@asynccontextmanager
async def started(
    data: Path, port: int, arguments: tuple[str, ...], extra: Mapping[str, str]
) -> AsyncGenerator[Product]:
    """The product on a given port; ended at the end, kindly first."""
    environment = {
        **os.environ, "BATON_PORT": str(port), "BATON_DATA_DIR": str(data), "BATON_ADMIN_TOKEN": TOKEN,
        "BATON_PARTITIONS": "4", "DEMO": "0", **extra,
    }  # fmt: skip
    data.mkdir(parents=True, exist_ok=True)
    log = data / "process.log"
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "baton", *arguments, env=environment, stdout=sink, stderr=sink,
            stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http:
        product = Product(http, process, environment, data, log)
        try:
            await until_ready(product)
            yield product
        finally:
            try:
                await product.end()
            except TimeoutError:
                process.kill()
                await process.wait()


async def until_ready(product: Product) -> None:
    """Wait until it answers ready.

    Raises AssertionError with the end of its log where it ended instead.
    """

    async def ready() -> bool:
        if product.process.returncode is not None:
            tail = product.log.read_text(errors="replace")[-4000:]
            raise AssertionError(f"the product ended with {product.process.returncode}:\n{tail}")
        try:
            return (await product.http.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    await until(ready, at_most_s=_READY_S)
