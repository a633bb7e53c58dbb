"""The ways in: vendors' webhooks, HTML forms, and our own REST capture. The hot paths of the product."""

from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from intake.admission import NotProven
from intake.api.arriving import Knock, headers_of, json_answer, keep, knock, problem_of, receive
from intake.api.handshake import shake
from intake.api.thanks import thanks_page
from intake.capture import Placed
from intake.domain.policy import GenericDoor, GoogleDoor, HtmlDoor, MetaDoor, RestDoor, TypeformDoor
from intake.domain.refusals import Refused
from intake.domain.submission import Unmappable
from intake.intake import Intake
from shared.http.bare import Endpoint, add_bare
from shared.http.problems import Problem, document
from shared.runtime.desk import Desk

if TYPE_CHECKING:
    from shared.http.access import Principal

_REFUSALS = (NotProven, Refused, Problem)
_PAGES = ("application/x-www-form-urlencoded", "multipart/form-data")


def add_doors(router: APIRouter, desk: Desk, intake: Intake) -> None:
    """Add the ways in to a router."""
    hooks, handshake = _hooks(desk, intake), _handshake(desk, intake)
    add_bare(router, "POST", "/v1/leads", _leads(desk, intake))
    add_bare(router, "POST", "/v1/hooks/{door}", hooks)
    add_bare(router, "POST", "/v1/hooks/{door}/{token}", hooks)
    add_bare(router, "GET", "/v1/hooks/{door}", handshake)
    add_bare(router, "GET", "/v1/hooks/{door}/{token}", handshake)
    add_bare(router, "POST", "/v1/forms/{door}", _forms(desk, intake))
    add_bare(router, "GET", "/v1/forms/{door}/thanks", _thanks(desk, intake))
    add_bare(router, "OPTIONS", "/v1/forms/{door}", _preflight(desk, intake))


def _leads(desk: Desk, intake: Intake) -> Endpoint:
    async def post_lead(http: HttpRequest) -> ASGIApp:
        principal: Principal = http.scope["state"]["principal"]
        name = http.query_params.get("door", "api") if http.scope["query_string"] else "api"
        knocked = await knock(intake, desk, http, name, RestDoor)
        try:
            request, items, rules = await receive(intake, desk, http, knocked, caller=principal.key_id)
            outcome = items[0].outcome
            if isinstance(outcome, Unmappable):
                raise Problem(
                    422,
                    outcome.reason,
                    code="no-lead",
                    where=outcome.where,
                    fix="send an e-mail address or phone number",
                )
            [placed] = await keep(intake, request, items, rules)
        except _REFUSALS as error:
            return document(problem_of(intake, name, error))
        lead_id = b'"%s"' % str(placed.lead_id).encode() if placed.lead_id else b"null"
        body = b'{"lead_id":%s,"submission_id":"%s","duplicate":%s,"known":%s}' % (
            lead_id,
            str(placed.submission_id).encode(),
            b"true" if placed.duplicate else b"false",
            b"true" if placed.known else b"false",
        )
        return json_answer(202, body)

    return post_lead


def _hooks(desk: Desk, intake: Intake) -> Endpoint:
    async def post_hook(http: HttpRequest) -> ASGIApp:
        name, token = http.path_params["door"], http.path_params.get("token")
        knocked = await knock(intake, desk, http, name, GoogleDoor, GenericDoor, MetaDoor, TypeformDoor)
        is_google = isinstance(knocked.door, GoogleDoor)
        try:
            request, items, rules = await receive(intake, desk, http, knocked, caller="hook", token=token)
            placed = await keep(intake, request, items, rules)
        except _REFUSALS as error:
            problem = problem_of(intake, name, error)
            return _google_refusal(problem) if is_google else document(problem)
        if any(one.state == "awaiting" for one in placed):
            intake.fetcher.wake()
        headers = {}
        if len(placed) == 1:
            headers["Baton-Submission-Id"] = str(placed[0].submission_id)
        leads = {one.lead_id for one in placed}
        if len(leads) == 1 and (lead_id := leads.pop()):
            headers["Baton-Lead-Id"] = str(lead_id)
        return json_answer(200, b"{}" if isinstance(knocked.door, GoogleDoor | MetaDoor) else _told(placed), headers)

    return post_hook


