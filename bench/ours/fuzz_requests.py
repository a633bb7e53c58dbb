"""One hostile request: which path, with which ids and query, from whom, with which headers and body."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes

from bench.ours.fuzz_bodies import Known, body_of, proof_of, text_of
from bench.ours.fuzz_samples import DOORS, PARAMETERS, QUERIES, SECRETS, TEXTS_OF_QUERIES
from shared.http.routes import ROUTES, Route

_UNENDING: Final = ("/live",)  # a stream: it is read until whoever reads it has enough
_ON_PURPOSE: Final = re.compile(r"/v1/ops/.*/(clock|rebuild)\Z")  # what operators do to all of the data
_REALLY_PUBLISHED: Final = 0.1
_HEADERS: Final = (
    ("If-Match", '"²"'), ("If-Match", '"' + "9" * 5000 + '"'), ("If-Match", "W/"), ("If-Match", "*"), ("Accept", "text/csv"),
    ("Accept-Language", "zh-" + "x" * 900), ("Accept-Language", "é;q=NaN"), ("Content-Encoding", "gzip"), ("Content-Encoding", "x"),
    ("Last-Event-ID", "\xff"), ("Range", "bytes=-1"), ("Expect", "x"), ("Origin", "null"), ("Referer", "http://[::1"),
    ("Cookie", "baton_session=é; baton_language=xx"), ("Idempotency-Key", "k"), ("Idempotency-Key", "k" * 5000), ("Idempotency-Key", "é"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes onto the wire."""

    method: str
    template: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def wire(self) -> bytes:
        lines = [
            f"{self.method} {self.target} HTTP/1.1",
            "Host: 127.0.0.1",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return (
            "\r\n".join(lines).encode("latin-1", "replace")
            + b"\r\nContent-Length: %d\r\n\r\n" % len(self.body)
            + self.body
        )

    def shown(self) -> dict[str, Any]:
        """For a report: enough to send it again."""
        headers = {name: value for name, value in self.headers if name != "Authorization"}
        return {"target": self.target, "headers": headers, "body": repr(self.body[:1500]), "body_bytes": len(self.body)}


def routes() -> tuple[list[Route], list[int]]:
    """The paths, and how often each is taken: mostly those that change something."""
    chosen = [each for each in ROUTES if each.template not in _UNENDING and not (
        each.method != "GET" and _ON_PURPOSE.match(each.template))]  # fmt: skip
    return chosen, [1 if "/ops/" in each.template else 4 if each.method == "GET" else 10 for each in chosen]


def hostile(rng: random.Random, route: Route, known: Known, token: str) -> Request:
    """One request to this route."""
    door = rng.choice([*DOORS, "nobody", "%00", "a%2Fb"]) if "{door}" in route.template else ""
    rare = route.method == "DELETE"  # else nothing would be left to fuzz
    path = re.sub(
        r"{(\w+)}", lambda found: door if found[1] == "door" else _id(rng, found[1], known, rare=rare), route.template
    )
    query = _query(rng, route)
    kind, body = ("", b"") if route.method == "GET" else body_of(rng, route.template, door, known)
    headers = [*([("Content-Type", kind)] if kind else []), *proof_of(rng, door, body)]
    if route.service == "gateway" and known.session:
        headers += [("Cookie", known.session), ("Origin", "http://127.0.0.1")]
    elif door == "":
        headers.append(("Authorization", f"Bearer {token}"))
    if rng.random() < 0.15:
        headers.append(rng.choice((*_HEADERS, ("Idempotency-Key", str(rng.random())))))
    return Request(route.method, route.template, path + query, tuple(headers), body)


def _query(rng: random.Random, route: Route) -> str:
    asked: list[tuple[str, str]] = []
    if route.method == "GET" or rng.random() < 0.1:
        known = QUERIES.get(route.template, PARAMETERS)
        asked = [(rng.choice(known), _value(rng)) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
    if route.template == "/v1/imports":
        asked += [
            ("door", rng.choice(("files", "files", "site", "nobody"))),
            ("charset", rng.choice(("", "utf-8", "utf-16", "x"))),
        ]
    if route.method == "GET" and route.template.startswith("/v1/hooks/") and rng.random() < 0.7:
        asked += [("hub.mode", "subscribe"), ("hub.verify_token", SECRETS["FUZZ_META"]), ("hub.challenge", _value(rng))]
    if route.method == "PUT" and "/policies/" in route.template and not _may_publish(rng, route.template):
        asked.append(("dry_run", "1"))
    return "?" + "&".join(f"{quote(name)}={value}" for name, value in asked) if asked else ""


def _may_publish(rng: random.Random, template: str) -> bool:
    """A published change of these would lock us out, or leave no door to knock at."""
    return not template.endswith(("access", "doors")) and rng.random() < _REALLY_PUBLISHED


def _value(rng: random.Random) -> str:
    if rng.random() < 0.05:
        return quote_from_bytes(rng.randbytes(rng.randrange(1, 12)), safe="")
    text = rng.choice(TEXTS_OF_QUERIES) if rng.random() < 0.8 else text_of(rng)
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


def _id(rng: random.Random, name: str, known: Known, *, rare: bool) -> str:
    ids = known.ids.get(name)
    if ids and rng.random() < (0.02 if rare else 0.8):
        return rng.choice(ids)
    odd: Sequence[str] = (
        "00000000-0000-0000-0000-000000000000", "x", "%00", "%F0%9F%98%80", "%ED%A0%80", "%FF", "public", "nurture", "9" * 400,
        quote(text_of(rng)[:80], safe="") or "x", _value(rng)[:2000] or "x",
    )  # fmt: skip
    return rng.choice(odd)
