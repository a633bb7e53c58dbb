"""What a file is: CSV or XLSX, its charset and delimiter; and what makes one that is not taken."""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

import charset_normalizer
import msgspec

from intake.domain.forms import codec_of
from intake.domain.refusals import Refused

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_MAX_INFLATED_BYTES = 256 * 1024 * 1024
_MAX_RATIO = 100
_HARMLESS_BYTES = 8 * 1024 * 1024  # below it a ratio says nothing
_MAX_MEMBERS = 2_000
_MAX_COLUMNS = 1_000
_MAX_ROW_CHARS = 256 * 1024
_PIECE_BYTES = 256 * 1024
_SAMPLE_BYTES = 64 * 1024
_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 20
_UNICODE = {"utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "utf-8-sig": "utf-8-sig"}
_SEP_LINE = re.compile(r"\Asep=(.)\r?\n", re.IGNORECASE)
_BEGINNING_OF_GB2312, _END_OF_GB2312 = 0xB0, 0xD7  # lead bytes of its 3,755 usual characters
_MOSTLY = 0.7
_VIETNAMESE_D = (0xD0, 0xF0)  # Đ and đ in windows-1258; in windows-1252 letters of Icelandic alone
_DTD = tuple(word.encode(codec) for word in ("<!DOCTYPE", "<!ENTITY") for codec in ("ascii", "utf-16-le", "utf-16-be"))


class Format(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a file is read."""

    kind: str
    charset: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


def format_of(file: BinaryIO, charset: str | None = None, sheet: str | None = None) -> tuple[Format, int | None]:
    """How this file is read, and how many rows it has where that is known. All of a CSV file is looked at.

    Raises Refused.
    """
    file.seek(0)
    begins = file.read(8)
    if begins.startswith(b"PK\x03\x04"):
        hold_to_bounds(file)
        return Format("xlsx", sheet=sheet), None
    if begins.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused(415, "Old or encrypted workbook", "The file is no XLSX.", fix="Save it as XLSX or CSV, without a password.")  # fmt: skip
    if not begins.strip():
        raise Refused(422, "Empty file", "There is nothing in the file.", fix="Send a file with a line of headings.")
    found = Format("csv", charset := _charset(file, charset), _delimiter(_sample(file, charset)))
    rows = sum(1 for _ in records(file, found)) - 1
    if rows < 0:
        raise Refused(422, "Empty file", "There is no row in the file.", fix="Send a file with a line of headings.")
    return found, rows


def records(file: BinaryIO, how: Format) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file that hold anything, with their numbers from 1, one in memory at a time.

    Raises Refused where the file is broken.
    """
    file.seek(0)
    charset = how.charset or "utf-8"
    text = io.TextIOWrapper(file, charset, newline="")
    number = 0
    try:
        if _SEP_LINE.match(_sample(file, charset)[:8]):
            text.readline()
        for number, record in enumerate(csv.reader(text, delimiter=how.delimiter or ",", strict=True), 1):
            if len(record) > _MAX_COLUMNS or sum(map(len, record)) > _MAX_ROW_CHARS:
                fix = f"Keep to {_MAX_COLUMNS} columns and {_MAX_ROW_CHARS} characters a row."
                raise Refused(422, "Row too large", "A row is larger than any lead.", where=f"row {number}", fix=fix)
            if any(cell and not cell.isspace() for cell in record):
                yield number, record
    except UnicodeDecodeError as wrong:
        raise Refused(
            422, "Wrong encoding", f"Not all of the file is {charset}.", where=f"after row {number}",
            fix=f"Name its charset (?charset=…); {wrong.reason}.",
        ) from None  # fmt: skip
    except csv.Error as wrong:
        raise Refused(
            422, "Broken CSV", f"The row can't be read: {wrong}.", where=f"row {number + 1}",
            fix="Close every quotation mark, and double those inside a cell.",
        ) from None  # fmt: skip
    finally:
        if not text.closed:  # whoever stopped half-way may have closed the file before
            text.detach()


def _charset(file: BinaryIO, named: str | None) -> str:
    """The codec of a CSV file: as named, by its mark, UTF-8 where all of it is, else by what its bytes look like."""
    if named:
        return _UNICODE.get(named.strip().lower()) or codec_of(named)
    file.seek(0)
    begins = file.read(1_000)
    if begins.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if begins.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if b"\x00" in begins:
        return "utf-16-le" if begins[1::2].count(0) >= begins[::2].count(0) else "utf-16-be"
    at = _not_utf8(file)
    if at is None:
        return "utf-8"
    file.seek(max(0, at - 1_000))
    return _guessed(file.read(_SAMPLE_BYTES))


def _not_utf8(file: BinaryIO) -> int | None:
    """Where the file stops being UTF-8, if it does."""
    file.seek(0)
    at, rest = 0, b""
    while piece := file.read(_PIECE_BYTES):
        held = rest + piece
        try:
            held.decode()
            rest = b""
        except UnicodeDecodeError as wrong:
            if wrong.start < len(held) - 3:
                return at + wrong.start
            rest = held[wrong.start :]
        at += len(held) - len(rest)
    return at if rest else None


def _guessed(sample: bytes) -> str:
    pairs = hits = place = 0
    while place < len(sample) - 1:
        if sample[place] < 0x81:
            place += 1
            continue
        pairs += 1
        hits += _BEGINNING_OF_GB2312 <= sample[place] <= _END_OF_GB2312 and sample[place + 1] >= 0xA1
        place += 2
    if pairs and hits / pairs >= _MOSTLY:
        return "gb18030"
    best = charset_normalizer.from_bytes(sample, cp_isolation=["big5", "cp932", "cp1252"]).best()
    if best is None or any(sign in sample for sign in _VIETNAMESE_D):
        raise Refused(
            422, "Unknown charset", "The file is no UTF-8, and its bytes do not say what else.", where="charset",
            fix="Name it (?charset=windows-1258, gb18030, big5 …), or save the file as UTF-8.",
        )  # fmt: skip
    return best.encoding


def _sample(file: BinaryIO, charset: str) -> str:
    place = file.tell()
    file.seek(0)
    text = file.read(_SAMPLE_BYTES).decode(charset, "ignore")
    file.seek(place)
    return text


def _delimiter(sample: str) -> str:
    """The sign that cuts most of the first lines into as many cells as the headings."""
    told = _SEP_LINE.match(sample)
    if told:
        return told[1]
    best, most = ",", (0, 0)
    for sign in _DELIMITERS:
        try:
            rows = [row for row, _ in zip(csv.reader(io.StringIO(sample), delimiter=sign), range(_SAMPLE_ROWS))]  # noqa: B905
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        agreeing = sum(1 for row in rows if len(row) == width)
        if width > 1 and (agreeing, width) > most:
            best, most = sign, (agreeing, width)
    return best


def hold_to_bounds(file: BinaryIO) -> None:
    """Look at a workbook before anything opens it: every member is inflated for real, and counted, and thrown away.

    Raises Refused for a bomb, a document type or entities, encryption, or what is no workbook.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS or "xl/workbook.xml" not in archive.namelist():
                raise _no_workbook("The archive holds no workbook.")
            inflated = packed = 0
            for member in members:
                packed += member.compress_size
                inflated = _inflate(file, member, inflated)
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError):
        raise _no_workbook("The archive is broken.") from None
    if inflated > _HARMLESS_BYTES and inflated > _MAX_RATIO * packed:
        raise _too_large()


def _inflate(file: BinaryIO, member: zipfile.ZipInfo, inflated: int) -> int:
    """The bytes inflated so far with this member's: counted, since what an archive says of its sizes may be a lie."""
    if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _no_workbook("The workbook is encrypted, or packed in a way that Excel does not use.")
    file.seek(member.header_offset)
    head = file.read(30)
    if len(head) < 30 or not head.startswith(b"PK\x03\x04"):
        raise _no_workbook("The archive is broken.")
    file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), io.SEEK_CUR)
    stored = member.compress_type == zipfile.ZIP_STORED
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    left, before = member.compress_size, b""
    packed = b""
    while left or packed:
        if not packed:
            packed = file.read(min(left, _PIECE_BYTES))
            if not packed:
                raise _no_workbook("The archive is cut off.")
            left -= len(packed)
        piece = packed if stored else unpack.decompress(packed, _PIECE_BYTES)
        packed = b"" if stored else unpack.unconsumed_tail
        inflated += len(piece)
        if inflated > _MAX_INFLATED_BYTES:
            raise _too_large()
        seen = before + piece
        if any(word in seen for word in _DTD):
            raise _no_workbook("It holds a document type or an entity, which no workbook needs.")
        before = seen[-32:]
        if unpack.eof:
            break
    return inflated


def _no_workbook(detail: str) -> Refused:
    return Refused(422, "Not a workbook", detail, fix="Save the file anew as XLSX, or as CSV.")


def _too_large() -> Refused:
    detail = f"Unpacked it has more than {_MAX_INFLATED_BYTES // 2**20} MiB, or {_MAX_RATIO} times its size."
    return Refused(413, "Workbook too large", detail, fix="Save it as CSV, which is read row by row.")
