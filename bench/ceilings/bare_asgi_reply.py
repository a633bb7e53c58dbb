"""Ceiling: how fast one uvicorn process can read a lead's body and answer 202, with nothing behind it."""

from collections.abc import Awaitable, Callable
from typing import Any

from harness import arguments, http_ceiling

Message = dict[str, Any]
REPLY = b'{"status":"accepted","id":"00000000-0000-0000-0000-000000000000"}'
HEAD: Message = {
    "type": "http.response.start",
    "status": 202,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(REPLY)).encode())],
}


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    await send(HEAD)
    await send({"type": "http.response.body", "body": REPLY})


if __name__ == "__main__":
    http_ceiling("bare_asgi_reply", arguments().parse_args())
