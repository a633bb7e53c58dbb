"""Asks Meta's Graph API for a lead and for its form's questions: bounded in time and size, never redirected.

What Graph says in words is not kept: it may hold values of people. Its codes are, in our own words.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import quote, urlsplit

import httpx

from intake.domain import strict_json
from intake.domain.refusals import LEAD_BOUNDS, Refused
from intake.domain.strict_json import Json

_LEAD_FIELDS: Final = (
    "id,created_time,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,form_id,is_organic,platform,"
    "field_data,custom_disclaimer_responses"
)
_BASIC_FIELDS: Final = "id,created_time,form_id,field_data"
_FORM_FIELDS: Final = "id,name,locale,questions"
_CONNECT_S: Final = 5.0
_SILENCE_S: Final = 8.0
_WHOLE_S: Final = 10.0
_MAX_ANSWER_BYTES: Final = 256 * 1024
_FORM_KEPT_S: Final = 3_600.0
_NO_FORM_KEPT_S: Final = 300.0
_BASIC_KEPT_S: Final = 3_600.0
_MAX_FORMS: Final = 1_000
_GOOD_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN_CODES: Final = frozenset({102, 190, 463, 467})
_BUSY_CODES: Final = frozenset({4, 17, 32, 341, 613, *range(80_000, 80_015)})
_PASSING_CODES: Final = frozenset({1, 2})
_PARAMETER: Final = 100
_FIELD_CODES: Final = frozenset({10, _PARAMETER, *range(200, 300)})
_UNKNOWN_OBJECT: Final = 33


class Kind(Enum):
    """What is to be done about an answer that did not come."""

    TOKEN = "token"  # noqa: S105 - a kind of trouble
    BUSY = "busy"
    PASSING = "passing"
    FIELD = "field"
    FOREVER = "forever"


_KIND_OF_STATUS: Final = {401: Kind.TOKEN, 408: Kind.PASSING, 429: Kind.BUSY}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the answers did not come, in plain words without anything of the answer but its codes."""

    kind: Kind
    why: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a door's answers are fetched, and with what."""

    door: str
    base_url: str
    version: str | None
    token: str

    def url(self, node: str) -> str:
        """The address of an object."""
        version = f"/{self.version}" if self.version else ""
        return f"{self.base_url}{version}/{quote(node, safe='')}"


@dataclass(slots=True)
class Allowance:
    """So many calls a minute: a bucket that fills evenly, in real time."""

    per_minute: int
    left: float
    at_s: float

    def room(self, now_s: float) -> int:
        """So many calls may be made now."""
        self.left = min(self.per_minute, self.left + (now_s - self.at_s) * self.per_minute / 60)
        self.at_s = now_s
        return max(0, int(self.left))


