"""Bytes to a JSON value, strictly: bounded, no duplicate keys, no NUL, no lone surrogates, no lost digits."""

import json
import re
from typing import TypeAlias, TypeGuard, cast

import orjson

from intake.domain.refusals import LEAD_BOUNDS, Bounds, Refused, held_to_size

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_BOM = b"\xef\xbb\xbf"
_KEY_ENDS = re.compile(rb'"[ \t\r\n]*:')
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_EXACT_FLOAT = 2.0**53
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1
_INT_DIGITS = 20
_LEAVES = frozenset({str, int, bool, type(None)})


def parse(raw: bytes, bounds: Bounds = LEAD_BOUNDS) -> Json:
    """The value of a JSON document, or `Refused`. Whatever is returned can be encoded as JSON again.

    Integers beyond 64 bits come back as their digits in a string: they are ids, and a float would lose digits.
    """
    held_to_size(raw, bounds)
    raw = raw.removeprefix(_BOM)
    try:
        value = cast("Json", orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise _unreadable(raw, error) from None
    keys, wide_number = (len(value), False) if _is_flat(value, bounds) else _survey(value, bounds)
    # orjson keeps the last of two equal keys. Every key ends in `":`, so if there are no more of these than keys
    # in the result, none was dropped; otherwise (also for a text that holds such a pair) look closely.
    suspicious = wide_number or len(raw) > bounds.max_string_chars or _holds(raw, b"\\u0000")
    if suspicious or _key_ends(raw) != keys:
        return _closely(raw, bounds)
    return value


def _key_ends(raw: bytes) -> int:
    """How often a quote and a colon follow each other, apart from white space."""
    apart = b" :" in raw or _holds(raw, b"\n:") or _holds(raw, b"\t:") or _holds(raw, b"\r:")
    return len(_KEY_ENDS.findall(raw)) if apart else raw.count(b'":')


def _holds(raw: bytes, some: bytes) -> bool:
    """Whether these bytes are there. The first of them is looked for before: one is found much faster than two."""
    return some[0] in raw and some in raw


def _is_flat(value: Json, bounds: Bounds) -> TypeGuard[dict[str, Json]]:
    """Whether it is an object within the bounds with nothing below it and no fraction: what most forms send."""
    if type(value) is not dict or not 0 < len(value) <= bounds.max_keys:
        return False
    return _LEAVES.issuperset(map(type, value.values())) and max(map(len, value)) <= bounds.max_key_chars


def _survey(value: Json, bounds: Bounds) -> tuple[int, bool]:
    """Counts keys level by level, so that no nesting can exhaust the stack; says if a number may have lost digits."""
    keys = items = depth = 0
    wide_number = isinstance(value, float) and abs(value) >= _EXACT_FLOAT
    level: list[dict[str, Json] | list[Json]] = [value] if isinstance(value, dict | list) else []
    while level:
        depth += 1
        if depth > bounds.max_depth:
            raise _too_deep(bounds)
        below: list[dict[str, Json] | list[Json]] = []
        for container in level:
            if type(container) is dict:
                keys += len(container)
                if container and max(map(len, container)) > bounds.max_key_chars:
                    raise _key_too_long(bounds)
                children = container.values()
            else:
                items += len(container)
                children = container
            for child in children:
                kind = type(child)
                if kind is dict or kind is list:
                    below.append(cast("dict[str, Json] | list[Json]", child))
                elif kind is float and not -_EXACT_FLOAT < cast("float", child) < _EXACT_FLOAT:
                    wide_number = True
        level = below
    if keys > bounds.max_keys or items > bounds.max_items:
        raise Refused(
            413,
            "Too many values",
            f"The body has {keys} keys and {items} list items; at most {bounds.max_keys} and {bounds.max_items}.",
            fix="Send fewer items per request.",
        )
    return keys, wide_number


class _Pairs(list[tuple[str, object]]):
    """An object before its keys are known to differ."""


def _exact_int(digits: str) -> int | str:
    if len(digits) <= _INT_DIGITS and _MIN_INT <= int(digits) <= _MAX_INT:
        return int(digits)
    return digits


def _closely(raw: bytes, bounds: Bounds) -> Json:
    return _checked(json.loads(raw, object_pairs_hook=_Pairs, parse_int=_exact_int), "$", bounds)


def _checked(value: object, path: str, bounds: Bounds) -> Json:
    if isinstance(value, _Pairs):
        found: dict[str, Json] = {}
        for key, child in value:
            if key in found:
                raise Refused(
                    400,
                    "Duplicate key",
                    f"The key {_shown(key)} occurs twice in one object; readers disagree which one counts.",
                    where=_below(path, key),
                    fix="Send each key once.",
                )
            _text_checked(key, path, bounds)
            found[key] = _checked(child, _below(path, key), bounds)
        return found
    if isinstance(value, list):
        children = cast("list[object]", value)
        return [_checked(child, f"{path}[{place}]", bounds) for place, child in enumerate(children)]
    if isinstance(value, str):
        _text_checked(value, path, bounds)
    return cast("str | int | float | bool | None", value)


def _text_checked(text: str, path: str, bounds: Bounds) -> None:
    if "\x00" in text:
        raise Refused(
            400,
            "NUL character",
            "A text holds the character U+0000, which cannot be stored.",
            where=path,
            fix="Remove the character before sending.",
        )
    if len(text) > bounds.max_string_chars:
        raise Refused(
            413,
            "Text too long",
            f"A text has {len(text)} characters; at most {bounds.max_string_chars} are taken.",
            where=path,
            fix="Shorten the text.",
        )


def _shown(key: str) -> str:
    return json.dumps(key[:64], ensure_ascii=True)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}[{_shown(key)}]"


