"""Forms: both encodings, charsets, repeated names, files, bounds."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.domain.body import read_body
from intake.domain.forms import parse_urlencoded
from intake.domain.refusals import Bounds, Refused
from tests.unit.intake.builders import SAMPLES

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"


def refusal(content_type: str | None, raw: bytes, bounds: Bounds | None = None) -> Refused:
    with pytest.raises(Refused) as found:
        read_body(content_type, raw, bounds or Bounds())
    return found.value


def test_plus_is_a_space_and_percent_2b_a_plus() -> None:
    assert read_body(URLENCODED, b"phone=%2B84+912&a+b=c%26d&e") == {"phone": "+84 912", "a b": "c&d", "e": ""}


def test_repeated_names_and_brackets_are_lists_and_line_ends_are_one() -> None:
    body = read_body(URLENCODED, b"a=1&a=2&b%5B%5D=3&c=x%0D%0Ay")
    assert body == {"a": ["1", "2"], "b": ["3"], "c": "x\ny"}


def test_the_charset_of_the_form_then_of_the_content_type_is_honoured() -> None:
    gbk = b"name=" + "王磊".encode("gbk")
    assert read_body(f"{URLENCODED}; charset=GBK", gbk) == {"name": "王磊"}
    assert read_body(URLENCODED, gbk + b"&_charset_=gb2312") == {"name": "王磊"}
    assert read_body(f'{URLENCODED}; charset="iso-8859-1"', b"name=Zo%EB") == {"name": "Zoë"}


def test_a_wrong_or_unknown_encoding_says_which_field() -> None:
    found = refusal(URLENCODED, b"ok=1&name=Zo%EB")
    assert (found.status, found.title, found.where) == (400, "Wrong encoding", "name")
    assert "UTF-8" in found.fix
    assert refusal(f"{URLENCODED}; charset=rot13", b"a=1").title == "Unknown charset"


def test_nul_and_bounds_are_refused() -> None:
    assert refusal(URLENCODED, b"a=%00").title == "NUL character"
    assert refusal(URLENCODED, b"a=1&" * 2_000).status == 413
    assert refusal(URLENCODED, b"a=" + b"x" * 70_000).where == "a"
    assert refusal(URLENCODED, b"a" * 600 + b"=1").title == "Field name too long"
    assert refusal(URLENCODED, b"a=" + b"x" * 300_000).status == 413


def test_a_browsers_multipart_post_keeps_texts_and_the_names_of_files() -> None:
    raw = (SAMPLES / "html_forms" / "multipart.txt").read_bytes()
    assert read_body(MULTIPART, raw) == {
        "your-name": "Đỗ Thị Hà",
        "your-email": "ha@example.vn",
        "checkbox-1": ["A", "B"],
        "message": "",
        "file-1": "báo giá.pdf",
    }


def test_a_boundary_inside_a_longer_line_is_content() -> None:
    raw = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--bc\r\ny\r\n--b--\r\n'
    assert read_body("multipart/form-data; boundary=b", raw) == {"a": "x\r\n--bc\r\ny".replace("\r\n", "\n")}


@pytest.mark.parametrize(
    ("content_type", "raw", "says"),
    [
        ("multipart/form-data", b"--b--", "boundary"),
        ("multipart/form-data; boundary=b", b"nothing", "does not occur"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx', "cut off"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--", "no headers"),
        ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nx\r\n--b--", "Content-Disposition"),
    ],
)
def test_a_malformed_multipart_body_says_what_is_wrong(content_type: str, raw: bytes, says: str) -> None:
    found = refusal(content_type, raw)
    assert found.status == 400
    assert says in found.detail


def test_json_under_a_wrong_or_no_content_type_is_json() -> None:
    for content_type in (None, "", "text/plain", URLENCODED, "application/json; charset=utf-8", "application/x+json"):
        assert read_body(content_type, b'{"a": 1}') == {"a": 1}


def test_what_is_neither_json_nor_a_form_is_refused() -> None:
    assert refusal("application/xml", b"<a/>").status == 415
    assert refusal("application/json", b'"text"').title == "Not an object"
    assert refusal(None, b"").title == "Empty body"


@given(st.binary(max_size=300), st.sampled_from([URLENCODED, "multipart/form-data; boundary=b", None, "text/plain"]))
def test_arbitrary_bytes_raise_nothing_but_refused(raw: bytes, content_type: str | None) -> None:
    for one in (raw, b"--b\r\n" + raw + b"\r\n--b--"):
        with suppress(Refused):
            assert isinstance(read_body(content_type, one), dict | list)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r")).filter(
    lambda text: "[]" not in text
)


@given(st.dictionaries(_TEXTS.filter(lambda name: name not in ("", "_charset_")), _TEXTS, max_size=8))
def test_what_a_browser_encodes_comes_back(fields: dict[str, str]) -> None:
    assert parse_urlencoded(urlencode(fields).encode()) == fields
    parts = "".join(
        f'--b0undary\r\nContent-Disposition: form-data; name="f{place}"\r\n\r\n{value}\r\n'
        for place, value in enumerate(fields.values())
    )
    raw = f"{parts}--b0undary--\r\n".encode()
    if fields:
        body = read_body("multipart/form-data; boundary=b0undary", raw)
        assert body == {f"f{place}": value for place, value in enumerate(fields.values())}
