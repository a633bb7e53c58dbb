"""Reading a policy entry by entry: each fault with its place and its cure."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import cast

from shared.calendars import Problem

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

# Says what is wrong with a `when`, None if nothing is.
Check = Callable[[str], str | None]


class Fault(Exception):
    """One entry that can't be taken."""

    def __init__(self, path: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.problem = Problem(path, what, fix)


def mapping(raw: object, path: str, keys: Collection[str]) -> Mapping[str, object]:
    """Raises Fault for what is no mapping of these keys."""
    if not isinstance(raw, Mapping):
        raise Fault(path, f"expected a mapping, found {shown(raw)}", f"use the keys {', '.join(keys)}")
    entry = cast("Mapping[str, object]", raw)
    for key in entry:
        if key not in keys:
            raise Fault(f"{path}.{key}", "unknown key", f"use one of {', '.join(keys)}")
    return entry


def listed(raw: object, path: str) -> list[object]:
    """Raises Fault for what is no list."""
    if not isinstance(raw, list):
        raise Fault(path, f"expected a list, found {shown(raw)}", "write one `- {…}` a line, or [] for none")
    return cast("list[object]", raw)


def shown(raw: object) -> str:
    return "nothing" if raw is None else repr(raw)


def named(raw: object, path: str, example: str) -> str:
    """Raises Fault for what is no name."""
    if not isinstance(raw, str) or not NAME.fullmatch(raw):
        raise Fault(path, f"{shown(raw)} is no name", f"use small letters, digits and _, such as {example}")
    return raw


def calendar_named(raw: object, path: str, calendars: Collection[str] | None) -> str | None:
    """Raises Fault for a calendar that is not among those known (None: which are is not known)."""
    if raw is None:
        return None
    if not isinstance(raw, str) or (calendars is not None and raw not in calendars):
        known = ", ".join(sorted(calendars or ())) or "none yet"
        raise Fault(path, f"no calendar is named {shown(raw)}", f"use one of the calendars policy: {known}")
    return raw


def condition(raw: object, path: str, check: Check, example: str) -> str | None:
    """Raises Fault for a condition that can't be evaluated."""
    if raw is None:
        return None
    fault = check(raw) if isinstance(raw, str) else f"expected an expression, found {shown(raw)}"
    if fault:
        raise Fault(path, fault, f"write a condition over {example}")
    return cast("str", raw)
