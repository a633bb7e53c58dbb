"""A TCP proxy before PostgreSQL that loses connections at the worst moment: around a COMMIT."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from sqlalchemy.engine import make_url

_COMMIT = b"COMMIT;\x00"
_CHUNK_BYTES = 65536


class Cut(Enum):
    """When the connection breaks. Both look the same to the client."""

    BEFORE = auto()
    """The server never hears of the COMMIT."""
    AFTER = auto()
    """The server has committed, its answer is lost."""


@dataclass
class Proxy:
    """Passes bytes on until a cut is ordered; each order is for one COMMIT."""

    socket_path: str
    orders: list[Cut] = field(default_factory=list[Cut])
    made: list[Cut] = field(default_factory=list[Cut])
    away: bool = False
    """Refuse everybody, as a store that is down."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    def break_all(self) -> None:
        """Lose every connection now."""
        for writer in list(self._open):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection."""
        if self.away:
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_unix_connection(self.socket_path)
        both = {writer, up_writer}
        self._open |= both
        lost = asyncio.Event()
        try:
            ways = [
                asyncio.create_task(self._up(reader, up_writer, lost)),
                asyncio.create_task(self._down(up_reader, writer, lost)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._open -= both
            for each in both:
                each.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if self.orders and chunk.endswith(_COMMIT):
                    cut = self.orders.pop(0)
                    self.made.append(cut)
                    if cut is Cut.BEFORE:
                        return
                    lost.set()
                writer.write(chunk)
                await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if lost.is_set():
                    return  # the server's answer to the COMMIT came: it is done, and the client never hears of it
                writer.write(chunk)
                await writer.drain()


@asynccontextmanager
async def a_proxy(url: str) -> AsyncGenerator[tuple[Proxy, str]]:
    """A proxy before the server of a URL (on a unix socket), and the URL of the same database through it."""
    straight = make_url(url)
    directory, port = str(straight.query["host"]), straight.query.get("port", straight.port or 5432)
    proxy = Proxy(f"{directory}/.s.PGSQL.{port}")
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    through = straight.set(host="127.0.0.1", port=server.sockets[0].getsockname()[1], query={})
    try:
        yield proxy, through.render_as_string(hide_password=False)
    finally:
        server.close()
        proxy.break_all()
        await server.wait_closed()
