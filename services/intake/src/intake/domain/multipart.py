"""multipart/form-data bytes to fields. Files are dropped; their names stay as the field's value."""

import re
from urllib.parse import unquote

from intake.domain.content_type import parameters
from intake.domain.forms import Form, RawField, gather, too_many_fields
from intake.domain.refusals import LEAD_BOUNDS, Bounds, Refused, held_to_size

_MAX_BOUNDARY_CHARS = 200
_LINE = re.compile(rb"\r?\n")
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


def parse_multipart(raw: bytes, boundary: str | None, charset: str | None = None, bounds: Bounds = LEAD_BOUNDS) -> Form:
    """The fields of a multipart form, or `Refused`."""
    held_to_size(raw, bounds)
    fields = [_field(part, place, bounds) for place, part in enumerate(_parts(raw, boundary, bounds))]
    return gather([field for field in fields if field is not None], charset, bounds)


def _parts(raw: bytes, boundary: str | None, bounds: Bounds) -> list[bytes]:
    if not boundary or len(boundary) > _MAX_BOUNDARY_CHARS or not boundary.isascii():
        raise _malformed("The content type names no usable boundary.", "Content-Type")
    delimiter = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|$)")
    parts: list[bytes] = []
    start: int | None = None
    for found in delimiter.finditer(raw):
        if start is not None:
            parts.append(raw[start : found.start()])
            if len(parts) > bounds.max_form_fields:
                raise too_many_fields(bounds)
        if found[1] is not None:
            return parts
        start = found.end()
    if start is None:
        raise _malformed("The boundary named in the content type does not occur in the body.", "byte 0")
    raise _malformed("The closing boundary is missing: the body was cut off.", f"byte {len(raw)}")


def _field(part: bytes, place: int, bounds: Bounds) -> RawField | None:
    where = f"part {place + 1}"
    if part[:4] == b"\r\n\r\n" or part[:2] == b"\n\n":
        raise _malformed("A part has no headers.", where)
    ends = _END_OF_HEADERS.search(part, 0, bounds.max_part_header_bytes)
    if ends is None:
        raise _malformed("A part's headers do not end, or are too long.", where)
    headers = _headers(part[: ends.start()])
    encoding = headers.get("content-transfer-encoding", "8bit").strip().lower()
    if encoding not in ("7bit", "8bit", "binary"):
        raise _malformed("A part uses a transfer encoding; browsers send none.", where)
    kind, options = parameters(headers.get("content-disposition", ""))
    name = options.get("name")
    if kind != "form-data" or name is None:
        raise _malformed("A part has no Content-Disposition: form-data with a name.", where)
    file_name = _file_name(options)
    if file_name is not None:
        return RawField(_bytes(name), _bytes(file_name), "utf-8") if file_name else None
    return RawField(_bytes(name), part[ends.end() :], parameters(headers.get("content-type", ""))[1].get("charset"))


def _headers(block: bytes) -> dict[str, str]:
    # latin-1 keeps every byte as one character, so that the form's charset can still decode names later
    lines = (line.decode("latin-1").partition(":") for line in _LINE.split(block))
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _file_name(options: dict[str, str]) -> str | None:
    extended = options.get("filename*")
    if extended is not None and extended.lower().startswith("utf-8'"):
        return unquote(extended.split("'", 2)[-1], errors="replace").encode().decode("latin-1")
    return options.get("filename")


def _bytes(text: str) -> bytes:
    return text.replace("%22", '"').replace("%0D%0A", "\n").encode("latin-1")


def _malformed(detail: str, where: str) -> Refused:
    return Refused(400, "Malformed multipart body", detail, where=where, fix="Send multipart/form-data (RFC 7578).")
