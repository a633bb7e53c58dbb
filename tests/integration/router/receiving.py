"""Receivers of webhooks and e-mails on the loopback, and waiting for what they get."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from router.settings import Settings
from tests.support.harness import Bench

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
LOCAL = Settings(webhook_private=True, public_url="https://baton.example")


def keys() -> list[str]:
    """What the tests' secrets are sealed with."""
    return ["a key of this test"]


@dataclass
class Got:
    """One request that came."""

    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body)


@dataclass
class Receiver:
    """A small HTTP server: answers as `answers` says (then 204), keeps what came."""

    port: int = 0
    answers: list[bytes] = field(default_factory=list[bytes])
    got: list[Got] = field(default_factory=list[Got])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pairs = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.got.append(Got(headers, body))
        status = self.answers.pop(0) if self.answers else b"204 No Content\r\nContent-Length: 0"
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def a_receiver(*answers: bytes) -> AsyncGenerator[Receiver]:
    receiver = Receiver(answers=list(answers))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


@dataclass
class Mailbox:
    """A small SMTP server."""

    port: int = 0
    mails: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 mail.test")
        to = ""
        while line := (await reader.readline()).decode().strip():
            verb = line.split(maxsplit=1)[0].upper()
            if verb == "RCPT":
                to = line.partition("<")[2].rstrip(">")
            if verb == "DATA":
                await say("354 go on")
                text = (await reader.readuntil(b"\r\n.\r\n")).decode()
                self.mails.append((to, text))
            await say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                break
        writer.close()


@asynccontextmanager
async def a_mailbox() -> AsyncGenerator[Mailbox]:
    mailbox = Mailbox()
    server = await asyncio.start_server(mailbox.serve, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mailbox


async def states(bench: Bench) -> list[str]:
    return [row["state"] for row in await bench.rows("select state from delivery order by position")]


async def until_states(bench: Bench, *wanted: str) -> None:
    """Wait until the deliveries stand so, letting the timer ring."""
    async with asyncio.timeout(20):
        while (found := await states(bench)) != list(wanted):
            await bench.fire_timers()
            await asyncio.sleep(0.02)
            assert len(found) <= len(wanted), found


async def until_tried(bench: Bench, times: int) -> None:
    """Wait until the first delivery was tried so often and its end is written."""
    async with asyncio.timeout(20):
        while True:
            rows = await bench.rows("select attempts, taken_until from delivery order by position limit 1")
            if rows and rows[0]["attempts"] == times and rows[0]["taken_until"] is None:
                return
            await bench.fire_timers()
            await asyncio.sleep(0.02)


async def subscribe(bench: Bench, url: str, *events: str, **more: Any) -> str:
    said = {"url": url, "events": list(events), "secret": SECRET, **more}
    answer = await bench.client.post("/v1/subscriptions", json=said)
    assert answer.status_code == 201, answer.text
    return answer.json()["subscription_id"]
