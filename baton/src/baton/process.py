"""What every Baton process does the same way: HTTP beside background tasks, signals, health, an orderly end."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import Any

import structlog
import uvicorn
from fastapi import APIRouter
from prometheus_client import generate_latest
from sqlalchemy import text
from starlette.responses import Response
from starlette.types import ASGIApp

from shared.http.crowd import Crowd
from shared.runtime.failures import is_passing
from shared.runtime.node import Node
from shared.runtime.supervisor import Watchdog, supervise
from shared.telemetry.meters import Meters

log = structlog.get_logger("process")

Task = Callable[[], Coroutine[Any, Any, None]]
_DRAIN_S = 5


class QuietServer(uvicorn.Server):
    """Uvicorn without its own signal handlers: the process has one place for them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """The listening socket.

    Raises SystemExit in plain words where the port is taken.
    """
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise SystemExit(
            f"baton: {host}:{port} is not free ({error.strerror}); choose another with BATON_PORT=…"
        ) from error
    made.listen(1024)
    return made


async def run(
    app: ASGIApp, tasks: Mapping[str, Task], door: socket.socket, *, meters: Meters, ready: Task | None = None
) -> None:
    """Serve HTTP and run the tasks until a signal comes or a task ends.

    On SIGTERM or SIGINT requests in flight are answered first, then the tasks are ended.
    """
    asked, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    config = uvicorn.Config(
        Crowd(app, meters), log_config=None, access_log=False, timeout_keep_alive=30, timeout_graceful_shutdown=_DRAIN_S, ws="none",
        limit_concurrency=8000, h11_max_incomplete_event_size=65536, lifespan="off",
    )  # fmt: skip
    server = QuietServer(config)
    watchdog = Watchdog()

    async def http() -> None:
        serving = asyncio.create_task(server.serve(sockets=[door]))
        asking = asyncio.create_task(asked.wait())
        await asyncio.wait({serving, asking}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        asking.cancel()
        stop.set()
        await asyncio.Event().wait()

    async def gauge() -> None:
        while True:
            meters.loop_lag.set(watchdog.lag_s)
            await asyncio.sleep(1)

    async def announce() -> None:
        calm_collector()
        if ready is not None:
            await ready()
        await asyncio.Event().wait()

    await supervise({**tasks, "http": http, "watchdog": watchdog.run, "gauge": gauge, "ready": announce}, stop)


def calm_collector() -> None:
    """Have the garbage collector look seldom: reference counts free nearly all that a batch makes, cycles are rare.

    What start-up made is left out of every later look (a full one cost 50 ms, in the midst of batches), and 100,000
    more objects than have died call for a look at the young ones (at 20,000 each batch had one: 20 µs a lead).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 100)


def health(nodes: Sequence[Node], meters: Meters) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics` of a process."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready(response: Response) -> dict[str, object]:
        found: dict[str, str] = {}
        for node in nodes:
            try:
                async with node.desk.read() as session:
                    await session.execute(text("select 1"))
                found[node.service.name] = "ready"
            except Exception as error:
                if not is_passing(error):
                    raise
                found[node.service.name] = "its database does not answer"
        if any(word != "ready" for word in found.values()):
            response.status_code = 503
            response.headers["Retry-After"] = "2"
        return {"status": "ready" if response.status_code != 503 else "waiting", "services": found}

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(meters.registry), media_type="text/plain; version=0.0.4")

    return router
