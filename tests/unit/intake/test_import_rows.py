"""Rows of a file: cells under their headings become submissions; files of every make are read as they are."""

import io
from typing import Any

import pytest

from intake.domain.import_row import column_field, envelope
from intake.domain.mapping import outcome_of
from intake.domain.policy import ImportDoor
from intake.domain.refusals import Refused
from intake.domain.submission import Submission, Unmappable
from intake.imports.file import Format, format_of
from intake.imports.rows import Rows
from tests.unit.intake.builders import RECEIVED_AT, a_door, the_fields


def row(cells: dict[str, Any], constants: dict[str, str] | None = None, **door: Any) -> Submission | Unmappable:
    made = a_door(kind="import", **door)
    found = outcome_of(made, the_fields(), envelope("d" * 64, 7, constants or {}, cells), "$", RECEIVED_AT)  # pyright: ignore[reportArgumentType]
    assert isinstance(found, Submission | Unmappable)
    return found


def submission(cells: dict[str, Any], constants: dict[str, str] | None = None, **door: Any) -> Submission:
    found = row(cells, constants, **door)
    assert isinstance(found, Submission), found
    return found


def test_the_key_is_the_file_and_the_row() -> None:
    assert submission({"email": "a@x.example"}).vendor_key == f"{'d' * 64}:7"
    parked = row({"name": "Ann", "phone": "n/a", "邮箱": "无"})
    assert isinstance(parked, Unmappable)
    assert (parked.where, parked.vendor_key) == ("row 7", f"{'d' * 64}:7")


def test_what_is_stamped_on_all_rows_outranks_a_column() -> None:
    found = submission({"email": "a@x.example", "event": "theirs"}, {"event": "ours", "tags": "a; b"}, tags=["c"])
    assert found.fields["event"] == "ours"
    assert found.fields["tags"] == ("a", "b", "c")


@pytest.mark.parametrize("nothing", ["n/a", "N/A", "#N/A", "#REF!", "-", " ", "null"])
def test_a_cell_that_says_nothing_is_no_value(nothing: str) -> None:
    found = submission({"email": "a@x.example", "company": nothing, "budget": nothing, "备注": nothing})
    assert {"company", "budget", "message"}.isdisjoint(found.fields)


def test_no_is_a_value() -> None:
    assert submission({"email": "a@x.example", "预算": "无"}).picked["budget"] == "no"


def test_headings_are_guessed_in_three_languages() -> None:
    door = a_door(kind="import", map={"channel_ids.wechat": "微信号"})
    assert isinstance(door, ImportDoor)
    said = [
        column_field(door, name) for name in ("Họ tên", "手机", "utm_source", "微信号", "legacy owner", "Zalo", "何か")
    ]
    assert said == ["name", "phone", "source", "channel_ids.wechat", "legacy_owner", "channel_ids.zalo", None]
    assert column_field(ImportDoor(kind="import", name="x"), "微信号") is None


@pytest.mark.parametrize("pool", ["re-marketing", "Re marketing", "remarketing"])
def test_a_legacy_row_says_where_it_was_left(pool: str) -> None:
    told = {"email": "a@x.example", "legacy": "yes", "legacy_pool": pool, "created_at": "2025-03-10"}
    found = submission(told)
    assert (found.legacy, found.pool, found.previous_owner) == (True, "re-marketing", None)
    assert "legacy" not in str(found.answers)
    owner = row({**told, "legacy_owner": "somebody@x.example"})
    assert isinstance(owner, Unmappable)
    assert "somebody" not in owner.reason


def rows(content: bytes, how: Format | None = None) -> list[tuple[int, Any]]:
    file = io.BytesIO(content)
    return [tuple(each) for each in Rows(file, how or format_of(file)[0]).take(100)]  # pyright: ignore[reportReturnType]


def test_blank_rows_count_and_are_none() -> None:
    assert rows(b"name,email\r\n\r\n,,\r\nA,a@x.example\r\n") == [(4, {"name": "A", "email": "a@x.example"})]


def test_cells_without_a_heading_and_headings_twice() -> None:
    assert rows(b"name,,tag,tag\nA,b,c,d,e\n") == [
        (2, {"name": "A", "column 2": "b", "tag": ["c", "d"], "column 5": "e"})
    ]


@pytest.mark.parametrize(("sign", "name"), [(",", ","), (";", ";"), ("\t", "\t"), ("|", "|")])
def test_the_delimiter_is_the_one_that_cuts_alike(sign: str, name: str) -> None:
    text = sign.join(("name", "note")) + "\n" + sign.join(("A", '"one, two; three"')) + "\n"
    assert format_of(io.BytesIO(text.encode()))[0].delimiter == name
    told = f"sep={sign}\n{text}"
    assert rows(told.encode())[0][1] == {"name": "A", "note": "one, two; three"}


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_chinese_is_read_in_every_usual_charset(charset: str) -> None:
    text = "姓名,公司\n" + "李强,东方制造有限公司\n" * 3
    assert rows(text.encode(charset))[0][1] == {"姓名": "李强", "公司": "东方制造有限公司"}


def test_a_late_letter_that_is_not_utf8_is_found() -> None:
    file = b"name\n" + b"abcdefgh\n" * 60_000 + "姓名姓名".encode("gb18030") + b"\n"
    assert format_of(io.BytesIO(file)) == (Format("csv", "gb18030", ","), 60_001)


@pytest.mark.parametrize("content", [b'a,b\n"open', b'a,b\n"x"y,z\n', b"a" * 300_000 + b"\n", b"\n\n  \n"])
def test_a_broken_file_is_refused(content: bytes) -> None:
    with pytest.raises(Refused):
        format_of(io.BytesIO(content))
