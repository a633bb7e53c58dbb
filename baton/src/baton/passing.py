"""At the one origin nobody need show a pass: it is asked of router with the reader's own key.

Router knows whose a lead is; intake and scorer believe its pass. Somebody has to carry it, and a CRM should not have to.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

ClientOf = Callable[[str], httpx.AsyncClient]
_ASKED: Final = frozenset({b"authorization", b"cookie"})
_READS: Final = re.compile(r"/v1/(?:leads|scores)/([0-9a-fA-F-]{36})")


Headers = Sequence[tuple[bytes, bytes]]


async def pass_to(router: httpx.AsyncClient, lead_id: str, headers: Headers) -> str | None:
    """The pass that whoever sends these headers has to a lead; None for all who need none or have none."""
    try:
        answer = await router.get(f"/v1/leads/{lead_id}/pass", headers=list(headers))
    except httpx.TransportError:
        return None
    return answer.json()["pass"] if answer.is_success else None


class Passing:
    """ASGI middleware: reads of one lead are passed on with the reader's pass, where there is one."""

    def __init__(self, app: ASGIApp, client_of: ClientOf) -> None:
        self.app = app
        self.client_of = client_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        lead_id = _lead_read(scope)
        if lead_id is not None:
            headers = [(key, value) for key, value in scope["headers"] if key in _ASKED]
            given = await pass_to(self.client_of("router"), lead_id, headers) if headers else None
            if given is not None:
                query = b"&".join(filter(None, (scope["query_string"], b"pass=" + given.encode())))
                scope = {**scope, "query_string": query}
        await self.app(scope, receive, send)


def _lead_read(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "GET" or b"pass=" in scope["query_string"]:
        return None
    found = _READS.fullmatch(scope["path"])
    return found[1] if found else None