def _handshake(desk: Desk, intake: Intake) -> Endpoint:
    async def handshake(http: HttpRequest) -> ASGIApp:
        return await shake(intake, desk, http)

    return handshake


def _told(placed: list[Placed]) -> bytes:
    return orjson.dumps(
        {
            "submissions": [
                {
                    "submission_id": one.submission_id,
                    "lead_id": one.lead_id,
                    "duplicate": one.duplicate,
                    "known": one.known,
                    "state": one.state,
                    **({"reason": one.reason} if one.state == "parked" else {}),
                }
                for one in placed
            ]
        },
        default=str,
    )


def _google_refusal(problem: Problem) -> ASGIApp:
    return json_answer(problem.status, orjson.dumps({"message": problem.detail}), problem.headers)


def _forms(desk: Desk, intake: Intake) -> Endpoint:
    async def post_form(http: HttpRequest) -> ASGIApp:
        name = http.path_params["door"]
        knocked = await knock(intake, desk, http, name, HtmlDoor)
        door = knocked.door
        try:
            cors = _cors(door, knocked.headers.get("origin"), knocked.headers.get("host"))
        except Problem as error:
            return document(problem_of(intake, name, error))
        try:
            request, items, rules = await receive(intake, desk, http, knocked, caller="form")
            placed = await keep(intake, request, items, rules)
        except _REFUSALS as error:
            refusal = document(problem_of(intake, name, error))
            refusal.headers.update(cors)
            return refusal
        # a form's sender is anybody: it learns neither whose the lead is nor whether we knew the person
        submission_id = str(placed[0].submission_id) if len(placed) == 1 else ""
        headers = {**cors, **({"Baton-Submission-Id": submission_id} if submission_id else {})}
        if not _wants_page(knocked):
            return json_answer(200, orjson.dumps({"submission_id": submission_id or None}), headers)
        if door.thanks is not None:
            return RedirectResponse(door.thanks, 303, headers)
        if _is_browser(knocked):
            # so that reloading the page does not send the form again
            return RedirectResponse(f"{name}/thanks", 303, headers)
        return HTMLResponse(thanks_page(door), 200, headers)

    return post_form


def _thanks(desk: Desk, intake: Intake) -> Endpoint:
    async def thanks(http: HttpRequest) -> ASGIApp:
        door = (await knock(intake, desk, http, http.path_params["door"], HtmlDoor)).door
        return HTMLResponse(thanks_page(door))

    return thanks


def _preflight(desk: Desk, intake: Intake) -> Endpoint:
    async def preflight(http: HttpRequest) -> ASGIApp:
        door = (await knock(intake, desk, http, http.path_params["door"], HtmlDoor)).door
        origin = headers_of(http).get("origin", "")
        if not origin or not door.allows(origin):
            return document(_not_from_here())
        headers = {
            **_allowed(origin),
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
            "Access-Control-Max-Age": "600",
        }
        return Response(None, 204, headers)

    return preflight


def _cors(door: HtmlDoor, origin: str | None, host: str | None) -> dict[str, str]:
    """The CORS headers of an answer. Raises Problem 403 where the door names origins and this is none of them."""
    if origin is None or origin.partition("://")[2] == host:
        return {"Vary": "Origin"}
    if door.allows(origin):
        return _allowed(origin)
    if door.origins:
        raise _not_from_here()
    return {"Vary": "Origin"}


def _allowed(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Baton-Submission-Id",
        "Vary": "Origin",
    }


def _not_from_here() -> Problem:
    return Problem(403, "this door takes no forms from that origin; add it to the door's `origins`", code="origin")


def _wants_page(knocked: Knock[HtmlDoor]) -> bool:
    """Whether a browser shows the answer, or a script reads it."""
    mode = knocked.headers.get("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate"
    accept = knocked.headers.get("accept", "*/*")
    if "application/json" in accept and "text/html" not in accept:
        return False
    return knocked.headers.get("content-type", "").lower().startswith(_PAGES)


def _is_browser(knocked: Knock[HtmlDoor]) -> bool:
    """Whether who wants a page also goes where it is sent, as a browser does."""
    return "sec-fetch-mode" in knocked.headers or "text/html" in knocked.headers.get("accept", "")