def _too_deep(bounds: Bounds) -> Refused:
    return Refused(
        400,
        "Nested too deeply",
        f"Objects and lists are nested more than {bounds.max_depth} levels deep.",
        where=f"level {bounds.max_depth + 1}",
        fix="Flatten the body.",
    )


def _key_too_long(bounds: Bounds) -> Refused:
    return Refused(
        400,
        "Key too long",
        f"A key has more than {bounds.max_key_chars} characters.",
        fix="Shorten the key.",
    )


def _unreadable(raw: bytes, error: orjson.JSONDecodeError) -> Refused:
    try:
        text = raw.decode()
    except UnicodeDecodeError as wrong:
        detail = f"The body is not valid UTF-8 from byte {wrong.start} on."
        return Refused(400, "Not UTF-8", detail, where=f"byte {wrong.start}", fix="Encode the body as UTF-8.")
    if "\x00" in text:
        where = f"byte {raw.index(0)}"
        return Refused(400, "NUL character", "The body holds a NUL byte.", where=where, fix="Remove the byte.")
    title, detail, fix = _syntax(text, error)
    return Refused(400, title, detail, where=f"byte {len(text[: error.pos].encode())}", fix=fix)


def _syntax(text: str, error: orjson.JSONDecodeError) -> tuple[str, str, str]:
    if not text.strip():
        return "Empty body", "The body is empty.", "Send a JSON object or list."
    if "depth limit" in error.msg:
        return "Nested too deeply", "Objects and lists are nested too deeply.", "Flatten the body."
    if "surrogate" in error.msg:
        detail = "An escape \\uD800…\\uDFFF stands without its partner."
        return "Lone surrogate", detail, "Send whole characters, as UTF-8 or as a pair of escapes."
    if "infinity" in error.msg or re.match(r"-?(NaN|Infinity)", text[max(0, error.pos - 1) :].lstrip("-:, [")):
        detail = "NaN, Infinity and numbers beyond a double's range are not JSON."
        return "Not a number", detail, "Send null, or the number as text."
    return "Not JSON", f"The body is not valid JSON: {error.msg}.", "Send valid JSON (RFC 8259)."
