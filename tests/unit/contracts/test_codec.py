"""What the codec promises: round trips, tolerance of what it does not know, plain words for what it can't read."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import Event, Unreadable, decode, encode, event_types
from tests.unit.contracts.samples import snapshot_path
from tests.unit.contracts.strategies import events

WIRES = sorted(event_types())


def full(wire: str) -> dict[str, Any]:
    return msgspec.json.decode(snapshot_path(wire, "full").read_bytes())


@given(event=events())
def test_an_event_comes_back_as_it_went(event: Event) -> None:
    value = encode(event)
    assert decode(event.wire, value) == event
    assert encode(msgspec.json.decode(value, type=type(event))) == value


@given(
    wire=st.sampled_from(WIRES),
    extra=st.dictionaries(
        st.text(min_size=1).map(lambda name: f"x-{name}"), st.one_of(st.none(), st.integers(), st.text())
    ),
)
def test_fields_of_a_later_version_are_ignored(wire: str, extra: dict[str, Any]) -> None:
    known = full(wire)
    grown = {
        name: {**value, **extra} if isinstance(value, dict) else value
        for name, value in {**known, **extra}.items()
    }  # fmt: skip
    assert decode(wire, msgspec.json.encode(grown)) == decode(wire, msgspec.json.encode(known))


@pytest.mark.parametrize("wire", ["lead.praised", "", "LEAD.CAPTURED", "lead"])
def test_an_event_of_a_later_version_is_nothing(wire: str) -> None:
    assert decode(wire, b'{"anything": 1}') is None
    assert decode(wire, b"no JSON at all") is None


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"lead_id": "no"}', b"{}", b"{}{}"])
def test_what_is_no_event_is_unreadable_and_says_which(wire: str, value: bytes) -> None:
    with pytest.raises(Unreadable, match=f"^{wire}: "):
        decode(wire, value)


@pytest.mark.parametrize("wire", WIRES)
def test_an_event_without_a_required_field_is_unreadable(wire: str) -> None:
    for field in msgspec.structs.fields(event_types()[wire]):
        if field.required:
            torn = full(wire)
            del torn[field.name]
            with pytest.raises(Unreadable, match=field.name):
                decode(wire, msgspec.json.encode(torn))


@given(value=st.binary())
def test_no_bytes_do_worse_than_being_unreadable(value: bytes) -> None:
    with pytest.raises(Unreadable):
        decode("lead.captured", value)


def test_an_instant_without_a_zone_is_unreadable() -> None:
    readable: list[str] = []
    for wire in WIRES:
        try:
            decode(wire, msgspec.json.encode(full(wire) | {"occurred_at": "2026-03-02T02:00:00"}))
        except Unreadable as error:
            assert "occurred_at" in str(error)  # noqa: PT017 - every type is looked at before the verdict
        else:
            readable.append(wire)
    assert readable == [], "times are UTC: give them `msgspec.Meta(tz=True)`"
