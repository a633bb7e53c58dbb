"""The Makefile sets itself up where nothing is there yet."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_is_written_into_the_virtual_environment_before_uv_has_made_it() -> None:
    """uv refuses a `.venv` that holds files but no Python: a clone without uv first compiles what brings uv."""
    shown = subprocess.run(
        ["make", "--silent", "--eval=shown:;@echo $$PYTHONPYCACHEPREFIX", "shown"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert shown, "compiled modules are kept in one place"
    assert not Path(shown).is_relative_to(ROOT / ".venv")
