"""Tables as JSON and as CSV. A CSV cell that a spreadsheet would run as a formula is shown as text."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from analytics.domain.money import number
from analytics.domain.reports.table import Cells, Column, Table
from analytics.domain.values import Each, Money, Multiple, Ratio, Span, Value, Word
from analytics.reporting import words

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def table_json(table: Table, language: str, limit: int) -> dict[str, Any]:
    """Columns with their titles, the first rows and how many `more` there are, and the total by column."""
    return {
        "name": table.name,
        "title": words.title(table.name, language),
        "columns": [{"id": each.id, "title": _heading(each, language)} for each in table.columns],
        "rows": [_row_json(row, language) for row in table.rows[:limit]],
        "more": max(0, len(table.rows) - limit),
        "total": None if table.total is None else _row_json(_named(table, table.total, language), language),
    }


def _named(table: Table, total: Cells, language: str) -> Cells:
    """The total with its name in the first column."""
    return {table.columns[0].id: words.phrase("total", language), **total}


def _row_json(row: Cells, language: str) -> dict[str, Any]:
    return {name: cell_json(value, language) for name, value in row.items()}


def cell_json(value: Value, language: str) -> Any:
    """A cell with its parts and its exact text."""
    shown: dict[str, Any]
    match value:
        case Ratio(numerator, denominator):
            shown = {"numerator": numerator, "denominator": denominator, "ratio": value.ratio, "text": value.text}
            if isinstance(value, Multiple):
                shown["return"] = (numerator - denominator) / denominator if denominator else None
        case Money(amount_minor, currency):
            shown = {**_money_json(amount_minor, currency), "text": value.text}
        case Each():
            shown = _each_json(value)
        case Span(ms):
            shown = {"ms": ms, "text": value.text}
        case Word(kind, code):
            shown = {"code": code, "text": words.word(kind, code, language)}
        case _:
            return value
    return shown


def _each_json(value: Each) -> dict[str, Any]:
    none = {"amount_minor": None, "amount": None, "currency": value.currency}
    return {
        "numerator": value.total_minor,
        "denominator": value.count,
        "ratio": value.total_minor / value.count if value.count else None,
        **(_money_json(value.money.amount_minor, value.currency) if value.money else none),
        "text": value.text,
    }


def _money_json(amount_minor: int, currency: str) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "amount": number(amount_minor, currency), "currency": currency}


def tables_csv(tables: Sequence[Table], language: str) -> str:
    """One table; of several, each under its title and apart by an empty line."""
    lines: list[Sequence[str]] = []
    for table in tables:
        if len(tables) > 1:
            lines += [[words.title(table.name, language)]] if not lines else [[], [words.title(table.name, language)]]
        lines.append([_heading_csv(each, table, language) for each in table.columns])
        lines += [_row_csv(table, row, language) for row in table.rows]
        if table.total is not None:
            lines.append(_row_csv(table, _named(table, table.total, language), language))
    return csv_lines(lines)


def _row_csv(table: Table, row: Cells, language: str) -> list[str]:
    return [cell_csv(row.get(each.id), language) for each in table.columns]


def cell_csv(value: Value, language: str) -> str:
    """A cell as a spreadsheet reads it: numbers plain, percent without the sign."""
    match value:
        case None:
            shown = ""
        case Word(kind, code):
            shown = guarded(words.word(kind, code, language))
        case str():
            shown = guarded(value)
        case bool():
            shown = str(int(value))
        case int() | UUID():
            shown = str(value)
        case datetime() | date():
            shown = value.isoformat()
        case _:
            shown = value.plain
    return shown


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: names of campaigns come from whoever fills in a form."""
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def csv_lines(lines: Iterable[Sequence[str]]) -> str:
    """The lines as RFC 4180 has them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(lines)
    return out.getvalue()


def _heading(column: Column, language: str) -> str:
    return words.heading(column.name, column.of, column.words, language)


def _heading_csv(column: Column, table: Table, language: str) -> str:
    """The heading with the unit of its numbers: a currency or percent."""
    head = _heading(column, language)
    cells = (each.get(column.id) for each in (*table.rows, table.total or {}))
    match next((cell for cell in cells if cell is not None), None):
        case Money(_, currency) | Each(_, _, currency) if not column.of:
            return f"{head} ({currency})"
        case Multiple():
            return head
        case Ratio():
            return f"{head} (%)"
        case _:
            return head
