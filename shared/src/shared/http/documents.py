"""Policy documents as they come in: JSON can say more than can be kept, and an ETag more than a version."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from shared.http.problems import Problem
from shared.runtime.policies import PolicyInvalid

_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_MOST_DIGITS: Final = 9  # of a version


def document_of(raw: bytes) -> dict[str, Any]:
    """The document of a request's body.

    Raises Problem 400 or 422, and PolicyInvalid where it can't be kept.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"the body is no JSON: {error}", code="not-json") from error
    if not isinstance(body, dict):
        raise Problem(422, "a policy is an object; this is something else", code="policy-invalid")
    storable(body)
    return body


def storable(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same document, where the database can hold it and gives it back as it is.

    Raises PolicyInvalid: U+0000, halves of surrogate pairs, numbers of more than 64 bits, NaN, endless nesting.
    """
    try:
        encoded = orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise PolicyInvalid([f"a policy can't hold this: {error}"]) from None
    if _NUL.search(encoded):
        raise PolicyInvalid(["a policy can't hold the character U+0000"])
    if orjson.loads(encoded) != body:
        raise PolicyInvalid(
            ["a policy can't hold a number that is none (NaN, Infinity): write a number, or leave it out"]
        )
    return body


def version_of(etag: str | None) -> int | None:
    """The version that a change is based on, None where the caller does not say.

    Raises Problem 412 for what names no version.
    """
    if etag is None or etag == "*":
        return None
    bare = etag.removeprefix("W/").strip('"')
    if not (bare.isascii() and bare.isdigit() and len(bare) <= _MOST_DIGITS):
        raise Problem(412, "If-Match takes the ETag of the version you changed", code="etag")
    return int(bare)
