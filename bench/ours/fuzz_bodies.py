"""Random and hostile requests: broken JSON, values of every wrong kind in every field, forms, files, ids and headers."""

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
from urllib.parse import quote, urlencode

from shared.http.routes import Route

SECRETS: Final = {f"FUZZ_{kind}": f"secret-of-{kind.lower()}" for kind in ("GOOGLE", "META", "TYPEFORM", "PARTNER")}
DOORS: Final[dict[str, Any]] = {
    "site": {"kind": "html", "honeypot": "website_hp"},
    "api": {"kind": "rest"},
    "google-main": {"kind": "google", "key": {"env": "FUZZ_GOOGLE"}},
    "typeform-main": {"kind": "typeform", "secret": {"env": "FUZZ_TYPEFORM"}},
    "meta-main": {
        "kind": "meta", "secret": {"env": "FUZZ_META"}, "verify_token": {"env": "FUZZ_META"},
        "graph": {"base_url": "http://127.0.0.1:9", "token": {"env": "FUZZ_META"}},
    },
    "partner": {
        "kind": "generic", "items": "leads", "id": "ref", "map": {"name": "contact.name", "email": "contact.email"},
        "verify": {"header": "X-Signature", "digest": "sha256", "encoding": "hex", "message": "{body}", "secrets": [{"env": "FUZZ_PARTNER"}]},
    },
    "files": {"kind": "import"},
}  # fmt: skip
_NUL = "\x00"
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, 0.1, "", " ", "a", _NUL, f"a{_NUL}b", "\ud800",
    "\U0001f600" * 50, "é" * 1000, "x" * 70_000, "\u202e\u200b\ufeff", "'; drop table lead; --", "<script>alert(1)</script>",
    "{{7*7}}", "${jndi:ldap://127.0.0.1/a}", "%s%n", "../../etc/passwd", "http://[::1", "http://127.0.0.1:9/?a=b", "javascript:1",
    "file:///etc/passwd", "a@b", "a@b.c", "@", '"a b"@example.com', "a" * 300 + "@example.com", "x@xn--.example", "x@例え.テスト",
    "+84912345678", "+" * 50, "0" * 400, "tel:12", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "2026-02-30", "2026-11-02T09:00:00",
    "now", "1e999", "NaN", [], {}, [[]], [None], [{}], ["a"] * 3000, {"": ""}, {"a": {"b": {"c": []}}}, {"__proto__": 1}, {_NUL: 1},
    "00000000-0000-0000-0000-000000000000", "not-a-uuid", "制造业", "ZZ", "lead.assigned", 'lead.region == "',
)  # fmt: skip
TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "/v1/leads": {
        "name": "A B", "email": "a@example.com", "phone": "+84912345678", "company": "C", "title": "Founder", "source": "search_ads",
        "industry": "manufacturing", "consent": {"marketing": True}, "answers": {"q": "a"}, "tags": ["t"], "channel_ids": {"zalo": "1"},
        "click_ids": {"gclid": "x"}, "created_at": "2026-01-01T00:00:00Z", "country": "VN", "budget": "1000", "landing_page": "http://x/?a=1",
        "is_test": False, "message": "m", "company_size": 10, "annual_revenue": 5, "language": "vi", "timeframe": "within a month",
    },
    "/v1/leads/{lead_id}": {"name": "A", "email": "a@example.com", "title": "CEO", "phone": "+84912345678", "tags": ["t"], "country": "VN"},
    "/v1/leads/{lead_id}/engagements": {"id": "e1", "kind": "price_page_viewed", "occurred_at": "2026-01-01T00:00:00Z", "content": "c", "url": "http://x/"},
    "/v1/engagements": {"items": [{"id": "e", "kind": "webinar_attended", "email": "a@example.com", "occurred_at": "2026-01-01T00:00:00Z"}]},
    "/v1/leads/{lead_id}/consent": {"purpose": "marketing", "granted": True, "at": "2026-01-01T00:00:00Z"},
    "/v1/handoffs/{handoff_id}/reject": {"reason": "timing", "comment": "c", "rating": 3},
    "/v1/handoffs/{handoff_id}/return": {"reason": "overloaded", "comment": "c"},
    "/v1/handoffs/{handoff_id}/transfer": {"to": "lan", "reason": "manager", "comment": "c", "force": True},
    "/v1/handoffs/{handoff_id}/contacts": {"channel": "phone", "result": "reached", "occurred_at": "2026-01-01T00:00:00Z", "note": "n", "next_step_at": "2027-01-01T00:00:00Z"},
    "/v1/leads/{lead_id}/contacts": {"channel": "phone", "result": "no_answer", "note": "n"},
    "/v1/leads/{lead_id}/assign": {"to": "lan", "team": "hanoi", "reason": "manager"},
    "/v1/leads/{lead_id}/pool": {"pool": "nurture", "reason": "manager"},
    "/v1/leads/{lead_id}/notes": {"text": "n"},
    "/v1/leads/{lead_id}/status": {"status": "interested", "reason": "r", "proof": "p"},
    "/v1/leads/{lead_id}/checklist": {"pain_point": "p", "timeframe": "1_month", "budget": "yes", "definite_project": True},
    "/v1/pools/{pool}/claim": {"lead_id": "l", "owner": "lan"},
    "/v1/opportunities": {"lead_id": "l", "amount_minor": 5, "currency": "CNY"},
    "/v1/opportunities/{opportunity_id}/stage": {"stage": "won", "amount_minor": 5, "currency": "CNY", "reason": "r"},
    "/v1/tasks": {"lead_id": "l", "kind": "to_do", "due_at": "2027-01-01T00:00:00Z", "note": "n", "owner": "lan"},
    "/v1/tasks/{task_id}/done": {"outcome": "done", "note": "n"},
    "/v1/reps": {"id": "zoe", "team": "hanoi", "weight": 1, "capacity": {"day": 1}},
    "/v1/reps/{rep}": {"weight": 2, "capacity": {"day": 3}},
    "/v1/reps/{rep}/transfer": {"to": "lan", "reason": "manager"},
    "/v1/what-ifs": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "policy": {"teams": {}}},
    "/v1/subscriptions": {"url": "http://127.0.0.1:9/", "events": ["lead.assigned"], "owner": "lan"},
    "/v1/clocks/{clock_id}/pause": {"reason": "holiday", "until": "2027-01-01T00:00:00Z"},
    "/v1/clocks/{clock_id}/resume": {"reason": "back"},
    "/v1/clocks/{clock_id}/excuse": {"reason": "outage"},
    "/v1/spend": {"items": [{"day": "2026-01-01", "channel": "search_ads", "campaign": "c", "amount_minor": 5, "currency": "CNY"}]},
    "/v1/policies/scorecard/lint": {"tiers": [{"name": "a", "from": 0, "action": "store"}], "groups": [], "rules": [], "qualify": "score >= 80"},
    "/v1/backtests": {"from": "2026-01-01T00:00:00Z", "scorecard": {"tiers": []}},
}  # fmt: skip
GOOGLE: Final[dict[str, Any]] = {
    "lead_id": "g", "api_version": "1.0", "form_id": 1, "campaign_id": 2, "is_test": False, "google_key": SECRETS["FUZZ_GOOGLE"],
    "user_column_data": [{"column_id": "EMAIL", "string_value": "g@example.com"}],
}  # fmt: skip
META: Final[dict[str, Any]] = {
    "object": "page",
    "entry": [{"id": "1", "time": 1, "changes": [{"field": "leadgen", "value": {"leadgen_id": "5", "form_id": "6", "page_id": "1", "created_time": 1}}]}],
}  # fmt: skip
TYPEFORM: Final[dict[str, Any]] = {
    "event_id": "e", "event_type": "form_response",
    "form_response": {"token": "t", "submitted_at": "2026-01-01T00:00:00Z", "definition": {"fields": [{"id": "f", "title": "E-mail", "type": "email"}]},
                      "answers": [{"type": "email", "email": "t@example.com", "field": {"id": "f", "type": "email"}}], "hidden": {"utm_source": "x"}},
}  # fmt: skip
PARTNER: Final[dict[str, Any]] = {"leads": [{"ref": "1", "contact": {"name": "P", "email": "p@example.com"}}]}


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


