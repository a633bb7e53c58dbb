"""Room on the disk: intake stops taking submissions before PostgreSQL has to stop altogether."""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

LEAST_FREE_PERCENT = 5.0
_LOOK_AGAIN_S = 1.0


@dataclass(slots=True)
class Disk:
    """How much is free, looked at once a second at most."""

    free_percent: Callable[[], float]
    least_percent: float = LEAST_FREE_PERCENT
    look_again_s: float = _LOOK_AGAIN_S
    _full: bool = False
    _looked_at_s: float = float("-inf")

    def is_full(self) -> bool:
        """Whether nothing more should be written."""
        now_s = time.monotonic()
        if now_s - self._looked_at_s >= self.look_again_s:
            self._full, self._looked_at_s = self.free_percent() < self.least_percent, now_s
        return self._full


def fullest_of(paths: Iterable[Path]) -> Callable[[], float]:
    """The percentage free on the fullest disk of these; of PostgreSQL on another machine we see nothing: 100."""
    wanted = tuple(paths)

    def free_percent() -> float:
        found = [shutil.disk_usage(path) for path in wanted if path.exists()]
        return min((100 * usage.free / usage.total for usage in found if usage.total), default=100.0)

    return free_percent


def disk_of(data_dir: str, least_percent: str) -> Disk:
    """The disk of the data directory and of the PostgreSQL in it. Raises SystemExit where the percentage is none."""
    home = Path(data_dir)
    try:
        least = float(least_percent)
    except ValueError:
        raise SystemExit(f"baton: BATON_DISK_FREE_PERCENT is a number such as 5, not {least_percent!r}") from None
    return Disk(fullest_of((home, home / "postgres")), least)
