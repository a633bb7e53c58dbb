"""A campaign as a row of the published table."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.campaign import Outcome

ROOT = Path(__file__).resolve().parents[2]
_HEAD = """# The fault campaign

`make chaos` kills, freezes, cuts and wipes what it has started while leads come in, and holds every acknowledged
request against every database, the log and the figures. A row is a campaign; `tests/chaos` says how. Nothing lost, no
lead with two owners, no effect doubled, every stream in order: that is what a 0 in the last column says.

- *healed*: from the wiped broker's first answer until everything emitted before was consumed everywhere, median / worst.
- *quiet*: from the last acknowledgement of a round until nobody was behind, median / worst.
- *fenced*: batches of owners who believed that they still owned a lane, refused by the lane's version.

| date | commit | machine | mode | seed | rounds | leads | events | faults | fenced | commits cut | in doubt | repeats in the log | healed, s | quiet, s | ended by itself | violations |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def append(path: Path, outcome: Outcome) -> None:
    """Add the row at the table's end, and the page's head where there is none yet."""
    lines = (path.read_text() if path.exists() else _HEAD).splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if line.startswith("|"))
    path.write_text("".join([*lines[: last + 1], row(outcome), *lines[last + 1 :]]))


def row(outcome: Outcome) -> str:
    """The outcome in one line of the table."""
    plan = outcome.plan
    faults = ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items()))
    cells = (
        f"{datetime.now(UTC):%Y-%m-%d}", commit(), machine(), plan.mode + (f" *{plan.mistake}*" if plan.mistake else ""),
        plan.seed, outcome.rounds, outcome.leads, outcome.events, faults, f"{outcome.fences:.0f}", outcome.commits_cut,
        f"{outcome.doubts:.0f}", outcome.repeats_in_log if plan.mode == "kafka" else "–", spread(outcome.heals_s),
        spread(outcome.quiet_s), len(outcome.ends), len(outcome.violations),
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |\n"


def spread(seconds: list[float]) -> str:
    """Median / worst."""
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.1f} / {ordered[-1]:.1f}" if ordered else "–"


def commit() -> str:
    """The commit that was tested; `+` where the tree had changes."""
    command = ["git", "-C", str(ROOT)]
    head = subprocess.run(  # noqa: S603 - our own arguments
        [*command, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    changes = subprocess.run(  # noqa: S603 - our own arguments
        [*command, "status", "--porcelain"], capture_output=True, text=True, check=False
    )
    return (head.stdout.strip() or "?") + ("+" if changes.stdout.strip() else "")


def machine() -> str:
    """What it ran on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.machine()}"
