"""A TCP gate before any server: open, or silent, as a frozen peer is (it accepts, and nothing ever passes)."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK_BYTES = 65536

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Gate:
    """Passes bytes both ways while it is open; what came meanwhile goes on when it opens again."""

    connect: Connect
    port: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    accepted: int = 0
    _ways: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    def open(self) -> None:
        """Let everything pass."""
        self.opened.set()

    def freeze(self) -> None:
        """Let nothing pass, and tell nobody."""
        self.opened.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection."""
        self.accepted += 1
        serving = asyncio.current_task()
        assert serving is not None
        self._ways.add(serving)
        writers = [writer]
        try:
            await self.opened.wait()
            up_reader, up_writer = await self.connect()
            writers.append(up_writer)
            ways = {
                asyncio.create_task(self._pass(reader, up_writer)),
                asyncio.create_task(self._pass(up_reader, writer)),
            }
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._ways.discard(serving)
            for each in writers:
                each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self.opened.wait()
                writer.write(chunk)
                await writer.drain()

    def end(self) -> None:
        """Lose every connection."""
        for way in self._ways:
            way.cancel()


@asynccontextmanager
async def a_gate(connect: Connect) -> AsyncGenerator[Gate]:
    """A gate on a port of its own, open."""
    gate = Gate(connect)
    gate.open()
    server = await asyncio.start_server(gate.serve, "127.0.0.1", 0)
    gate.port = server.sockets[0].getsockname()[1]
    try:
        yield gate
    finally:
        server.close()
        gate.end()
        await server.wait_closed()
