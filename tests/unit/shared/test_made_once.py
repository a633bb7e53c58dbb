"""A value of an installation: made once, kept private, the first maker's counts."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.store.made_once import made_once


def test_it_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / "session-secret"
    assert made_once(file, lambda: "first") == "first"
    assert made_once(file, lambda: "second") == "first"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["session-secret"]


def test_who_makes_it_meanwhile_is_first(tmp_path: Path) -> None:
    file = tmp_path / "session-secret"

    def make() -> str:
        file.write_text("of another process\n")
        return "mine"

    assert made_once(file, make) == "of another process"
    with ThreadPoolExecutor() as several:
        made = [several.submit(made_once, file, lambda: "late") for _ in range(4)]
    assert {each.result() for each in made} == {"of another process"}