@dataclass
class Known:
    """Ids that lead somewhere."""

    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict[str, list[str]](list))


def a_lead(number: int) -> dict[str, Any]:
    names = ("Linh", "Hoa", "Minh", "Tuan", "Quang", "Ada", "Bob", "Chen", "Dora", "Emil")
    name = names[number % 10] + names[number // 10 + 3]
    return {
        "name": f"{name} Fuzz", "email": f"{name.lower()}@{name.lower()}.example", "company": f"{name} Works", "title": "Founder",
        "industry": "manufacturing", "timeframe": "within a month", "source": "search_ads",
    }  # fmt: skip


def hostile(rng: random.Random, route: Route, known: Known, token: str) -> Request:
    """One request to this route."""
    door = rng.choice([*DOORS, "nobody", "%00", "a%2Fb"]) if "{door}" in route.template else ""
    path = re.sub(r"{(\w+)}", lambda found: door if found[1] == "door" else _id(rng, found[1], known), route.template)
    query = (
        f"?{urlencode({rng.choice(('door', 'dry_run', 'limit', 'event', 'charset')): _text(rng)})}"
        if rng.random() < 0.1
        else ""
    )
    if route.template == "/v1/imports":
        query = f"?door={rng.choice(('files', 'site', 'nobody'))}&{urlencode({'charset': rng.choice(('', 'utf-8', 'utf-16', 'x'))})}"
    kind, body = _body(rng, route.template, door, known)
    headers = [("Content-Type", kind), *_proof(rng, door, body)]
    if door == "":
        headers.append(("Authorization", f"Bearer {token}"))
    if rng.random() < 0.2:
        headers.append(("Idempotency-Key", rng.choice(("k", "k" * 5000, "é", "a b", str(rng.random())))))
    if rng.random() < 0.02:
        headers.append(("Content-Encoding", rng.choice(("gzip", "br", "deflate", "x"))))
    return Request(route.method, route.template, path + query, tuple(headers), body)


def _id(rng: random.Random, name: str, known: Known) -> str:
    ids = known.ids.get(name)
    if ids and rng.random() < 0.8:
        return rng.choice(ids)
    return rng.choice(
        (
            "00000000-0000-0000-0000-000000000000",
            "x",
            "%00",
            "%F0%9F%98%80",
            "public",
            "nurture",
            quote(_text(rng)[:80], safe="") or "x",
        )
    )


def _text(rng: random.Random) -> str:
    return (
        str(rng.choice([each for each in VALUES if isinstance(each, str) and len(each) < 200]))
        .encode("utf-8", "replace")
        .decode()
    )


def _body(rng: random.Random, template: str, door: str, known: Known) -> tuple[str, bytes]:
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
    body = json.loads(json.dumps(by_door.get(door) or TEMPLATES.get(template) or TEMPLATES["/v1/leads"]))
    if "lead_id" in body and not door and known.ids["lead_id"]:
        body["lead_id"] = rng.choice(known.ids["lead_id"])
    if "email" in body and rng.random() < 0.5:
        body["email"] = f"u{rng.randrange(10**9)}@fuzz{rng.randrange(10**6)}.example"
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        _spoil(rng, body)
    return json.dumps(body, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


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


def _form(rng: random.Random) -> bytes:
    fields = {
        "name": "F",
        "email": f"f{rng.randrange(10**9)}@form{rng.randrange(10**6)}.example",
        "company": "C",
        "message": "m",
    }
    for _ in range(rng.randrange(4)):
        fields[_text(rng)[:60] or "x"] = _text(rng)
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
    rows = "\n".join(
        f"R{each},r{rng.randrange(10**9)}@file{each}.example,{_text(rng)}" for each in range(rng.randrange(5))
    )
    content = rng.choice(
        (
            f"name,email,company\n{rows}".encode("utf-8", "replace"),
            rng.randbytes(3000),
            b"",
            b"\xff\xfe" + b"a\x00,\x00" * 50,
            b'"' * 3000,
            b"PK\x03\x04" + rng.randbytes(500),
        )
    )
    name = rng.choice(("file.csv", "file.xlsx", "../../x.csv", "a" * 400, "é.csv", ""))
    head = f'--b\r\nContent-Disposition: form-data; name="{rng.choice(("file", "x"))}"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'.encode()
    whole = head + content + b"\r\n--b--\r\n"
    return rng.choice(
        ("multipart/form-data; boundary=b", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 100)
    ), rng.choice((whole, whole, whole[: len(whole) // 2], head * 50))


def _proof(rng: random.Random, door: str, body: bytes) -> list[tuple[str, str]]:
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
