"""Ceiling: bare ASGI with group commit: requests join a group, one UNNEST insert per group, reply after its commit."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson
from harness import LEAD_TABLE, arguments, fresh_table, http_ceiling

Message = dict[str, Any]
TABLE = "ceiling_grouped"
INSERT = f"INSERT INTO {TABLE} (id, email, body) SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[])"
GROUP_MAX = 512
pending: list[tuple[uuid.UUID, str, str, "asyncio.Future[None]"]] = []
arrived = asyncio.Event()
tasks: set["asyncio.Task[None]"] = set()


async def write_groups(url: str) -> None:
    connection = await asyncpg.connect(url)
    while True:
        await arrived.wait()
        group = pending[:GROUP_MAX]
        del pending[:GROUP_MAX]
        if not pending:
            arrived.clear()
        await connection.execute(
            INSERT, [row[0] for row in group], [row[1] for row in group], [row[2] for row in group]
        )
        for row in group:
            if not row[3].done():
                row[3].set_result(None)


async def lifespan(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    await receive()
    url = os.environ["CEILING_POSTGRES"]
    await fresh_table(url, TABLE, LEAD_TABLE)
    tasks.add(asyncio.create_task(write_groups(url)))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    status, reply = 404, b"{}"
    if body:
        identifier, committed = uuid.uuid4(), asyncio.get_running_loop().create_future()
        pending.append((identifier, orjson.loads(body)["email"], body.decode(), committed))
        arrived.set()
        await committed
        status, reply = 202, b'{"status":"accepted","id":"%s"}' % str(identifier).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(reply)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": reply})


if __name__ == "__main__":
    http_ceiling("bare_asgi_grouped_unnest", arguments().parse_args())
