"""Hostile bodies: broken JSON, values of every wrong kind in every field, forms, files, and what proves their sender."""

import base64
import copy
import hashlib
import hmac
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from bench.ours.fuzz_samples import GOOGLE, META, PARTNER, SECRETS, TEMPLATES, TYPEFORM, VALUES

_KEPT: Final = 40
_IDS: Final = re.compile(rb'"(\w+_id)": ?"([0-9a-f-]{36})"')
_RAW: Final = re.compile(rb'"@([^@"]+)@"')


@dataclass
class Known:
    """Ids that lead somewhere, the policies in force, and a session of the page."""

    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict[str, list[str]](list))
    policies: dict[str, Any] = field(default_factory=dict[str, Any])
    session: str = ""

    def learn(self, answer: bytes) -> None:
        """Ids that an answer names; the newest few of each kind, so that it stays as small."""
        for name, value in _IDS.findall(answer):
            ids = self.ids[name.decode()]
            if value.decode() not in ids:
                ids.append(value.decode())
                del ids[:-_KEPT]


def body_of(rng: random.Random, template: str, door: str, known: Known) -> tuple[str, bytes]:
    """A body and its media type."""
    make: Callable[[], tuple[str, bytes]] = rng.choices(
        (
            lambda: ("application/json", _mutated(rng, template, door, known)),
            lambda: ("application/json", _broken(rng, _mutated(rng, template, door, known))),
            lambda: ("application/json", _odd_json(rng)),
            lambda: ("application/x-www-form-urlencoded", _form(rng)),
            lambda: _multipart(rng),
            lambda: (
                rng.choice(("text/plain", "", "application/json; charset=utf-16", "a/b; " + "x" * 3000)),
                rng.randbytes(rng.randrange(2000)),
            ),
        ),
        (60, 10, 8, 8, 8, 6),
    )[0]
    if template == "/v1/imports" and rng.random() < 0.8:
        return _multipart(rng)
    if template.startswith("/v1/forms") and rng.random() < 0.7:
        return "application/x-www-form-urlencoded", _form(rng)
    return make()


