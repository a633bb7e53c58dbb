"""Which changes of an event's schema would break a reader or a producer of the other version, in words.

Old events lie in the log for ever and services are upgraded one by one, so both directions count: new code reads old
events, and old code reads new ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

_NONE: Final = "none"  # a field without a default; a default of null is another thing
_WHAT_TO_DO: Final = (
    "Contracts only grow: give a new field a default; for a changed meaning add a new event and leave this one as it"
    " is. An event that was never released may still change: delete its file in docs/events and write it again."
)


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One incompatible change: where, and what it would break."""

    wire: str
    path: str
    problem: str

    def __str__(self) -> str:
        where = f"{self.wire}: {self.path}" if self.path else self.wire
        return f"{where}: {self.problem}"


def advice() -> str:
    """What to do about an incompatible change."""
    return _WHAT_TO_DO


def incompatible(before: Mapping[str, Schema], after: Mapping[str, Schema]) -> list[Change]:
    """The incompatible changes from one set of event schemas (by wire name) to another."""
    changes: list[Change] = []
    for wire, old in before.items():
        new = after.get(wire)
        if new is None:
            changes.append(Change(wire, "", "the event is gone; its records in the log would be ignored"))
        else:
            changes += _compare(wire, dict(_fields(old, old, "")), dict(_fields(new, new, "")))
    return sorted(changes)


@dataclass(frozen=True, slots=True)
class _Field:
    kind: str
    required: bool
    default: object


def _compare(wire: str, old: Mapping[str, _Field], new: Mapping[str, _Field]) -> Iterator[Change]:
    for path, was in old.items():
        now = new.get(path)
        if now is None:
            yield Change(wire, path, "the field is gone; readers of the other version miss it")
            continue
        if now.kind != was.kind:
            yield Change(wire, path, f"the type changed from {was.kind} to {now.kind}")
        if was.required and not now.required:
            yield Change(wire, path, "no longer required; readers that need it can't read new events")
        elif now.required and not was.required:
            yield Change(wire, path, "now required; old events without it become unreadable")
        elif now.default != was.default:
            yield Change(
                wire,
                path,
                f"the default changed from {was.default!r} to {now.default!r}; defaults are not written into events,"
                " so old ones would change their meaning",
            )
    for path in new.keys() - old.keys():
        parent = path.rpartition(".")[0]
        if new[path].required and (not parent or parent in old):
            yield Change(wire, path, "a new field is required; old events don't have it")


def _fields(schema: Schema, root: Schema, prefix: str) -> Iterator[tuple[str, _Field]]:
    """Every field of an object schema by dotted path, those of nested objects and lists included."""
    resolved = _resolve(schema, root)
    required = set(resolved.get("required", ()))
    for name, field in resolved.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, _Field(kind(field, root), name in required, field.get("default", _NONE))
        for nested in _objects(field, root):
            yield from _fields(nested, root, f"{path}.")


def kind(schema: Schema, root: Schema) -> str:
    """A type in short words: `string(uuid) or null`, `list of object`."""
    resolved = _resolve(schema, root)
    if "anyOf" in resolved:
        return " or ".join(sorted((kind(each, root) for each in resolved["anyOf"]), key=lambda word: word == "null"))
    if "enum" in resolved:
        return " or ".join(repr(value) for value in resolved["enum"])
    if resolved.get("type") == "array":
        return f"list of {kind(resolved.get('items', {}), root)}"
    word = str(resolved.get("type", "anything"))
    return f"{word}({resolved['format']})" if "format" in resolved else word


def _objects(schema: Schema, root: Schema) -> Iterator[Schema]:
    resolved = _resolve(schema, root)
    if "properties" in resolved:
        yield resolved
    for each in (*resolved.get("anyOf", ()), *([resolved["items"]] if "items" in resolved else ())):
        yield from _objects(each, root)


def _resolve(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return root["$defs"][str(reference).removeprefix("#/$defs/")]
