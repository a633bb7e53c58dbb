"""The embedded runner: five services, their PostgreSQL and one port in one process."""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
from starlette.types import ASGIApp

from baton.catalogue import services
from baton.data_dir import admin_token, find_secret, sha256
from baton.presets import presets
from baton.process import Task, health, listen, run
from baton.settings import Settings, database_name
from baton.shared_policies import shared_policy_routes
from shared.http.app import build
from shared.runtime.clock import system_clock
from shared.runtime.node import Node, node, prepare
from shared.store import postgres
from shared.store.engine import engine
from shared.store.postgres_binaries import find_binaries
from shared.store.postgres_reach import reachable_home
from shared.store.urls import ensure_databases, on_server
from shared.telemetry.meters import Meters
from shared.transport.embedded import EmbeddedTransport

log = structlog.get_logger("embedded")

_RESTART_PAUSE_S = 0.5


@dataclass(slots=True)
class Databases:
    """Where the services' databases are, and what keeps them alive."""

    url: Callable[[str], str]
    tasks: dict[str, Task]


@asynccontextmanager
async def databases(settings: Settings, names: list[str]) -> AsyncGenerator[Databases]:
    """A database per service: on the server that BATON_POSTGRES names, else on our own."""
    if settings.postgres:
        await ensure_databases(settings.postgres, names)
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
    meters = Meters()
    names = {service.name: database_name(service.name) for service in services()}
    async with databases(settings, list(names.values())) as found:
        nodes = await assemble(settings, found, token, meters)
        tasks = {name: task for each in nodes for name, task in each.tasks.items()}
        try:
            await run(
                one_origin(nodes, meters),
                {**found.tasks, **tasks},
                door,
                meters=meters,
                ready=lambda: announce(settings.address, token),
            )
        finally:
            for each in nodes:
                await each.retire()


async def assemble(settings: Settings, found: Databases, token: str, meters: Meters) -> list[Node]:
    """Prepare every database first, so that whoever reads a neighbour's outbox finds its tables; then wire."""
    transport = EmbeddedTransport()
    seeds = presets(settings.policy_dir)
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
                    service, url, pool, partitions=settings.partitions, clock=system_clock, presets=seeds
                ),
            )
        )  # fmt: skip
    instance = settings.instance or secrets.token_hex(6)
    return [
        await node(
            service,
            transactions,
            transport,
            instance=instance,
            meters=meters,
            admin_sha256=sha256(token),
            find_secret=find_secret,
        )
        for service, transactions in prepared
    ]


def one_origin(nodes: list[Node], meters: Meters) -> ASGIApp:
    """All services behind one port."""
    within: list[httpx.AsyncClient] = []

    def client_of(_service: str) -> httpx.AsyncClient:
        return within[0]

    routers = [router for each in nodes for router in each.routers]
    rings = {each.service.name: each.ring for each in nodes}
    app = build([*routers, health(nodes, meters), shared_policy_routes(client_of)], rings)
    within.append(httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://baton"))
    return app
