"""The gate of the event contracts: `python -m tools.contracts check` or `write`.

`docs/events/*.schema.json` is the released contract. `check` fails where the code is incompatible with it or the
documents are stale; `write` makes the documents anew, and refuses an incompatible change.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tools.contract_changes import advice, incompatible
from tools.contract_docs import documents, schemas

EVENTS = Path(__file__).parents[1] / "docs" / "events"
_SUFFIX = ".schema.json"


def released(directory: Path) -> dict[str, dict[str, Any]]:
    """The schemas in the repository by wire name."""
    return {
        path.name.removesuffix(_SUFFIX): msgspec.json.decode(path.read_bytes())
        for path in sorted(directory.glob(f"*{_SUFFIX}"))
    }


def breaks(directory: Path) -> list[str]:
    """What the code's contracts would break, empty where they only grew."""
    found = [str(change) for change in incompatible(released(directory), schemas())]
    return [*found, advice()] if found else []


def stale(directory: Path, wanted: Mapping[str, str]) -> list[str]:
    """The documents that are not what the code says."""
    return [
        f"{name} is {'stale' if (directory / name).exists() else 'missing'}: run `python -m tools.contracts write`"
        for name, content in wanted.items()
        if not (directory / name).exists() or (directory / name).read_text("utf-8") != content
    ]


def check(directory: Path) -> list[str]:
    """Every problem, empty where all is well."""
    return breaks(directory) or stale(directory, documents())


def write(directory: Path) -> list[str]:
    """Write the documents, unless that would hide an incompatible change; the problems."""
    problems = breaks(directory)
    if not problems:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in documents().items():
            (directory / name).write_text(content, "utf-8")
    return problems


def main(arguments: Sequence[str]) -> int:
    """The command; its exit code."""
    commands = {"check": check, "write": write}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m tools.contracts check|write", file=sys.stderr)
        return 2
    problems = commands[arguments[0]](EVENTS)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
