"""The embedded runner: five services, their PostgreSQL and one port in one process."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
import structlog
from starlette.types import ASGIApp

from baton.catalogue import services
from baton.data_dir import admin_token, find_secret, instance_name, session_secret, sha256, this_start
from baton.page.pages import Pages
from baton.passing import Passing
from baton.presets import presets
from baton.process import Task, health, listen, run
from baton.settings import Settings, database_name
from baton.shared_policies import shared_policy_routes
from shared.http.app import build
from shared.runtime.clock import HurriedClock
from shared.runtime.node import Node, WrongPartitions, node, prepare
from shared.runtime.patience import Unusable, patiently
from shared.store import postgres
from shared.store.engine import engine
from shared.store.migrate import NewerSchema
from shared.store.postgres_binaries import find_binaries
from shared.store.postgres_reach import reachable_home
from shared.store.urls import ensure_databases, on_server
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport

log = structlog.get_logger("embedded")

_RESTART_PAUSE_S = 0.5
R = TypeVar("R")


@contextmanager
def plainly() -> Generator[None]:
    """What a person must mend ends the command with its sentence, not with a traceback."""
    try:
        yield
    except (Unusable, NewerSchema, WrongPartitions) as error:
        raise SystemExit(f"baton: {error}") from error


@dataclass(slots=True)
class Databases:
    """Where the services' databases are, and what keeps them alive."""

    url: Callable[[str], str]
    tasks: dict[str, Task]


@asynccontextmanager
async def databases(settings: Settings, names: list[str]) -> AsyncGenerator[Databases]:
    """A database per service: on the server that BATON_POSTGRES names, else on our own."""
    if settings.postgres:
        await patiently("the PostgreSQL server", lambda: ensure_databases(settings.postgres, names))
        yield Databases(lambda name: on_server(settings.postgres, name), {})
        return
    home = reachable_home(settings.data_dir / "postgres")
    binaries = find_binaries(os.environ)
    holder = [await postgres.start(home, binaries)]

    async def keep() -> None:
        """Start PostgreSQL again whenever it ends: everything else waits for it."""
        while True:
            await holder[0].wait()
            log.warning("postgresql ended, starting it again")
            await holder[0].stop()
            await asyncio.sleep(_RESTART_PAUSE_S)
            holder[0] = await postgres.start(home, binaries)

    try:
        await holder[0].ensure_databases(names)
        yield Databases(lambda name: holder[0].url(name), {"postgresql": keep})  # noqa: PLW0108 - it is replaced
    finally:
        await holder[0].stop()


async def up(settings: Settings, announce: Callable[[str, str], Coroutine[Any, Any, None]]) -> None:
    """Run the whole product until a signal comes; `announce(address, admin token)` is called when it serves."""
    door = listen(settings.host, settings.port)
    settings = settings.model_copy(update={"port": door.getsockname()[1]})
    token = admin_token(settings)
    with plainly():
        await _serve(settings, announce, door, token)


async def _serve(
    settings: Settings, announce: Callable[[str, str], Coroutine[Any, Any, None]], door: socket.socket, token: str
) -> None:
    meters = Meters()
    names = [database_name(service.name) for service in services()]
    async with databases(settings, names) as found:
        nodes = await kept_alive(found, assemble(settings, found, token, meters))
        tasks = {name: task for each in nodes for name, task in each.tasks.items()}
        try:
            await run(
                one_origin(settings, nodes, meters),
                {**found.tasks, **tasks},
                door,
                meters=meters,
                ready=lambda: announce(settings.address, token),
            )
        finally:
            for each in nodes:
                await each.retire()


async def kept_alive(found: Databases, starting: Coroutine[Any, Any, R]) -> R:
    """Start while PostgreSQL is kept alive too: a start waits for it, so somebody must start it again."""
    start = asyncio.create_task(starting)
    keepers = [asyncio.create_task(keep()) for keep in found.tasks.values()]
    try:
        await asyncio.wait({start, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        for keeper in keepers:
            if keeper.done():
                keeper.result()
        return await start
    finally:
        for task in (start, *keepers):
            task.cancel()
        await asyncio.gather(start, *keepers, return_exceptions=True)


async def assemble(settings: Settings, found: Databases, token: str, meters: Meters) -> list[Node]:
    """Prepare every database first, so that whoever reads a neighbour's outbox finds its tables; then wire."""
    transport = EmbeddedTransport()
    seeds, clock = presets(settings.policy_dir), HurriedClock()
    prepared = []
    for service in services():
        url = found.url(database_name(service.name))
        pool = transport.engines[service.name] = engine(
            url, application=service.name, idle_in_transaction_s=2 if service.name == "intake" else 5
        )
        prepared.append(
            (
                service,
                await prepare(
                    service, url, pool, partitions=settings.partitions, clock=clock, presets=seeds,
                    begins=settings.clock_start,
                ),
            )
        )  # fmt: skip
    instance = this_start(instance_name(settings))
    return [
        await node(
            service,
            transactions,
            transport,
            instance=instance,
            meters=meters,
            admin_sha256=sha256(token),
            session_secret=session_secret(settings),
            find_secret=find_secret,
        )
        for service, transactions in prepared
    ]


def one_origin(settings: Settings, nodes: list[Node], meters: Meters) -> ASGIApp:
    """All services and the page behind one port."""
    within: list[httpx.AsyncClient] = []

    def client_of(_service: str) -> httpx.AsyncClient:
        return within[0]

    routers = [router for each in nodes for router in each.routers]
    rings = {each.service.name: each.ring for each in nodes}
    page = Pages(client_of, session_secret(settings), ZoneInfo(settings.timezone), settings.is_secure).routes()
    app = build([*routers, health(nodes, meters), shared_policy_routes(client_of), page], rings)
    within.append(httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://baton"))
    return Passing(app, client_of)
