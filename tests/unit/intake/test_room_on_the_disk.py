"""When intake takes nothing more, because the disk is nearly full."""

from pathlib import Path

import pytest

from intake.disk import Disk, disk_of, fullest_of


def test_below_the_limit_the_disk_is_full_and_above_it_no_longer() -> None:
    free = [5.1]
    disk = Disk(lambda: free[0], look_again_s=0)
    assert not disk.is_full()
    free[0] = 4.9
    assert disk.is_full()
    free[0] = 5.0
    assert not disk.is_full()


def test_the_disk_is_not_looked_at_for_every_submission() -> None:
    looks: list[None] = []

    def free_percent() -> float:
        looks.append(None)
        return 50.0

    disk = Disk(free_percent, look_again_s=3600)
    assert [disk.is_full() for _ in range(100)] == [False] * 100
    assert len(looks) == 1


def test_a_directory_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert fullest_of([tmp_path / "none"])() == 100.0
    assert 0 <= fullest_of([tmp_path / "none", tmp_path])() <= 100


def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    assert disk_of(str(tmp_path), "100.5").is_full()
    assert not disk_of(str(tmp_path), "0").is_full()
    with pytest.raises(SystemExit, match="BATON_DISK_FREE_PERCENT"):
        disk_of(str(tmp_path), "five")
