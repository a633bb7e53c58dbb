"""The line between the services and PostgreSQL: it resets connections, and loses or holds a COMMIT, on order."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import make_url

from tests.support.proxy import Cut

_BEGIN = b"BEGIN;\x00"
_COMMIT = b"COMMIT;\x00"
_CHUNK_BYTES = 65536


@dataclass(slots=True)
class Order:
    """What shall befall the next COMMIT to one database (any, where it is empty)."""

    cut: Cut
    database: str = ""
    hold: bool = False
    """Keep the connection open and silent, so that whoever waits for the answer can be killed meanwhile."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Hold:
    """Whoever connects from these ports does not get a transaction begun until it is over: a batch stays in hand."""

    ports: frozenset[int]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Wire:
    """Passes bytes on. The server's socket is looked up for each connection: it may be another server by then."""

    socket_path: str
    orders: list[Order] = field(default_factory=list[Order])
    made: int = 0
    refuses: bool = False
    hold: Hold | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    def reset_all(self) -> int:
        """Lose every connection now; how many there were."""
        lost = list(self._open)
        for writer in lost:
            writer.transport.abort()
        return len(lost)

    def cancel(self, order: Order) -> None:
        """Forget an order that found no COMMIT."""
        if order in self.orders:
            self.orders.remove(order)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection."""
        if self.refuses:
            return
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self.socket_path)
        except OSError:
            return
        both = {writer, up_writer}
        self._open |= both
        try:
            line = _Line(self, (reader, writer), (up_reader, up_writer))
            ways = [asyncio.create_task(line.up()), asyncio.create_task(line.down())]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._open -= both
            for each in both:
                each.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve, and leave nothing open."""
        try:
            await self.serve(reader, writer)
        finally:
            writer.transport.abort()

    def order_for(self, database: str) -> Order | None:
        """The order that is due on a COMMIT to a database, taken off the list."""
        for order in self.orders:
            if not order.database or order.database == database:
                self.orders.remove(order)
                self.made += 1
                return order
        return None


@dataclass(slots=True)
class _Line:
    wire: Wire
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    database: str = ""
    swallowing: Order | None = None

    async def up(self) -> None:
        """From the client to the server; returns when the connection is to be lost."""
        reader, writer = self.client[0], self.server[1]
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if not self.database:
                    self.database = _database_of(chunk)
                if self.wire.hold is not None and chunk.endswith(_BEGIN):
                    await self._held(self.wire.hold)
                if self.wire.orders and chunk.endswith(_COMMIT):
                    order = self.wire.order_for(self.database)
                    if order is not None and not await self._obey(order, chunk):
                        return
                    if order is not None:
                        continue
                writer.write(chunk)
                await writer.drain()

    async def _held(self, hold: Hold) -> None:
        if self.client[1].get_extra_info("peername")[1] in hold.ports:
            hold.reached.set()
            await hold.over.wait()

    async def _obey(self, order: Order, chunk: bytes) -> bool:
        """Carry out an order; whether the line stays open (until the server's answer, or the client's end)."""
        if order.cut is Cut.BEFORE:
            order.reached.set()
            return order.hold
        self.swallowing = order
        self.server[1].write(chunk)
        await self.server[1].drain()
        return True

    async def down(self) -> None:
        """From the server to the client."""
        reader, writer = self.server[0], self.client[1]
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if self.swallowing is not None:  # the server has committed, and the client never hears of it
                    self.swallowing.reached.set()
                    if not self.swallowing.hold:
                        return
                    continue
                writer.write(chunk)
                await writer.drain()
        if self.swallowing is not None and self.swallowing.hold:
            await asyncio.Event().wait()


def _database_of(startup: bytes) -> str:
    """The database that a startup message names; a client may ask for TLS before, which names none."""
    parts = startup.split(b"\x00")
    return parts[parts.index(b"database") + 1].decode() if b"database" in parts else ""


def socket_of(url: str) -> str:
    """The socket of the server of a URL."""
    straight = make_url(url)
    return f"{straight.query['host']}/.s.PGSQL.{straight.query.get('port', straight.port or 5432)}"


@asynccontextmanager
async def a_wire(url: str) -> AsyncGenerator[tuple[Wire, str]]:
    """A line to the server of a URL (on a unix socket), and the same database's URL through it."""
    straight = make_url(url)
    wire = Wire(socket_of(url))
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    try:
        through = straight.set(host="127.0.0.1", port=server.sockets[0].getsockname()[1], query={})
        yield wire, through.render_as_string(hide_password=False)
    finally:
        server.close()
        wire.reset_all()
