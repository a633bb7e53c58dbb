"""The browser's session: a signed cookie that names a key, and the one-time code of a sign-in link that buys it.

Sign-in always goes by real time. What the key may do is looked up at every request, so revoking it ends its sessions.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Final

COOKIE: Final = "baton_session"
SESSION_LASTS: Final = timedelta(hours=12)
CODE_LASTS: Final = timedelta(minutes=15)
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def new_code(secret: bytes, key_id: str, at: datetime) -> str:
    """A code for a sign-in link: whoever opens it first, within a quarter of an hour, is signed in as this key."""
    return _signed(secret, "code", f"{key_id}.{secrets.token_hex(8)}", at + CODE_LASTS)


def new_session(secret: bytes, key_id: str, at: datetime) -> str:
    """The cookie's value."""
    return _signed(secret, "session", f"{key_id}.", at + SESSION_LASTS)


def key_of_code(secret: bytes, code: str, at: datetime) -> str | None:
    """The key that a code signs in as; None where it is forged or too old."""
    return _key_of(secret, "code", code, at)


def key_of_session(secret: bytes, session: str, at: datetime) -> str | None:
    """The key of a session; None where it is forged or over."""
    return _key_of(secret, "session", session, at)


def cookie_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The session cookie of a request, empty where it has none."""
    for name, value in headers:
        if name == b"cookie":
            try:
                found = SimpleCookie(value.decode("latin-1")).get(COOKIE)
            except CookieError:
                continue
            if found is not None:
                return found.value
    return ""


def same_origin(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a browser sent this from our own page. A request that changes something must say where it is from."""
    told = {name: value.decode("latin-1") for name, value in headers if name in (b"origin", b"host")}
    return told.get(b"origin", "").partition("://")[2] == told.get(b"host", " ")


def _signed(secret: bytes, kind: str, subject: str, until: datetime) -> str:
    said = f"{subject}.{int(until.timestamp())}"
    return f"{said}.{_mac(secret, kind, said)}"


def _key_of(secret: bytes, kind: str, given: str, at: datetime) -> str | None:
    said, _, mac = given.rpartition(".")
    parts = said.split(".")
    if (
        not secret
        or not given.isascii()
        or len(parts) != 3
        or not hmac.compare_digest(mac.encode(), _mac(secret, kind, said).encode())
    ):
        return None
    return parts[0] if int(parts[2]) > at.timestamp() else None


def _mac(secret: bytes, kind: str, said: str) -> str:
    return hmac.new(secret, f"{kind}:{said}".encode(), hashlib.sha256).hexdigest()