@dataclass(slots=True)
class Graph:
    """The client, with what it remembers: forms, doors whose token sees the basic fields only, calls left."""

    _clients: dict[bool, httpx.AsyncClient] = field(default_factory=dict[bool, httpx.AsyncClient])
    _forms: dict[tuple[str, str, str], tuple[float, Mapping[str, Json] | None]] = field(
        default_factory=dict[tuple[str, str, str], tuple[float, Mapping[str, Json] | None]]
    )
    _basic_until_s: dict[str, float] = field(default_factory=dict[str, float])
    _allowances: dict[str, Allowance] = field(default_factory=dict[str, Allowance])

    def room(self, door: str, calls_per_minute: int) -> int:
        """So many leads of a door may be asked for now."""
        now_s = time.monotonic()
        known = self._allowances.get(door)
        if known is None or known.per_minute != calls_per_minute:
            known = self._allowances[door] = Allowance(calls_per_minute, calls_per_minute, now_s)
        return known.room(now_s)

    def used(self, door: str) -> None:
        """One lead of the door is being asked for."""
        if door in self._allowances:
            self._allowances[door].left -= 1

    async def lead(self, place: Place, lead_id: str) -> dict[str, Json] | Trouble:
        """A lead with its answers; with the basic fields where the token does not see the others."""
        basic = self._basic_until_s.get(place.door, 0.0) > time.monotonic()
        found = await self._get(place, lead_id, _BASIC_FIELDS if basic else _LEAD_FIELDS)
        if not basic and isinstance(found, Trouble) and found.kind is Kind.FIELD:
            found = await self._get(place, lead_id, _BASIC_FIELDS)
            if isinstance(found, dict):
                self._basic_until_s[place.door] = time.monotonic() + _BASIC_KEPT_S
        if isinstance(found, dict) and not isinstance(found.get("field_data"), list):
            return Trouble(Kind.FOREVER, "Graph's answer holds no field_data, so no answers")
        if isinstance(found, Trouble) and found.kind is Kind.FIELD and found.code != _PARAMETER:
            return Trouble(Kind.TOKEN, f"{found.why}: the token lacks a permission, such as leads_retrieval")
        if isinstance(found, Trouble) and found.kind is Kind.FIELD:
            return Trouble(Kind.FOREVER, f"{found.why}; either there is no such lead or the token may not read it")
        return found

    async def form(self, place: Place, form_id: str) -> Mapping[str, Json] | Trouble | None:
        """A form's questions, an hour old at most; None where Graph does not give them."""
        if not _GOOD_ID.fullmatch(form_id):
            return None
        key = (place.door, place.base_url, form_id)
        until_s, known = self._forms.get(key, (0.0, None))
        if until_s > time.monotonic():
            return known
        found = await self._get(place, form_id, _FORM_FIELDS)
        if isinstance(found, Trouble) and found.kind in (Kind.PASSING, Kind.BUSY, Kind.TOKEN):
            return found
        form = None if isinstance(found, Trouble) else {"questions": found.get("questions"), "name": found.get("name")}
        if len(self._forms) >= _MAX_FORMS:
            self._forms.pop(next(iter(self._forms)))
        self._forms[key] = time.monotonic() + (_NO_FORM_KEPT_S if form is None else _FORM_KEPT_S), form
        return form

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _get(self, place: Place, node: str, fields: str) -> dict[str, Json] | Trouble:
        client = self._client(place.base_url)
        headers = {"Authorization": f"Bearer {place.token}", "Accept": "application/json"}
        try:
            async with (
                asyncio.timeout(_WHOLE_S),
                client.stream("GET", place.url(node), params={"fields": fields}, headers=headers) as answer,
            ):
                raw = await _bounded(answer)
                status = answer.status_code
        except TimeoutError:
            return Trouble(Kind.PASSING, f"Graph did not answer within {_WHOLE_S:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Trouble(Kind.PASSING, f"Graph can't be reached ({type(error).__name__})")
        if raw is None:
            return Trouble(Kind.FOREVER, f"Graph's answer is larger than {_MAX_ANSWER_BYTES} bytes")
        return read_answer(status, raw)

    def _client(self, base_url: str) -> httpx.AsyncClient:
        here = urlsplit(base_url).scheme == "http"  # the policy lets http be on this machine only
        if here not in self._clients:
            self._clients[here] = httpx.AsyncClient(
                timeout=httpx.Timeout(_SILENCE_S, connect=_CONNECT_S),
                follow_redirects=False,
                trust_env=not here,
                limits=httpx.Limits(max_connections=32),
            )
        return self._clients[here]


async def _bounded(answer: httpx.Response) -> bytes | None:
    """The body, None where it is larger than an answer may be; what comes after that is not read."""
    raw = bytearray()
    async for piece in answer.aiter_bytes():
        raw += piece
        if len(raw) > _MAX_ANSWER_BYTES:
            return None
    return bytes(raw)


def read_answer(status: int, raw: bytes) -> dict[str, Json] | Trouble:
    """An answer of Graph: the object, or what is to be done."""
    try:
        parsed: Json = strict_json.parse(raw, LEAD_BOUNDS)
    except Refused:
        parsed = None
    if 300 <= status < 400:
        return Trouble(Kind.PASSING, f"Graph answered with a redirect ({status}), which is not followed")
    error = parsed.get("error") if isinstance(parsed, dict) else None
    if isinstance(error, dict):
        return _trouble(status, error)
    if status >= 400:
        return Trouble(
            _KIND_OF_STATUS.get(status, Kind.PASSING if status >= 500 else Kind.FOREVER), f"Graph answered {status}"
        )
    return parsed if isinstance(parsed, dict) else Trouble(Kind.PASSING, "Graph's answer is no JSON object")


def _trouble(status: int, error: Mapping[str, Json]) -> Trouble:
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    said = f"code {code}" + (f", subcode {subcode}" if subcode else "")
    if code in _TOKEN_CODES:
        return Trouble(Kind.TOKEN, f"Graph refuses the token ({said}): it is expired, withdrawn or wrong")
    if code in _BUSY_CODES or status == 429:
        return Trouble(Kind.BUSY, f"Graph asks for fewer calls ({said})")
    if error.get("is_transient") is True or code in _PASSING_CODES or status >= 500:
        return Trouble(Kind.PASSING, f"Graph fails for now ({said})")
    if code == _PARAMETER and subcode == _UNKNOWN_OBJECT:
        return Trouble(Kind.FOREVER, f"Graph knows no such lead, or the token may not read it ({said})")
    if code in _FIELD_CODES:
        return Trouble(Kind.FIELD, f"Graph refuses a field ({said})", code)
    return Trouble(Kind.FOREVER, f"Graph refuses ({said}, status {status})")


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
