"""Finds values in a body by dotted paths and templates, and lists a body's leaves."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from intake.domain.strict_json import Json

_MAX_LEAVES = 1_000
_CONTAINERS = frozenset((dict, list))
_PLACE = re.compile(r"\{([^{}]+)\}")


def find(value: Json, path: str) -> Json:
    """The value at a dotted path, None where there is none. A key that itself holds dots (`1.3`) is found first."""
    if isinstance(value, dict):
        if path in value:
            return value[path]
        for place in (place for place, sign in enumerate(path) if sign == "."):
            if path[:place] in value:
                found = find(value[path[:place]], path[place + 1 :])
                if found is not None:
                    return found
        return None
    if isinstance(value, list):
        head, _, rest = path.partition(".")
        if not (head.isascii() and head.isdigit()) or int(head) >= len(value):
            return None
        return find(value[int(head)], rest) if rest else value[int(head)]
    return None


def texts(value: Json, path: str) -> tuple[str, ...]:
    """The texts at a path, or of a template such as `{first} {last}`; empty where there is nothing."""
    if _PLACE.search(path):
        filled = _PLACE.sub(lambda place: " ".join(as_texts(find(value, place[1]))), path)
        return (" ".join(filled.split()),) if any(texts(value, name) for name in _PLACE.findall(path)) else ()
    return as_texts(find(value, path))


def as_texts(value: Json) -> tuple[str, ...]:
    """A scalar or a list of scalars as non-empty texts."""
    if type(value) is str:
        stripped = value.strip()
        return (stripped,) if stripped else ()
    if isinstance(value, list):
        return tuple(text for one in value if not isinstance(one, dict | list) for text in as_texts(one))
    if value is None or isinstance(value, dict):
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    text = str(value).strip()
    return (text,) if text else ()


def leaves(value: dict[str, Json]) -> Iterable[tuple[str, Json]]:
    """Every scalar or list of scalars with its dotted path, in order; at most a thousand."""
    flat = not any(map(_CONTAINERS.__contains__, map(type, value.values())))
    return islice(value.items() if flat else _leaves(value, ""), _MAX_LEAVES)


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    prefix = f"{path}." if path else ""
    if isinstance(value, dict):
        for key, child in value.items():
            if isinstance(child, dict | list):
                yield from _leaves(child, prefix + key)
            else:
                yield prefix + key, child
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for place, child in enumerate(value):
            yield from _leaves(child, f"{prefix}{place}")
    else:
        yield path, value
