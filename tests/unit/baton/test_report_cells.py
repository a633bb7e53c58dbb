"""What `baton report` prints for a cell."""

from datetime import datetime

import pytest
from typer.testing import CliRunner

from baton.cli.app import app
from baton.cli.report import cell, is_number


@pytest.mark.parametrize(("name", "value", "text"), [
    ("leads", 800, "800"),
    ("lead_to_mql", {"ratio": 0.1875, "text": "18.75 %"}, "18.75 %"),
    ("lead_id", "019aa2b4-0000-7000-8000-000000000001", "019aa2b4"),
    ("owner", None, ""),
    ("breached", True, "True"),
])  # fmt: skip
def test_a_cell_shows_its_text(name: str, value: object, text: str) -> None:
    assert cell(name, value) == text


def test_numbers_stand_to_the_right() -> None:
    cells = (3, {"ms": 5, "text": "0:00:00"}, {"code": "late_rep", "text": "late rep"}, True, None, "ann")
    assert [is_number(each) for each in cells] == [True, True, False, False, False, False]


def test_instants_stand_in_the_zone_of_this_machine() -> None:
    local = datetime.fromisoformat("2026-11-18T09:30:00Z").astimezone()
    assert cell("due_at", "2026-11-18T09:30:00Z") == f"{local:%d %b %H:%M:%S}"


def test_the_command_is_there() -> None:
    answer = CliRunner().invoke(app, ["report", "--help"])
    assert answer.exit_code == 0
    assert "report" in answer.output
