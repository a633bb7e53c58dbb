"""Reads header values of the shape `value; name=text; name="text"`."""

import re

_MAX_CHARS = 4_096
_PARAMETER = re.compile(r""";\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)""", re.DOTALL)
# Browsers escape a quote as %22; only \" and \\ are taken as escapes, so that file names keep other backslashes.
_ESCAPED = re.compile(r'\\(["\\])')


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The lower-cased value before the first semicolon, and its parameters by lower-cased name."""
    found: dict[str, str] = {}
    value = value[:_MAX_CHARS]
    for name, text in _PARAMETER.findall(value):
        unquoted = _ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text
        found.setdefault(name.lower(), unquoted)
    return value.partition(";")[0].strip().lower(), found
