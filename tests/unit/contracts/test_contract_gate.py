"""The gate: documents are fresh, contracts only grow, and whoever breaks one is told what to do."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.contracts.topology import CONSUMES, EMITS
from tools import contracts
from tools.contract_changes import incompatible
from tools.contract_docs import asyncapi, documents, readme, schemas

Schemas = dict[str, dict[str, Any]]
Edit = Callable[[Schemas], Any]


def edited(edit: Edit) -> Schemas:
    made = copy.deepcopy(schemas())
    edit(made)
    return made


def field(made: Schemas, wire: str, name: str) -> dict[str, Any]:
    return made[wire]["properties"][name]


def add(made: Schemas, wire: str, name: str, schema: dict[str, Any], *, required: bool = False) -> None:
    made[wire]["properties"][name] = schema
    if required:
        made[wire]["required"].append(name)


def test_the_documents_are_fresh_and_the_contracts_have_only_grown() -> None:
    assert contracts.check(contracts.EVENTS) == []


BREAKING: list[tuple[Edit, str]] = [
    (lambda made: made.pop("lead.moved"), "lead.moved: the event is gone"),
    (lambda made: made["lead.moved"]["properties"].pop("reason"), "lead.moved: reason: the field is gone"),
    (
        lambda made: add(made, "lead.moved", "weight", {"type": "integer"}, required=True),
        "lead.moved: weight: a new field is required",
    ),
    (
        lambda made: field(made, "lead.assigned", "episode").update(type="string"),
        "lead.assigned: episode: the type changed from integer to string",
    ),
    (
        lambda made: field(made, "lead.moved", "reason").update(anyOf=[{"type": "integer"}, {"type": "null"}]),
        "lead.moved: reason: the type changed from string or null to integer or null",
    ),
    (
        lambda made: field(made, "lead.assigned", "episode").update(anyOf=[{"type": "integer"}, {"type": "null"}]),
        "lead.assigned: episode: the type changed from integer to integer or null",
    ),
    (
        lambda made: field(made, "lead.moved", "handoff_id")["anyOf"][0].pop("format"),
        "lead.moved: handoff_id: the type changed from string(uuid) or null to string or null",
    ),
    (
        lambda made: made["lead.assigned"]["required"].append("hops"),
        "lead.assigned: hops: now required; old events without it become unreadable",
    ),
    (
        lambda made: made["lead.assigned"]["required"].remove("owner"),
        "lead.assigned: owner: no longer required",
    ),
    (
        lambda made: field(made, "lead.rejected", "ends_episode").update(default=False),
        "lead.rejected: ends_episode: the default changed from True to False",
    ),
    (
        lambda made: made["lead.captured"]["$defs"]["Attributes"]["properties"].pop("country"),
        "lead.captured: attributes.country: the field is gone",
    ),
    (
        lambda made: made["lead.assigned"]["$defs"]["Considered"]["required"].append("skipped"),
        "lead.assigned: decision.considered.skipped: now required",
    ),
    (
        lambda made: field(made, "lead.updated", "cleared").update(items={"type": "integer"}),
        "lead.updated: cleared: the type changed from list of string to list of integer",
    ),
]


@pytest.mark.parametrize(("edit", "words"), BREAKING)
def test_a_change_that_breaks_a_reader_is_named(edit: Edit, words: str) -> None:
    changes = [str(change) for change in incompatible(schemas(), edited(edit))]
    assert len(changes) == 1
    assert changes[0].startswith(words)


GROWING: list[Edit] = [
    lambda made: add(made, "lead.moved", "weight", {"type": "integer", "default": 0}),
    lambda made: made.update({"lead.praised": copy.deepcopy(made["lead.moved"])}),
    lambda made: made["lead.moved"].update(description="Said better."),
    lambda made: made["lead.assigned"]["$defs"]["Considered"]["properties"].update(
        since={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    ),
    lambda made: (
        add(made, "lead.moved", "parts", {"type": "array", "items": {"$ref": "#/$defs/P"}, "default": []})
        or made["lead.moved"].update(
            {"$defs": {"P": {"type": "object", "properties": {"rule": {"type": "string"}}, "required": ["rule"]}}}
        )
    ),
]


@pytest.mark.parametrize("edit", GROWING)
def test_growing_is_allowed(edit: Edit) -> None:
    assert incompatible(schemas(), edited(edit)) == []


def test_a_renamed_type_with_the_same_fields_is_no_change() -> None:
    def rename(made: Schemas) -> None:
        parts = made["lead.captured"]["$defs"]
        parts["Traits"] = parts.pop("Attributes")
        field(made, "lead.captured", "attributes")["$ref"] = "#/$defs/Traits"

    assert incompatible(schemas(), edited(rename)) == []


def test_a_stale_document_fails_the_gate_and_says_what_to_run(tmp_path: Path) -> None:
    assert len(contracts.check(tmp_path)) == len(documents())
    assert contracts.write(tmp_path) == []
    assert contracts.check(tmp_path) == []
    (tmp_path / "README.md").write_text("edited by hand", "utf-8")
    assert contracts.check(tmp_path) == ["README.md is stale: run `python -m tools.contracts write`"]


def test_writing_does_not_hide_an_incompatible_change(tmp_path: Path) -> None:
    contracts.write(tmp_path)
    (tmp_path / "lead.gone.schema.json").write_text('{"type": "object", "properties": {}}', "utf-8")
    before = (tmp_path / "README.md").read_bytes()
    (tmp_path / "README.md").write_bytes(b"old")
    problems = contracts.write(tmp_path)
    assert problems[0].startswith("lead.gone: the event is gone")
    assert "add a new event" in problems[-1]
    assert contracts.check(tmp_path) == problems
    assert (tmp_path / "README.md").read_bytes() == b"old" != before


def test_an_unknown_command_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert contracts.main([]) == contracts.main(["praise"]) == 2
    assert "check|write" in capsys.readouterr().err


def test_the_asyncapi_document_has_every_topic_with_its_sender_and_readers() -> None:
    made = yaml.safe_load(asyncapi())
    assert set(made["channels"]) == set(schemas())
    wanted = {f"{service}.emits.{wire}" for service, wires in EMITS.items() for wire in wires}
    wanted |= {f"{service}.consumes.{wire}" for service, wires in CONSUMES.items() for wire in wires}
    assert set(made["operations"]) == wanted
    for wire, message in made["components"]["messages"].items():
        assert message["payload"]["schema"]["$ref"] == f"./{wire}.schema.json"


def test_the_table_names_every_field_of_every_event() -> None:
    text = readme()
    for wire, schema in schemas().items():
        assert f"## {wire}\n" in text
        for name in schema["properties"]:
            assert f"| `{name}` |" in text