def _mutated(rng: random.Random, template: str, door: str, known: Known) -> bytes:
    by_door = {"google-main": GOOGLE, "meta-main": META, "typeform-main": TYPEFORM, "partner": PARTNER}
    sample = by_door.get(door) or known.policies.get(template) or TEMPLATES.get(template) or TEMPLATES["/v1/leads"]
    body = json.loads(json.dumps(sample))
    for name, path in (("scorecard", "/v1/policies/scorecard"), ("routing", "/v1/policies/routing")):
        if name in body and template in ("/v1/backtests", "/v1/what-ifs"):
            body[name] = copy.deepcopy(known.policies[path])
    if "lead_id" in body and not door and known.ids["lead_id"]:
        body["lead_id"] = rng.choice(known.ids["lead_id"])
    if "email" in body and rng.random() < 0.5:
        body["email"] = f"u{rng.randrange(10**9)}@fuzz{rng.randrange(10**6)}.example"
    if "phone" in body and rng.random() < 0.5:
        body["phone"] = f"+8491{rng.randrange(10**6, 10**7)}"
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        _spoil(rng, body)
    return _RAW.sub(_raw, json.dumps(body, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass"))


def _raw(mark: re.Match[bytes]) -> bytes:
    """What a mark stands for: JSON that no Python value writes."""
    match mark[1].split():
        case [b"NEST", depth]:
            return b'{"a":[' * (int(depth) // 2) + b"]}" * (int(depth) // 2)
        case [b"DIGITS", count]:
            return b"9" * int(count)
        case _:
            return mark[1]


def _spoil(rng: random.Random, body: Any) -> None:
    """Change one place of a document."""
    at = body
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(at[key], (dict, list)) and at[key] and rng.random() < 0.7:
            at = at[key]
            continue
        match rng.randrange(5):
            case 0 if isinstance(at, dict):
                del at[key]
            case 1 if isinstance(at, dict):
                at[str(rng.choice(VALUES))[:200]] = copy.deepcopy(rng.choice(VALUES))
            case _:
                at[key] = copy.deepcopy(rng.choice(VALUES))  # a value that was put in may be spoiled too
        return


def _broken(rng: random.Random, body: bytes) -> bytes:
    cut = rng.randrange(len(body) + 1)
    return rng.choice(
        (
            body[:cut],
            body[:cut] + rng.randbytes(3) + body[cut:],
            body + b"}",
            b"\xef\xbb\xbf" + body,
            body.replace(b'"', b"'"),
        )
    )


def _odd_json(rng: random.Random) -> bytes:
    return rng.choice(
        (
            b"[" * 20_000, b'{"a":' * 20_000, b"[" * 900 + b"]" * 900, b"null", b"true", b"0", b'""', b"[]", b"{}", b"", b"NaN", b"-Infinity",
            b'{"name":"a","name":"b"}', b'"' + b"\\u0000" * 5000 + b'"', b'{"\\ud800":1}', b"1" * 5000, b"1e99999", b"[1e400]",
            json.dumps([1] * 20_000).encode(), json.dumps({str(each): each for each in range(5000)}).encode(), b"x" * 300_000,
        )
    )  # fmt: skip


def text_of(rng: random.Random) -> str:
    """A short one of the hostile texts."""
    return (
        str(rng.choice([each for each in VALUES if isinstance(each, str) and len(each) < 200]))
        .encode("utf-8", "replace")
        .decode()
    )


def _form(rng: random.Random) -> bytes:
    fields = {
        "name": "F",
        "email": f"f{rng.randrange(10**9)}@form{rng.randrange(10**6)}.example",
        "company": "C",
        "message": "m",
    }
    for _ in range(rng.randrange(4)):
        fields[text_of(rng)[:60] or "x"] = text_of(rng)
    return rng.choice(
        (
            urlencode(fields).encode(),
            urlencode(fields).encode() + b"&%zz=%&=&a=%ff%fe",
            b"&" * 5000,
            b"=" * 5000,
            b"a=" + b"b" * 70_000,
        )
    )


def _multipart(rng: random.Random) -> tuple[str, bytes]:
    """A file, mostly one that can be read."""
    rows = "\n".join(
        f"R{each},r{rng.randrange(10**9)}@file{each}.example,{text_of(rng)}" for each in range(rng.randrange(5))
    )
    table = f"name,email,company\n{rows}".encode("utf-8", "replace")
    odd = (rng.randbytes(3000), b"", b"\xff\xfe" + b"a\x00,\x00" * 50, b'"' * 3000, b"PK\x03\x04" + rng.randbytes(500))
    content = rng.choice((table, table, table, *odd))
    name = rng.choice(("file.csv", "file.csv", "file.xlsx", "../../x.csv", "a" * 400, "é.csv", ""))
    head = f'--b\r\nContent-Disposition: form-data; name="{rng.choice(("file", "file", "x"))}"; filename="{name}"\r\n'
    begun = head.encode() + b"Content-Type: text/csv\r\n\r\n"
    whole = begun + content + b"\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    kinds = (kind, kind, kind, "multipart/form-data", "multipart/form-data; boundary=" + "b" * 100)
    return rng.choice(kinds), rng.choice((whole, whole, whole, whole[: len(whole) // 2], begun * 50))


def proof_of(rng: random.Random, door: str, body: bytes) -> list[tuple[str, str]]:
    """What proves the sender, mostly: behind a proven sender lies the code that reads the body."""
    if rng.random() < 0.1:
        return [
            (
                rng.choice(("X-Signature", "X-Hub-Signature-256", "Typeform-Signature")),
                rng.choice(("", "sha256=", "sha256=zz", "é" * 10)),
            )
        ]
    match door:
        case "partner":
            return [("X-Signature", _mac("PARTNER", body).hex())]
        case "meta-main":
            return [("X-Hub-Signature-256", f"sha256={_mac('META', body).hex()}")]
        case "typeform-main":
            return [("Typeform-Signature", f"sha256={base64.b64encode(_mac('TYPEFORM', body)).decode()}")]
        case _:
            return []


def _mac(kind: str, body: bytes) -> bytes:
    return hmac.new(SECRETS[f"FUZZ_{kind}"].encode(), body, hashlib.sha256).digest()
