"""The rows of a file, one after another: cells as texts under their headings, with the row's number."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from intake.domain.refusals import Refused
from intake.imports.file import Format, records


class Row(NamedTuple):
    """A row with its number in the file, where the headings have a lower one."""

    number: int
    cells: Mapping[str, str | list[str]]


class Rows:
    """A file being read. A CSV file is read row by row; a workbook is unpacked as a whole, which is bounded."""

    def __init__(self, file: BinaryIO, how: Format) -> None:
        """Read the headings. Raises Refused where the file is broken or empty."""
        self.total: int | None = None
        if how.kind == "csv":
            self._records = records(file, how)
        else:
            sheet = _sheet(file, how.sheet)
            self._records = ((number, row) for number, row in sheet if any(row))
            self.total = sum(1 for _, row in sheet if any(row)) - 1
        first = next(self._records, None)
        if first is None:
            raise Refused(422, "Empty file", "There is no row in it.", fix="Send a file with a line of headings.")
        self.columns = tuple(cell.strip() or f"column {place}" for place, cell in enumerate(first[1], 1))

    def after(self, number: int) -> None:
        """Pass over the rows below this number, read before."""
        self._records = ((each, row) for each, row in self._records if each >= number)

    def take(self, count: int) -> list[Row]:
        """The next rows; none at the end."""
        return [Row(number, _named(self.columns, row)) for number, row in islice(self._records, count)]


def _named(columns: Sequence[str], row: Sequence[str]) -> dict[str, str | list[str]]:
    named: dict[str, str | list[str]] = {}
    for place, cell in enumerate(row):
        text = cell.replace("\x00", "").strip()
        if not text:
            continue
        column = columns[place] if place < len(columns) else f"column {place + 1}"
        before = named.get(column)
        if before is None:
            named[column] = text
        else:  # two columns of one name
            named[column] = [*([before] if isinstance(before, str) else before), text]
    return named


def _sheet(file: BinaryIO, name: str | None) -> list[tuple[int, list[str]]]:
    """A sheet's rows: the one of this name, else the first that holds anything."""
    file.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(file)
        names = [each.name for each in book.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
        if name is not None and name not in names:
            raise Refused(422, "No such sheet", "The workbook has no sheet of this name.", where="sheet")
        for each in (name,) if name is not None else names:
            found = [(number, list(map(_text, row))) for number, row in enumerate(book.get_sheet_by_name(each).iter_rows(), 1)]  # fmt: skip
            if found or name is not None:
                return found
    except CalamineError as error:
        fix = "Save the file anew as XLSX, without a password, or as CSV."
        raise Refused(422, "Not a workbook", f"It can't be read ({type(error).__name__}).", fix=fix) from None
    return []


def _text(cell: Any) -> str:
    """A cell as somebody would type it; a formula is its last value."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta() | _:
            return str(cell)
