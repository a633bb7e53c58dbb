"""What Meta's Graph API answers, and what is to be done about it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from intake.fetching import next_try, pause_s
from intake.graph import Allowance, Kind, Place, Trouble, read_answer

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def refusal(code: int, **more: Any) -> bytes:
    return orjson.dumps({"error": {"message": "about jane@example.com", "code": code, **more}})


@pytest.mark.parametrize(
    ("status", "raw", "kind"),
    [
        (400, refusal(190), Kind.TOKEN),
        (401, refusal(102), Kind.TOKEN),
        (401, b"", Kind.TOKEN),
        (400, refusal(100), Kind.FIELD),
        (400, refusal(200), Kind.FIELD),
        (400, refusal(100, error_subcode=33), Kind.FOREVER),
        (404, b"<html>", Kind.FOREVER),
        (400, refusal(4), Kind.BUSY),
        (400, refusal(80005), Kind.BUSY),
        (429, b"", Kind.BUSY),
        (400, refusal(2), Kind.PASSING),
        (400, refusal(368, is_transient=True), Kind.PASSING),
        (500, b"", Kind.PASSING),
        (302, b"", Kind.PASSING),
        (200, b"[1]", Kind.PASSING),
        (200, b'{"a":1,"a":2}', Kind.PASSING),
        (400, refusal(368), Kind.FOREVER),
        (400, b'{"error":{"code":"x"}}', Kind.FOREVER),
    ],
)
def test_every_refusal_has_its_remedy_and_none_of_graphs_words(status: int, raw: bytes, kind: Kind) -> None:
    found = read_answer(status, raw)
    assert isinstance(found, Trouble)
    assert found.kind is kind
    assert "jane" not in found.why


def test_an_object_is_an_answer() -> None:
    assert read_answer(200, b'{"id":"1"}') == {"id": "1"}


def test_the_pauses_double_from_five_seconds_to_an_hour() -> None:
    assert [pause_s(tries) for tries in (0, 1, 2, 9, 10, 500)] == [5, 10, 20, 2560, 3600, 3600]
    passing = Trouble(Kind.PASSING, "")
    assert next_try(NOW, 12, NOW + timedelta(minutes=1), passing) == NOW + timedelta(minutes=1)
    assert next_try(NOW, 0, NOW + timedelta(days=1), Trouble(Kind.BUSY, "")) == NOW + timedelta(seconds=60)


def test_an_allowance_fills_evenly() -> None:
    allowance = Allowance(60, 60, 0.0)
    assert allowance.room(0.0) == 60
    allowance.left -= 60
    assert allowance.room(0.5) == 0
    assert allowance.room(2.0) == 2
    assert allowance.room(1_000.0) == 60


def test_an_id_can_lead_nowhere_else() -> None:
    place = Place("meta", "https://graph.facebook.com", "v23.0", "EAAB")
    assert place.url("1/../me?x") == "https://graph.facebook.com/v23.0/1%2F..%2Fme%3Fx"
    assert "EAAB" not in place.url("1")
