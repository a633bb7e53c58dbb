"""One entry for every body: content type and bytes to a value, or `Refused`."""

from typing import cast

from intake.domain import strict_json
from intake.domain.content_type import parameters
from intake.domain.forms import parse_urlencoded
from intake.domain.multipart import parse_multipart
from intake.domain.refusals import LEAD_BOUNDS, Bounds, Refused
from intake.domain.strict_json import Json

_URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_MAYBE_JSON = ("", "text/plain", "application/octet-stream", _URLENCODED)


def read_body(content_type: str | None, raw: bytes, bounds: Bounds = LEAD_BOUNDS) -> dict[str, Json] | list[Json]:
    """The body's object or list. JSON sent under a form's or no content type (curl's default) is still JSON."""
    if content_type == "application/json":
        return _json(raw, bounds)
    kind, options = parameters(content_type or "")
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        return _json(raw, bounds)
    if kind in _MAYBE_JSON and raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _json(raw, bounds)
    if kind == _URLENCODED:
        return cast("dict[str, Json]", parse_urlencoded(raw, options.get("charset"), bounds))
    if kind == _MULTIPART:
        return cast("dict[str, Json]", parse_multipart(raw, options.get("boundary"), options.get("charset"), bounds))
    if not raw.strip():
        raise Refused(400, "Empty body", "The body is empty.", where="byte 0", fix="Send JSON or a form.")
    raise Refused(
        415,
        "Unsupported content type",
        "A body is read as JSON or as a form.",
        where="Content-Type",
        fix=f"Send application/json, {_URLENCODED} or {_MULTIPART}.",
    )


def _json(raw: bytes, bounds: Bounds) -> dict[str, Json] | list[Json]:
    value = strict_json.parse(raw, bounds)
    if isinstance(value, dict | list):
        return value
    raise Refused(
        400, "Not an object", "The JSON document is a single value.", where="$", fix="Send a JSON object or list."
    )
