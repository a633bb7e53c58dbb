"""One webhook: the address resolved once and checked, the connection to the checked address, no redirects."""

import asyncio
import base64
import binascii
import secrets
import socket
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpx
from standardwebhooks import Webhook

from router.domain.addresses import is_public

PREFIX: Final = "whsec_"
_TIMEOUT_S: Final = 15.0
_GONE: Final = 410  # the receiver says that it will never be there again
_KEY_BYTES: Final = range(16, 65)


class Outcome(NamedTuple):
    """How a try ended. `final`: trying again can't help."""

    sent: bool
    answer: int | None = None
    problem: str | None = None
    final: bool = False


class BadAddress(Exception):
    """Nothing is sent there; says why."""


def new_secret() -> str:
    """A signing secret of our own making."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(secret: str) -> bool:
    """Whether it can sign: base64 of 16 to 64 bytes, with or without its prefix."""
    try:
        return len(base64.b64decode(secret.removeprefix(PREFIX), validate=True)) in _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def client() -> httpx.AsyncClient:
    """A client that keeps no connections, follows nobody and asks no proxy: each webhook goes where it was checked."""
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(_TIMEOUT_S, connect=5.0),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
    )


def checked_url(url: str, *, private: bool) -> SplitResult:
    """The parts of an address to which webhooks may go, as far as its text says.

    Raises BadAddress.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"this is no URL: {error}") from error
    if parts.scheme not in (("https", "http") if private else ("https",)):
        raise BadAddress("a webhook goes to an https:// address")
    if not parts.hostname or port == 0:
        raise BadAddress("the URL names no host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadAddress("the URL may hold no user, password or fragment: receivers check the signature")
    return parts


async def resolve(parts: SplitResult, *, private: bool) -> str:
    """The address to connect to.

    Raises BadAddress where any address of the name is not public, OSError where there is none.
    """
    loop = asyncio.get_running_loop()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in found]
    if not private and not all(is_public(address) for address in addresses):
        raise BadAddress(f"{parts.hostname} is at a private, link-local or metadata address")
    return addresses[0]


def signed(secret: str, event_id: str, body: str, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body),
        "content-type": "application/json",
        "user-agent": "Baton-Webhooks",
    }


async def post(http: httpx.AsyncClient, url: str, headers: dict[str, str], body: str, *, private: bool) -> Outcome:
    """Try once. Any 2xx is taken for an answer; its body is not read, however long it is."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            parts = checked_url(url, private=private)
            address = await resolve(parts, private=private)
            request = http.build_request(
                "POST",
                httpx.URL(url).copy_with(host=address),
                content=body.encode(),
                headers={**headers, "host": parts.netloc},
                extensions={**_patience(), "sni_hostname": parts.hostname},
            )
            answer = await http.send(request, stream=True)
            await answer.aclose()
    except BadAddress as error:
        return Outcome(sent=False, problem=str(error), final=True)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        return Outcome(sent=False, problem=type(error).__name__)
    if answer.is_success:
        return Outcome(sent=True, answer=answer.status_code)
    gone = answer.status_code == _GONE
    return Outcome(sent=False, answer=answer.status_code, problem=f"answered {answer.status_code}", final=gone)


def _patience() -> dict[str, object]:
    return {"timeout": httpx.Timeout(_TIMEOUT_S, connect=5.0).as_dict()}
