"""One row of an imported file: its cells by column, as a draft; legacy rows say where their lead was left."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from intake.domain.canonical import finish
from intake.domain.draft import Draft, said_yes
from intake.domain.fields import Fields
from intake.domain.flat import read_flat
from intake.domain.labels import asked_field, channel, guessed_field, tracking_field
from intake.domain.names import DEFAULTABLE_FIELDS
from intake.domain.policy import ImportDoor
from intake.domain.strict_json import Json
from intake.domain.submission import Outcome, Submission, Unmappable
from intake.domain.text import fold, fold_label

CONSTANTS: Final = DEFAULTABLE_FIELDS | {"tags"}
"""What may be stamped on every row of a file."""
_EMPTY = frozenset({"", "n a", "null", "nil", "undefined"})
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
_LEGACY = {
    "legacy": "legacy", "历史线索": "legacy", "khach cu": "legacy",
    "legacy pool": "pool", "历史线索池": "pool", "nhom khach cu": "pool",
    "legacy owner": "owner", "原负责人": "owner", "nguoi phu trach cu": "owner",
}  # fmt: skip
_POOLS = {"raw": "raw", "public": "public", "nurture": "nurture", "re marketing": "re-marketing",
          "remarketing": "re-marketing"}  # fmt: skip
_REP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SEVERAL = re.compile(r"[,;|，；、]")

Cells = Mapping[str, str | Sequence[str]]


def envelope(digest: str, number: int, constants: Mapping[str, str], cells: Cells) -> dict[str, object]:
    """A row as it is kept: with it the row can be mapped again, and is known for ever by file and number."""
    return {"file": digest, "row": number, "constants": dict(constants), "cells": dict(cells)}


def read_row(door: ImportDoor, policy: Fields, item: Json, received_at: datetime) -> Outcome:
    """What a row becomes."""
    cells = item.get("cells") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(cells, dict):
        return Unmappable("this is no row of a file", "$", "import the file again")
    where, key = f"row {item.get('row')}", f"{item.get('file')}:{item.get('row')}"
    draft = Draft(vendor_id=key, vendor_key=key)
    constants = item.get("constants")
    for name, value in constants.items() if isinstance(constants, dict) else ():
        draft.put(name, _listed(str(value)) if name == "tags" else (str(value),), "the import")
    legacy: dict[str, str] = {}
    kept: dict[str, Json] = {}
    for column, cell in cells.items():
        told = _told(cell)
        if not told:
            continue
        said = _LEGACY.get(fold_label(column))
        if said is not None:
            legacy.setdefault(said, told[0])
        elif tracking_field(column) is None and fold_label(column) == "tags":
            kept[column] = [tag for text in told for tag in _listed(text)]
        else:
            kept[column] = told[0] if isinstance(cell, str) else list(told)
    found = read_flat(door, kept, where, draft)
    outcome = finish(found, door, policy, received_at, where) if isinstance(found, Draft) else found
    return _complete(door, outcome, legacy, where) if isinstance(outcome, Submission) else outcome


def column_field(door: ImportDoor, column: str) -> str | None:
    """The lead field that a column is read as; None: it is kept among the answers."""
    mapped = next((field for field, paths in door.map.items() if column in paths), None)
    label = fold_label(column)
    if mapped is not None or label in _LEGACY:
        return mapped or {"pool": "legacy_pool", "owner": "legacy_owner"}.get(_LEGACY[label], "legacy")
    contact = channel(column)
    if contact is not None:
        return f"channel_ids.{contact}"
    return tracking_field(column) or asked_field(column) or guessed_field(column)


def _told(cell: Json) -> tuple[str, ...]:
    several = cell if isinstance(cell, list) else [cell]
    texts = [one for one in several if isinstance(one, str)]
    stripped = (text.strip() for text in texts)
    return tuple(text for text in stripped if text not in _ERRORS and not (len(text) < 10 and fold(text) in _EMPTY))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for piece in _SEVERAL.split(text) if (part := piece.strip()))


def _complete(door: ImportDoor, found: Submission, legacy: Mapping[str, str], where: str) -> Outcome:
    """The submission with what a legacy row says of its lead, or the reason for none."""

    def parked(reason: str, fix: str) -> Unmappable:
        return Unmappable(reason, where, fix, found.vendor_id, found.vendor_key)

    unmet = [line for line in door.required if found.fields.keys().isdisjoint(line)]
    if unmet:
        return parked(f"there is no {'; '.join(' or '.join(line) for line in unmet)}", "map its column, then replay")
    if not said_yes((legacy.get("legacy", ""),)):
        return found
    pool, owner = legacy.get("pool"), legacy.get("owner")
    if any(note.field == "created_at" for note in found.notes):
        return parked("its created_at can't be read", "write it as 2025-03-10T09:00:00Z and import the row again")
    if pool is not None and fold(pool) not in _POOLS:
        return parked("its legacy_pool is none", "use raw, public, nurture or re-marketing, and import the row again")
    if owner is not None and not _REP.fullmatch(owner):
        return parked("its legacy_owner is no rep's id", "write the rep's id, and import the row again")
    return msgspec.structs.replace(
        found, legacy=True, pool=_POOLS[fold(pool)] if pool is not None else None, previous_owner=owner
    )
