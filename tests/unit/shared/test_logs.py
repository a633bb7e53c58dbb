"""Logs hold a closed set of fields: what is not on the list is dropped, and its author is told."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry import logs

ROOT = Path(__file__).parents[3]
PERSONAL = ("name", "email", "phone", "message", "answers", "note", "comment", "address", "body", "query", "token")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    yield
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_has_its_fields_and_when_and_how_grave(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger("consumer").warning("gap", service="router", after=7, lead="0197a3c2")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "gap", "service": "router", "after": 7, "lead": "0197a3c2", "level": "warning"}


@pytest.mark.parametrize("json_lines", [True, False])
def test_personal_data_does_not_reach_the_log(capsys: pytest.CaptureFixture[str], *, json_lines: bool) -> None:
    logs.configure(json=json_lines)
    log = structlog.get_logger("intake").bind(email="an@example.com")
    log.error("refused", **dict.fromkeys(PERSONAL[2:], "Nguyễn An"), status=422)
    written = capsys.readouterr().err
    assert "an@example.com" not in written
    assert "Nguyễn An" not in written
    assert "refused" in written
    assert "422" in written
    assert "fields not on the list of logs were dropped: address, answers, body, comment, email" in written


def test_an_exception_with_its_text_does_not_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        int("an@example.com")
    except ValueError:
        structlog.get_logger("intake").exception("refused")
    assert "an@example.com" not in capsys.readouterr().err


def test_a_dropped_field_does_not_take_the_reason_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger("consumer").error("parked", why="no such team", colour="red")
    (line,) = lines(capsys)
    assert "no such team" in line["why"]
    assert "colour" in line["why"]


@given(fields=st.dictionaries(st.text(), st.integers()))
def test_whatever_is_logged_only_listed_fields_remain(fields: dict[str, Any]) -> None:
    known = {name: value for name, value in fields.items() if name in logs.ALLOWED}
    kept = logs.only_allowed(None, "info", dict(fields))
    assert kept.keys() <= logs.ALLOWED
    assert known.items() <= kept.items() or "why" in known


def test_no_listed_field_sounds_like_personal_data() -> None:
    assert not logs.ALLOWED & set(PERSONAL)


def test_every_field_that_is_logged_is_on_the_list() -> None:
    files = [file for place in ("shared", "services", "baton") for file in (ROOT / place).glob("**/src/**/*.py")]
    dropped = {(file.name, name) for file in files for name in said_in(file) if name not in logs.ALLOWED}
    assert not dropped
    assert len(files) > 100


def said_in(file: Path) -> set[str]:
    """The fields of a module's calls of `log`."""
    source = file.read_text("utf-8")
    if "log." not in source:
        return set()  # nothing is said here: most modules need not be parsed
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    ours = [
        call for call in calls if re.fullmatch(r"log\.(debug|info|warning|error|exception)", ast.unparse(call.func))
    ]
    return {keyword.arg for call in ours for keyword in call.keywords if keyword.arg}


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    structlog.get_logger().info("started")
    assert capsys.readouterr().err == ""
