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


def table_json(table: Table, language: str) -> dict[str, Any]:
    """Columns with their titles, rows and total by column."""
    return {
        "name": table.name,
        "title": words.title(table.name, language),
        "columns": [{"id": each.id, "title": _heading(each, language)} for each in table.columns],
        "rows": [_row_json(row, language) for row in table.rows],
        "total": None if table.total is None else _row_json(table.total, language),
    }


def _row_json(row: Cells, language: str) -> dict[str, Any]:
    return {name: cell_json(value, language) for name, value in row.items()}


def cell_json(value: Value, language: str) -> Any:
    """A cell with its parts and its exact text."""
    match value:
        case Ratio(numerator, denominator):
            parts = {"numerator": numerator, "denominator": denominator, "ratio": value.ratio, "text": value.text}
            if isinstance(value, Multiple):
                return {**parts, "return": None if value.ratio is None else (numerator - denominator) / denominator}
            return parts
        case Money(amount_minor, currency):
            return {**_money_json(amount_minor, currency), "text": value.text}
        case Each(total_minor, count, currency):
            money = value.money
            shown = None if money is None else _money_json(money.amount_minor, currency)
            return {"numerator": total_minor, "denominator": count, "ratio": total_minor / count if count else None,
                    **(shown or {"amount_minor": None, "amount": None, "currency": currency}), "text": value.text}  # fmt: skip
        case Span(ms):
            return {"ms": ms, "text": value.text}
        case Word(kind, code):
            return {"code": code, "text": words.word(kind, code, language)}
        case _:
            return value


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
            first, *rest = table.columns
            named = {first.id: words.phrase("total", language)} | dict(table.total)
            lines.append([cell_csv(named.get(each.id), language) for each in (first, *rest)])
    return csv_lines(lines)


def _row_csv(table: Table, row: Cells, language: str) -> list[str]:
    return [cell_csv(row.get(each.id), language) for each in table.columns]


def cell_csv(value: Value, language: str) -> str:
    """A cell as a spreadsheet reads it: numbers plain, percent without the sign."""
    match value:
        case None:
            return ""
        case Multiple():
            return value.factor
        case Ratio():
            return value.percent
        case Money():
            return value.plain
        case Each():
            return value.money.plain if value.money else ""
        case Span():
            return value.text
        case Word(kind, code):
            return guarded(words.word(kind, code, language))
        case bool():
            return "1" if value else "0"
        case int():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case str():
            return guarded(value)


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
