"""The product on a stage of our own: its processes, PostgreSQL and Kafka, each of which can be hurt and comes back."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from baton.local_kafka import Broker, broker
from shared.store import postgres
from shared.store.postgres_binaries import find_binaries
from tests.chaos.actor import Actor
from tests.chaos.load import GOOGLE_KEY
from tests.chaos.wire import Wire, a_wire, socket_of
from tests.support.kafka import kafka_lib
from tests.support.product import TOKEN, free_port

SERVICES = ("intake", "scorer", "router", "sla-watcher", "analytics")
TWICE = ("scorer", "router", "analytics")
PARTITIONS = 4
_POSTGRES = {"max_connections": "400", "shared_buffers": "64MB"}


def database_of(service: str) -> str:
    """The name of a service's database."""
    return f"baton_{service.replace('-', '_')}"


@dataclass(slots=True)
class Store:
    """PostgreSQL, started again whenever it ends."""

    home: Path
    server: postgres.Server
    wire: Wire
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _frozen: list[int] = field(default_factory=list[int])

    def url(self, service: str) -> str:
        """A service's database, straight."""
        return self.server.url(database_of(service))

    async def kill(self) -> None:
        """SIGKILL the postmaster and start it again; it recovers."""
        os.kill(self.server.pid, signal.SIGKILL)
        await self.server.wait()
        await self.server.stop()
        self.server = await postgres.start(self.home, find_binaries(os.environ), settings=_POSTGRES)
        self.wire.socket_path = socket_of(self.server.url("postgres"))

    def freeze(self) -> None:
        """SIGSTOP the postmaster and every process of it."""
        self._frozen = [self.server.pid]
        os.kill(self.server.pid, signal.SIGSTOP)  # first: then nobody is born any more
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        for pid in map(int, children):
            self._frozen.append(pid)
            _send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in reversed(self._frozen):
            _send(pid, signal.SIGCONT)
        self._frozen = []


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@dataclass(slots=True)
class Stage:
    """All of it."""

    mode: str
    home: Path
    http: httpx.AsyncClient
    store: Store
    wire: Wire
    actors: list[Actor]
    origin: str
    kafka: Broker | None
    kafka_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wipes: int = 0

    def of(self, service: str) -> list[Actor]:
        """The processes that run a service."""
        return [actor for actor in self.actors if self.mode == "embedded" or actor.service == service]

    def address(self, service: str, chance: random.Random) -> str:
        """Where to find one of them."""
        return chance.choice(self.of(service)).url

    def urls(self) -> dict[str, str]:
        """The databases, past the wire."""
        return {service: self.store.url(service) for service in SERVICES}

    async def ready(self) -> None:
        """Wait for everybody."""
        await asyncio.gather(*(actor.ready(self.http) for actor in self.actors))

    async def count(self) -> None:
        """Look at everybody's metrics, before they are gone."""
        await asyncio.gather(*(actor.count(self.http) for actor in self.actors))

    async def baton(self, *arguments: str) -> tuple[int, str]:
        """Run a `baton` command against it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "baton", *arguments,
            env={**os.environ, "BATON_URL": self.origin, "BATON_TOKEN": TOKEN, "COLUMNS": "200"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 60)
        except TimeoutError:
            process.kill()
            await process.wait()
            return 1, "the command did not end"
        return process.returncode or 0, output.decode()


@asynccontextmanager
async def a_stage(
    mode: str, home: Path, *, mistake: str, chance: random.Random | None, twice: Sequence[str]
) -> AsyncGenerator[Stage]:
    """The product, ready; everything that was started is ended."""
    async with AsyncExitStack() as stack:
        kafka = await stack.enter_async_context(broker(home / "kafka", kafka_lib())) if mode == "kafka" else None
        server = await postgres.start(home / "postgres", find_binaries(os.environ), settings=_POSTGRES)
        wire, url = await stack.enter_async_context(a_wire(server.url("postgres")))
        store = Store(home / "postgres", server, wire)
        stack.push_async_callback(_stop, store)
        await server.ensure_databases(map(database_of, SERVICES))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BATON_")},
            "BATON_POSTGRES": url, "BATON_ADMIN_TOKEN": TOKEN, "BATON_GOOGLE_KEY": GOOGLE_KEY,
            "BATON_PARTITIONS": str(PARTITIONS), "BATON_DATA_DIR": str(home / "data"), "DEMO": "0",
            "BATON_KAFKA": kafka.bootstrap if kafka else "", "BATON_FAILPOINTS": mistake,
        }  # fmt: skip
        actors = _cast(mode, environment, home, chance, twice)
        headers = {"authorization": f"Bearer {TOKEN}"}
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        http = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=6, limits=limits))
        stack.push_async_callback(_finish, [asyncio.create_task(actor.run()) for actor in actors])
        stage = Stage(mode, home, http, store, wire, actors, actors[-1].url, kafka)
        await stage.ready()
        yield stage


async def _stop(store: Store) -> None:
    store.thaw()
    await store.server.stop()


async def _finish(runs: Sequence["asyncio.Task[None]"]) -> None:
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)


def _cast(
    mode: str, environment: Mapping[str, str], home: Path, chance: random.Random | None, twice: Sequence[str]
) -> list[Actor]:
    """Who plays; the last one is the one origin."""
    (home / "logs").mkdir(parents=True, exist_ok=True)
    if mode == "embedded":
        named = _named(environment, "product", chance)
        return [Actor("product", "product", ("up",), named, free_port(), home / "logs" / "product.log")]
    names = [(service, turn) for service in SERVICES for turn in ("1", "2") if turn == "1" or service in twice]
    first = free_port(len(names) + 1)
    actors = [
        Actor(
            f"{service}-{turn}",
            service,
            ("serve", service),
            _named(environment, f"{service}-{turn}", chance),
            first + number,
            home / "logs" / f"{service}-{turn}.log",
        )
        for number, (service, turn) in enumerate(names)
    ]
    where = {
        f"BATON_{actor.service.upper().replace('-', '_')}_URL": actor.url
        for actor in reversed(actors)
    }  # fmt: skip
    gate = Actor(
        "gateway", "gateway", ("gateway",), {**environment, **where}, first + len(names), home / "logs" / "gateway.log"
    )
    return [*actors, gate]


def _named(environment: Mapping[str, str], name: str, chance: random.Random | None) -> Mapping[str, str]:
    """Half of them keep their name over a restart and have their lanes back at once, half come as somebody new."""
    return {**environment, "BATON_INSTANCE": name} if chance is None or chance.random() < 0.5 else environment
