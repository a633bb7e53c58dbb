"""`make run-distributed`: five processes and a gateway on a local Kafka and PostgreSQL, the way it runs at scale."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog

from baton.data_dir import admin_token, instance_name, session_secret
from baton.embedded import databases
from baton.fetch_kafka import LIB_DIR, POM_DIR
from baton.local_kafka import broker, fetch
from baton.settings import Settings
from baton.welcome import welcome
from shared.contracts.topology import SERVICES

log = structlog.get_logger("distributed")

_READY_S = 150.0
_END_S = 15.0


class ProcessEnded(Exception):
    """One of the processes ended by itself."""


@dataclass(slots=True)
class Processes:
    """The service processes of this run, ended together."""

    environment: dict[str, str]
    logs: Path
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict[str, asyncio.subprocess.Process])

    async def start(self, name: str, *arguments: str, port: int) -> None:
        """Start `baton …` with a log file of its own."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log_file:
            self.running[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "baton",
                *arguments,
                env={**self.environment, "BATON_PORT": str(port)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
            )

    async def first_end(self) -> str:
        """Wait until one of them ends; which."""
        waits = {asyncio.create_task(process.wait()): name for name, process in self.running.items()}
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return waits[next(iter(done))]

    async def end(self) -> None:
        """SIGTERM to all, then SIGKILL to whoever is left."""
        alive = [process for process in self.running.values() if process.returncode is None]
        for process in alive:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_S):
                await asyncio.gather(*(process.wait() for process in alive))
        except TimeoutError:
            for process in alive:
                if process.returncode is None:
                    process.kill()


async def up(settings: Settings) -> None:
    """Run everything until a signal comes.

    Raises ProcessEnded where one of the processes ends by itself; its log says why.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with everything(settings) as processes:
        async with httpx.AsyncClient(base_url=settings.address) as http:
            await until_ready(http, processes)
        greeting = asyncio.create_task(welcome(settings, settings.address, admin_token(settings)))
        ended = asyncio.create_task(processes.first_end())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (greeting, stopping):
            task.cancel()
        if ended.done():
            raise ProcessEnded(f"{ended.result()} ended; see {processes.logs / ended.result()}.log")
        ended.cancel()


@asynccontextmanager
async def everything(settings: Settings) -> AsyncGenerator[Processes]:
    """Kafka, PostgreSQL, five services and the gateway, ended in reverse order."""
    home = settings.data_dir / "distributed"
    async with AsyncExitStack() as stack:
        kafka = settings.kafka
        if not kafka:
            log.info("starting Kafka")
            jars = await asyncio.to_thread(fetch, POM_DIR, LIB_DIR)
            kafka = (await stack.enter_async_context(broker(home / "kafka", jars))).bootstrap
        own = settings.model_copy(update={"data_dir": home})
        found = await stack.enter_async_context(databases(own, []))
        environment = {
            **os.environ,
            "BATON_KAFKA": kafka,
            "BATON_POSTGRES": settings.postgres or found.url("postgres"),
            "BATON_ADMIN_TOKEN": admin_token(settings),
            "BATON_PARTITIONS": str(settings.partitions),
            "BATON_SESSION_SECRET": session_secret(settings).decode(),
            **({"BATON_CLOCK_START": settings.clock_start.isoformat()} if settings.clock_start else {}),
            "BATON_INSTANCE": instance_name(own),
        }
        keeper = [asyncio.create_task(run()) for run in found.tasks.values()]
        stack.callback(lambda: [task.cancel() for task in keeper])
        processes = Processes(environment, home / "logs")
        stack.push_async_callback(processes.end)
        for number, name in enumerate(SERVICES):
            await processes.start(name, "serve", name, port=settings.port + 1 + number)
        await processes.start("gateway", "gateway", port=settings.port)
        yield processes


async def until_ready(http: httpx.AsyncClient, processes: Processes) -> None:
    """Wait until the gateway finds all five ready.

    Raises ProcessEnded or TimeoutError.
    """
    async with asyncio.timeout(_READY_S):
        while True:
            for name, process in processes.running.items():
                if process.returncode is not None:
                    raise ProcessEnded(f"{name} ended while starting; see {processes.logs / name}.log")
            try:
                if (await http.get("/health/ready")).status_code == 200:
                    return
            except httpx.TransportError as error:
                log.debug("not yet", error=type(error).__name__)
            await asyncio.sleep(0.2)
