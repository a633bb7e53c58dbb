"""The page's paths: the first page, one lead's story, the live stream, signing in and out."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from sse_starlette import EventSourceResponse
from sse_starlette.event import ServerSentEvent
from starlette.responses import HTMLResponse, RedirectResponse, Response

from baton.page.figures import STAGES, ClientOf, Figures, Looks, Reader, bars
from baton.page.words import LANGUAGES, Words, catalogue, language_of
from baton.passing import pass_to
from shared.http.problems import Problem
from shared.http.sessions import COOKIE, SESSION_LASTS, cookie_of, key_of_code, key_of_session, new_session, same_origin
from shared.runtime.clock import system_clock

_LOOK_S: Final = 1.5
_STATIC: Final = {"baton.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
_LANGUAGE: Final = "baton_lang"
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(slots=True)
class Pages:
    """The page of one origin."""

    client_of: ClientOf
    session_secret: bytes
    zone: ZoneInfo
    secure: bool = False
    used: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Sign-in codes that were opened: each works once."""
    looks: Looks = field(default_factory=lambda: Looks(_LOOK_S))
    _drawn: Environment = field(init=False)

    def __post_init__(self) -> None:
        loader = PackageLoader("baton.page")
        self._drawn = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        for name in self._drawn.list_templates(["html"]):
            self._drawn.get_template(name)  # compiled now, not in the midst of the first reader's request

    def routes(self) -> APIRouter:
        """The paths."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.home, methods=["GET"])
        router.add_api_route("/follow/{lead_id}", self.follow, methods=["GET"])
        router.add_api_route("/live", self.live, methods=["GET"])
        router.add_api_route("/sign-in", self.sign_in, methods=["GET"])
        router.add_api_route("/sign-in", self.sign_in_by_token, methods=["POST"])
        router.add_api_route("/sign-out", self.sign_out, methods=["POST"])
        router.add_api_route("/page/{name}", self.static, methods=["GET"])
        return router

    async def home(self, request: Request) -> Response:
        """Everything at a glance."""
        reader = self._reader(request)
        if reader is None:
            return self._page(request, "sign_in.html", status=401, problem=None)
        return self._page(request, "home.html", **self._shown(await reader.figures()))

    async def follow(self, request: Request, lead_id: UUID) -> Response:
        """One lead, step by step, with reasons."""
        reader = self._reader(request)
        if reader is None:
            return self._page(request, "sign_in.html", status=401, problem=None)
        language = _language(request)
        given = await pass_to(self.client_of("router"), str(lead_id), [(b"cookie", reader.cookie.encode("latin-1"))])
        shown = {"pass": given} if given else {}
        story, score, person = await asyncio.gather(
            reader.get("analytics", f"/v1/leads/{lead_id}/timeline", lang=language),
            reader.get("scorer", f"/v1/scores/{lead_id}", lang=language, **shown),
            reader.get("intake", f"/v1/leads/{lead_id}", **shown),
        )
        name = _name(person) if person else None
        return self._page(request, "follow.html", items=story["items"] if story else [], score=score, name=name)

    async def live(self, request: Request) -> Response:
        """The figures, drawn anew whenever they changed."""
        reader = self._reader(request)
        if reader is None:
            raise Problem(401, "sign in first", code="no-session")
        return EventSourceResponse(self._figures(request, reader), headers={"Cache-Control": "no-store"})

    async def _figures(self, request: Request, reader: Reader) -> AsyncGenerator[ServerSentEvent]:
        before = ""
        while not await request.is_disconnected() and self._reader(request) is not None:
            drawn = self._draw(request, "figures.html", **self._shown(await self.looks.figures(reader)))
            if drawn != before:
                before = drawn
                yield ServerSentEvent(orjson.dumps(drawn).decode(), event="figures")
            await asyncio.sleep(_LOOK_S)

    async def sign_in(self, request: Request, code: str = "") -> Response:
        """Exchange the code of a sign-in link for a session; without one, ask for a token."""
        if not code:
            return self._page(request, "sign_in.html", problem=None)
        now = system_clock()
        self.used = {each: until for each, until in self.used.items() if until > now}
        key_id = None if code in self.used else key_of_code(self.session_secret, code, now)
        if key_id is None:
            return self._page(request, "sign_in.html", status=401, problem="link_over")
        self.used[code] = now + SESSION_LASTS
        return self._signed_in(key_id, now)

    async def sign_in_by_token(self, request: Request) -> Response:
        """Exchange a token for a session."""
        if not same_origin(request.headers.raw):
            raise Problem(403, "sign in from this page", code="origin")
        form = await request.form(max_files=0, max_fields=4)
        now = system_clock()
        token = str(form.get("token", "")).encode("ascii", "replace").decode()
        answer = await self.client_of("analytics").get(
            "/v1/ops/analytics/me", headers={"authorization": f"Bearer {token}"}
        )
        if answer.is_error:
            return self._page(request, "sign_in.html", status=401, problem="wrong_token")
        return self._signed_in(answer.json()["key_id"], now)

    async def sign_out(self, request: Request) -> Response:
        """End the session in this browser."""
        if not same_origin(request.headers.raw):
            raise Problem(403, "sign out from this page", code="origin")
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer

    async def static(self, name: str) -> Response:
        """The page's own files; it asks no other host for anything."""
        if name not in _STATIC:
            raise Problem(404, "the page has no such file", code="no-file")
        content = files("baton.page").joinpath("static", name).read_bytes()
        return Response(content, media_type=_STATIC[name], headers={"X-Content-Type-Options": "nosniff"})

    def _signed_in(self, key_id: str, now: datetime) -> Response:
        answer = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
        session = new_session(self.session_secret, key_id, now)
        lasts_s = int(SESSION_LASTS.total_seconds())
        answer.set_cookie(COOKIE, session, max_age=lasts_s, httponly=True, samesite="strict", secure=self.secure)
        return answer

    def _reader(self, request: Request) -> Reader | None:
        """Whoever has a session. What its key may see, each service says itself at every request."""
        session = cookie_of(request.headers.raw)
        key_id = key_of_session(self.session_secret, session, system_clock())
        return None if key_id is None else Reader(self.client_of, f"{COOKIE}={session}", key_id)

    def _shown(self, figures: Figures) -> dict[str, Any]:
        total = figures.funnel["total"] if figures.funnel else None
        names = {lead["lead_id"]: _name(lead) for lead in figures.leads or ()}
        return {"figures": figures, "bars": bars(total) if total else [], "stages": STAGES, "names": names}

    def _page(self, request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
        answer = HTMLResponse(self._draw(request, template, **shown), status, dict(_HEADERS))
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie(_LANGUAGE, _language(request), max_age=31_536_000, samesite="lax", secure=self.secure)
        return answer

    def _draw(self, request: Request, template: str, **shown: Any) -> str:
        language = _language(request)
        return self._drawn.get_template(template).render(
            words=Words(language), language=language, languages=LANGUAGES, known=catalogue(), at=self._at, money=_money,
            signed_in=self._reader(request) is not None, **shown,
        )  # fmt: skip

    def _at(self, instant: str | datetime) -> str:
        read = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        return f"{read.astimezone(self.zone):%Y-%m-%d %H:%M}"


def _language(request: Request) -> str:
    asked, kept = request.query_params.get("lang"), request.cookies.get(_LANGUAGE)
    return language_of(asked, kept, request.headers.get("accept-language", ""))


def _name(lead: Mapping[str, Any]) -> str:
    fields = lead.get("fields") or lead
    return str(fields.get("name") or fields.get("company") or "") or str(lead["lead_id"])[:8]


def _money(row: Mapping[str, Any]) -> str:
    amounts = row.get("amounts") or [row]
    return " + ".join(f"{each['won_amount']:,} {each['currency']}" for each in amounts if each["won_amount"]) or "0"
