"""Every event ever released stays readable, and says the same as on the day it was written."""

from pathlib import Path

import msgspec
import pytest

from shared.contracts import decode, encode, event_types
from shared.contracts.base import Event
from shared.contracts.topology import PRODUCER
from tests.unit.contracts.samples import SNAPSHOTS, every, sample, snapshot, snapshot_path

CORPUS = sorted(SNAPSHOTS.glob("*.json"))


def wire_of(path: Path) -> str:
    return ".".join(path.name.split(".")[:2])


@pytest.mark.parametrize(("wire", "form"), list(every()))
def test_an_event_is_written_as_its_snapshot_says(wire: str, form: str) -> None:
    path = snapshot_path(wire, form)
    event = sample(wire, form)
    assert path.exists(), "run `python -m tests.unit.contracts.samples`"
    assert snapshot(event) == path.read_bytes(), (
        f"{wire} grew: keep {path.name} under another name such as {wire}.{form}-1.json, for old events stay readable,"
        " and run `python -m tests.unit.contracts.samples`"
    )
    assert decode(wire, path.read_bytes()) == event


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_an_event_of_any_age_is_read_without_losing_anything(path: Path) -> None:
    event = decode(wire_of(path), path.read_bytes())
    assert event is not None, "no event of the corpus may be forgotten"
    written = msgspec.json.decode(encode(event))
    assert written | msgspec.json.decode(path.read_bytes()) == written


@pytest.mark.parametrize("wire", sorted(event_types()))
def test_a_full_event_has_every_field_and_a_minimal_one_only_what_is_required(wire: str) -> None:
    event_type = event_types()[wire]
    full, minimal = (msgspec.json.decode(snapshot_path(wire, form).read_bytes()) for form in ("full", "minimal"))
    fields = msgspec.structs.fields(event_type)
    assert full.keys() == {field.name for field in fields}
    required = {field.name for field in fields if field.required}
    assert required <= minimal.keys()
    assert all(minimal[name] == {} for name in minimal.keys() - required)


def test_there_are_the_events_of_the_map_and_no_other() -> None:
    assert set(event_types()) == set(PRODUCER)
    assert {wire_of(path) for path in CORPUS} == set(PRODUCER)
    assert all(issubclass(event_type, Event) for event_type in event_types().values())
