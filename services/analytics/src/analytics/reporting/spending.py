"""Spend as it is kept, and its rows as they come in: CSV or JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics.domain.spend import Spend

_COLUMNS: Final = ("key", "first_day", "last_day", "source", "campaign", "kind", "amount_minor", "currency")
_TYPES: Final = ("text", "date", "date", "text", "text", "text", "bigint", "text")
_PUT: Final = text(
    f"insert into spend ({', '.join(_COLUMNS)}, imported_at, imported_by)"
    f" select {', '.join(f'r.{name}' for name in _COLUMNS)}, :at, :by from unnest("
    + ", ".join(f"cast(:{name} as {kind}[])" for name, kind in zip(_COLUMNS, _TYPES, strict=True))
    + f") as r({', '.join(_COLUMNS)}) order by r.key on conflict (key) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in (*_COLUMNS[1:], "imported_at", "imported_by"))
    + f" where ({', '.join(f'spend.{name}' for name in _COLUMNS)})"
    f" is distinct from ({', '.join(f'excluded.{name}' for name in _COLUMNS)}) returning xmax = 0 as added"
)


class NotRows(ValueError):
    """The body holds no rows at all; says why."""


def rows_of(body: bytes, content_type: str) -> list[Mapping[str, Any]]:
    """The rows of a CSV file or of JSON: a list, or `{"items": [...]}`.

    Raises NotRows.
    """
    if content_type.partition(";")[0].strip().lower() in {"text/csv", "application/csv"}:
        return _csv_rows(body)
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotRows(f"this is no JSON ({error}); for CSV send Content-Type: text/csv") from error
    rows = found.get("items") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotRows('send a list of rows, or {"items": [rows]}')
    return rows


def _csv_rows(body: bytes) -> list[Mapping[str, Any]]:
    try:
        written = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotRows("the file is not UTF-8: save it as CSV UTF-8") from None
    head = written.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows: list[Mapping[str, Any]] = []
    try:
        for row in csv.DictReader(io.StringIO(written), delimiter=delimiter, strict=True):
            named = {(name or "").strip(): value for name, value in row.items()}
            if any(named.values()):
                rows.append(named)
    except csv.Error as error:
        raise NotRows(f"the file is no CSV: {error}") from error
    return rows


async def put(session: AsyncConnection, rows: Sequence[Spend], at: datetime, by: str) -> tuple[int, int]:
    """(added, changed). A row whose key is known is replaced, and left alone where it says the same."""
    columns = {name: [getattr(row, name) for row in rows] for name in _COLUMNS}
    answered = (await session.execute(_PUT, {**columns, "at": at, "by": by})).all()
    added = sum(row.added for row in answered)
    return added, len(answered) - added


async def spend_between(session: AsyncConnection, since: date | None, until: date | None) -> list[Spend]:
    """All spend that touches these days, both included."""
    rows = await session.execute(
        text(
            f"select {', '.join(_COLUMNS)} from spend where last_day >= coalesce(cast(:since as date), '-infinity')"
            " and first_day <= coalesce(cast(:until as date), 'infinity') order by first_day, key"
        ),
        {"since": since, "until": until},
    )
    return [Spend(*row) for row in rows]


async def spend_page(
    session: AsyncConnection, since: date | None, until: date | None, after: tuple[date, str] | None, limit: int
) -> list[Spend]:
    """The same, page by page."""
    rows = await session.execute(
        text(
            f"select {', '.join(_COLUMNS)} from spend where last_day >= coalesce(cast(:since as date), '-infinity')"
            " and first_day <= coalesce(cast(:until as date), 'infinity')"
            " and (first_day, key) > (cast(:day as date), cast(:key as text)) order by first_day, key limit :limit"
        ),
        {
            "since": since,
            "until": until,
            "day": after[0] if after else date.min,
            "key": after[1] if after else "",
            "limit": limit,
        },
    )
    return [Spend(*row) for row in rows]
