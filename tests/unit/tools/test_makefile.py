"""The Makefile sets itself up where nothing is there yet."""

import subprocess
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_is_written_into_the_virtual_environment_before_uv_has_made_it() -> None:
    """A `.venv` that holds files but no Python is refused by uv, and what brings uv is compiled before."""
    shown = subprocess.run(  # noqa: S603 - our own Makefile
        [which("make") or "make", "--silent", "--eval=shown:;@echo $$PYTHONPYCACHEPREFIX", "shown"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert shown, "compiled modules are kept in one place"
    assert not Path(shown).is_relative_to(ROOT / ".venv")
