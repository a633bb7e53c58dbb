"""Errors as problem documents (RFC 9457): what is wrong, where, and how to mend it."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    422: "Unprocessable",
    429: "Too many requests",
    503: "Not available now",
}


class Problem(Exception):
    """An answer of 4xx or 503. `extra` are further members of the document, such as the missing fields' names."""

    def __init__(
        self, status: int, detail: str, *, code: str = "", headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.headers = dict(headers or {})
        self.extra = extra


def document(problem: Problem) -> Response:
    """The problem as an HTTP response."""
    body = {
        "type": f"urn:baton:problem:{problem.code}" if problem.code else "about:blank",
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        **problem.extra,
    }
    try:
        encoded = msgspec.json.encode(body)
    except UnicodeEncodeError:  # it quotes half a surrogate pair back: escaped, it can be said
        encoded = json.dumps(body, default=str).encode()
    return Response(
        encoded,
        status_code=problem.status,
        media_type="application/problem+json",
        headers=problem.headers,
    )


async def answer_problem(_request: Request, error: Exception) -> Response:
    """Starlette's exception handler for Problem."""
    if not isinstance(error, Problem):
        raise error
    return document(error)
