"""Strict JSON: what is refused, where, and that nothing else can be raised."""

import json
import time

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intake.domain.refusals import Bounds, Refused
from intake.domain.strict_json import parse
from tests.unit.intake.builders import SAMPLES


def refusal(raw: bytes, bounds: Bounds | None = None) -> Refused:
    with pytest.raises(Refused) as found:
        parse(raw, bounds or Bounds())
    return found.value


@pytest.mark.parametrize(
    ("raw", "title", "where"),
    [
        (b'{"a": 1, "a": 2}', "Duplicate key", "$.a"),
        (b'{"a": [{"b": 1, "b" : 2}]}', "Duplicate key", "$.a[0].b"),
        (b'{"a": 1, "\\u0061": 2}', "Duplicate key", "$.a"),
        (b'{"a b": {"c": "x\\u0000"}}', "NUL character", '$["a b"].c'),
        (b'{"k\\u0000": 1}', "NUL character", "$"),
        (b'{"a": "\x00"}', "NUL character", "byte 7"),
        (b'{"a": "\\ud800"}', "Lone surrogate", "byte 7"),
        (b'{"a": "\xff"}', "Not UTF-8", "byte 7"),
        (b'{"a": NaN}', "Not a number", "byte 6"),
        (b'{"a": -Infinity}', "Not a number", "byte 6"),
        (b'{"a": 1e400}', "Not a number", "byte 6"),
        (b'{"a": 1,}', "Not JSON", "byte 7"),
        (b"", "Empty body", "byte 0"),
        (b" \n", "Empty body", "byte 0"),
        (b"[" * 33 + b"]" * 33, "Nested too deeply", "level 33"),
    ],
)
def test_a_body_is_refused_with_what_and_where(raw: bytes, title: str, where: str) -> None:
    found = refusal(raw)
    assert (found.status, found.title) == (400, title)
    assert found.where == where or title == "Not a number"
    assert found.fix


def test_offsets_count_bytes_not_characters() -> None:
    assert refusal('{"ô": x}'.encode()).where == "byte 7"


def test_thirty_two_levels_are_taken() -> None:
    assert parse(b"[" * 32 + b"]" * 32) is not None


def test_a_thousand_and_more_levels_do_not_exhaust_the_stack() -> None:
    assert refusal(b"[" * 100_000 + b"]" * 100_000).title == "Nested too deeply"
    assert refusal(b'{"a":' * 1_000 + b"1" + b"}" * 1_000).title == "Nested too deeply"


def test_bounds_hold() -> None:
    assert refusal(b'"' + b"x" * 300_000 + b'"').status == 413
    assert refusal(b'{"a": "' + b"x" * 70_000 + b'"}').where == "$.a"
    assert refusal(orjson.dumps({str(n): 1 for n in range(11)}), Bounds(max_keys=10)).status == 413
    assert refusal(orjson.dumps([1] * 11), Bounds(max_items=10)).status == 413
    assert refusal(orjson.dumps({"k" * 513: 1})).title == "Key too long"


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_texts_that_look_like_keys_are_no_duplicates() -> None:
    body = {"a": 'he said "a": 1', "b": ": x", "url": "https://example.com/?a=1"}
    assert parse(json.dumps(body).encode()) == body


def test_long_ids_lose_no_digit() -> None:
    assert parse(b'{"id": 18446744073709551615}') == {"id": 18446744073709551615}
    assert parse(b'{"id": 123456789012345678901234}') == {"id": "123456789012345678901234"}
    assert parse(b'{"id": ' + b"9" * 300 + b"}") == {"id": "9" * 300}


@given(st.binary(max_size=400))
@example(b'{"a":1,"a":1e999}')
@example(b'"\\ud83d\\ude00"')
def test_arbitrary_bytes_raise_nothing_but_refused(raw: bytes) -> None:
    try:
        value = parse(raw)
    except Refused:
        return
    assert orjson.loads(orjson.dumps(value)) == value


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15)


def _without_nul(value: object) -> bool:
    return "\\u0000" not in json.dumps(value)


@given(_VALUES.filter(_without_nul))
def test_every_honest_value_is_taken_and_encodes_again(value: object) -> None:
    parsed = parse(json.dumps(value).encode())
    assert orjson.loads(orjson.dumps(parsed)) == parsed


@given(st.text(min_size=1, max_size=8).filter(lambda key: "\x00" not in key), _VALUES.filter(_without_nul))
def test_a_key_sent_twice_is_always_seen(key: str, value: object) -> None:
    pair = f"{json.dumps(key)}: {json.dumps(value)}"
    assert refusal(f'{{"z": [{{{pair}, {pair}}}]}}'.encode()).title == "Duplicate key"


def test_an_ordinary_body_takes_tens_of_microseconds() -> None:
    raw = (SAMPLES / "google" / "prod_custom_question.json").read_bytes()
    rounds = 500
    best_s = 1.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(rounds):
            parse(raw)
        best_s = min(best_s, (time.perf_counter() - start) / rounds)
    assert best_s < 150e-6  # measured 8 µs; the bound only catches the slow path
