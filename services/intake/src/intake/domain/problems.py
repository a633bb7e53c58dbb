"""What is wrong in a policy: where, and how to fix it."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    path: str
    detail: str
    fix: str
    level: Literal["error", "warning"] = "error"


class Model(BaseModel):
    """A part of a policy: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def problems_of(error: ValidationError, known: dict[str, tuple[str, ...]], tags: tuple[str, ...]) -> list[Problem]:
    """The problems in pydantic's words. `known` names the keys per last path part; `tags` are the union tags."""
    return [_problem(dict(one), known, tags) for one in error.errors(include_url=False, include_input=False)]


def _problem(error: dict[str, Any], known: dict[str, tuple[str, ...]], tags: tuple[str, ...]) -> Problem:
    location: tuple[str | int, ...] = error["loc"]
    kind = next((str(part) for part in location[2:3] if part in tags), "")
    parts = location[:2] + location[3:] if kind else location
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    detail = str(error["msg"]).removeprefix("Value error, ")
    return Problem(path, detail, _fix(error, str(location[-1]) if location else "", known.get(kind, ())))


def _fix(error: dict[str, Any], key: str, known: tuple[str, ...]) -> str:
    match error["type"]:
        case "missing":
            return f"add the key {key!r}"
        case "extra_forbidden":
            near = get_close_matches(key, known, n=1)
            return f"did you mean {near[0]!r}?" if near else f"remove {key!r}; known keys are {', '.join(known)}"
        case "union_tag_invalid":
            return f"use one of {error['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return "add the key 'kind'"
        case "literal_error":
            return f"use {error['ctx']['expected']}"
        case _:
            return str(error.get("ctx", {}).get("fix", "change the value as the message says"))
