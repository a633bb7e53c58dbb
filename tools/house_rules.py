"""Rules of this repository that no linter knows: `python -m tools.house_rules` lists what breaks them."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.telemetry.logs import ALLOWED

ROOT: Final = Path(__file__).parents[1]
MAX_LINES: Final = 320
LONGER: Final[Mapping[str, str]] = {
    # path: why it may be longer
}
_CLOCKS: Final = (
    "shared/src/shared/runtime/clock.py",
    "baton/src/baton/cli/",
    "shared/src/shared/transport/kafka_feed.py",  # compared with the Kafka client's own stamps, which are time.time
)
_PURE: Final = (
    "/domain/",
    "shared/src/shared/calendars/",
    "shared/src/shared/contracts/",
    "shared/src/shared/rules.py",
)
_PRODUCT: Final = ("services/", "shared/", "baton/")
_MAY_PRINT: Final = ("baton/", "bench/", "tools/", "tests/")
MACHINE_PATHS: Final = tuple(f"/{name}/" for name in ("work", "root"))
_LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "critical", "exception"})
_WALL_CLOCKS: Final = frozenset({"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"})


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One place that breaks a rule."""

    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}"


Nodes = Sequence[ast.AST]


def of_file(path: str, source: str) -> list[Violation]:
    """What breaks a rule in one file; `path` is relative to the repository and decides which rules hold."""
    found = list(machine_paths(path, source))
    if path.endswith(".py"):
        found += length(path, source)
        nodes = _nodes(ast.parse(source, path)) if _could_break(path, source) else []
        for rule in (clocks, waiting_in_the_core, prints, swallowed, open_logs):
            found += rule(path, nodes)
    return sorted(found)


def _could_break(path: str, source: str) -> bool:
    """Whether the tree needs a look: outside the product only `swallowed` and `prints` hold, and most tests catch nothing."""
    return path.startswith(_PRODUCT) or not path.startswith(_MAY_PRINT) or "except" in source or "suppress" in source


def _nodes(tree: ast.AST) -> Nodes:
    """Every node, as `ast.walk` has them, in half the time: there are six hundred thousand in the repository."""
    found = [tree]
    for node in found:  # grows on the way
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [each for each in value if isinstance(each, ast.AST)]
    return found


def of_repository() -> list[Violation]:
    """What breaks a rule in any file that git knows or would add."""
    found: list[Violation] = []
    for path in tracked():
        try:
            source = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a binary has no lines
        found += of_file(path, source)
    return found


def tracked() -> list[str]:
    """Every file of the repository, also those not added yet, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return sorted(path for path in listed if path and (ROOT / path).is_file())


def machine_paths(path: str, source: str) -> Iterator[Violation]:
    """No path of the machine somebody worked on."""
    places = [place for place in MACHINE_PATHS if place in source]
    for number, line in enumerate(source.splitlines() if places else (), 1):
        for place in places:
            before, found, _ = line.partition(place)
            if found and not before[-1:].isalnum() and before[-1:] not in {"}", "/", ".", "-", "_"}:
                yield Violation(path, number, f"names {place}, a path of one machine")


def length(path: str, source: str) -> Iterator[Violation]:
    """Product code stays readable at one sitting."""
    lines = source.count("\n")
    if path.startswith(_PRODUCT) and lines > MAX_LINES and path not in LONGER:
        yield Violation(path, lines, f"has {lines} lines, more than {MAX_LINES}: split it along the domain")


def clocks(path: str, nodes: Nodes) -> Iterator[Violation]:
    """The machine's clock is read in one place; everything else is told the time."""
    if path.startswith(_PRODUCT) and not path.startswith(_CLOCKS):
        for node in nodes:
            if isinstance(node, ast.Attribute) and _dotted(node).endswith(tuple(_WALL_CLOCKS)):
                yield Violation(
                    path, node.lineno, f"reads the clock with {_dotted(node)}: take the instant as an argument"
                )


def waiting_in_the_core(path: str, nodes: Nodes) -> Iterator[Violation]:
    """The core is values in, values out."""
    if path.startswith(_PRODUCT) and any(pure in path for pure in _PURE):
        for node in nodes:
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                yield Violation(path, node.lineno, "waits in the pure core: load before, decide, keep after")


def prints(path: str, nodes: Nodes) -> Iterator[Violation]:
    """Services log; only commands print."""
    if not path.startswith(_MAY_PRINT):
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                yield Violation(path, node.lineno, "prints: log it, with fields from the list of logs")


def swallowed(path: str, nodes: Nodes) -> Iterator[Violation]:
    """No failure is swallowed unseen."""
    for node in nodes:
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and all(_is_empty(each) for each in node.body):
            yield Violation(path, node.lineno, "swallows every exception: catch what is expected, let the rest through")
        if isinstance(node, ast.Call) and _dotted(node.func).endswith("suppress") and any(map(_is_broad, node.args)):
            yield Violation(path, node.lineno, "suppresses every exception: name what is expected")


def open_logs(path: str, nodes: Nodes) -> Iterator[Violation]:
    """A line of log is fixed words and fields of the list, so that no personal data can slip into the words."""
    if not path.startswith(_PRODUCT):
        return
    for node in nodes:
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in _LOG_METHODS or _dotted(node.func.value).rpartition(".")[2] not in {"log", "logger"}:
            continue
        fixed = len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
        if not fixed:
            yield Violation(path, node.lineno, "logs words that are made up at run time: put what varies into fields")
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in ALLOWED:
                yield Violation(
                    path, node.lineno, f"logs the field {keyword.arg or '**'}, which is not on the list of logs"
                )


def _is_broad(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(each) for each in kind.elts)
    return kind is None or _dotted(kind) in {"Exception", "BaseException"}


def _is_empty(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Continue) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{_dotted(node.value)}.{node.attr}"
        case _:
            return ""


if __name__ == "__main__":
    broken = of_repository()
    for violation in broken:
        print(violation)
    sys.exit(1 if broken else 0)
