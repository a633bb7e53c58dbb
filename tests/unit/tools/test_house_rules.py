"""The rules of the house: each finds what it should, and the repository keeps them all."""

from pathlib import Path

import pytest

from tools.house_rules import LONGER, MACHINE_PATHS, MAX_LINES, ROOT, of_file, of_repository

SERVICE = "services/router/src/router/store.py"
DOMAIN = "services/router/src/router/domain/assign.py"
COMMAND = "baton/src/baton/cli/look.py"
CLOCK = "shared/src/shared/runtime/clock.py"
HOME = f"{MACHINE_PATHS[-1]}baton"


@pytest.mark.parametrize(
    ("path", "source", "words"),
    [
        (SERVICE, "from datetime import datetime\nat = datetime.now()", "2: reads the clock with datetime.now"),
        (SERVICE, "import datetime\nat = datetime.datetime.now(None)", "2: reads the clock"),
        (SERVICE, "import time\nat = time.time()", "2: reads the clock with time.time"),
        (SERVICE, "f = datetime.utcnow", "1: reads the clock"),
        (DOMAIN, "async def f() -> None: ...", "1: waits in the pure core"),
        (DOMAIN, "async def f() -> None:\n    await g()", "1: waits in the pure core"),
        ("shared/src/shared/rules.py", "async def f() -> None: ...", "1: waits in the pure core"),
        (SERVICE, "print('here')", "1: prints"),
        (SERVICE, "\n" * (MAX_LINES + 1), f"has {MAX_LINES + 1} lines"),
        (SERVICE, f"home = '{HOME}/data'", "1: names"),
        ("docs/operations.md", f"cd {HOME}/data", "1: names"),
        (SERVICE, "try:\n    f()\nexcept Exception:\n    pass", "3: swallows every exception"),
        (SERVICE, "try:\n    f()\nexcept:\n    ...", "3: swallows every exception"),
        (
            SERVICE,
            "for _ in g:\n    try:\n        f()\n    except (OSError, BaseException):\n        continue",
            "4: swallows",
        ),
        (SERVICE, "with contextlib.suppress(Exception):\n    f()", "1: suppresses every exception"),
        (SERVICE, "log.info(f'parked {lead}')", "1: logs words that are made up"),
        (SERVICE, "log.info('parked %s', lead)", "1: logs words that are made up"),
        (SERVICE, "log.info('parked', email=email)", "1: logs the field email"),
        (SERVICE, "self.log.error('parked', **fields)", "1: logs the field **"),
    ],
)
def test_a_broken_rule_is_found(path: str, source: str, words: str) -> None:
    found = [str(violation) for violation in of_file(path, source)]
    assert any(words in violation for violation in found), found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (CLOCK, "from datetime import UTC, datetime\nat = datetime.now(UTC)"),
        (COMMAND, "at = datetime.now(UTC)\nprint(at)"),
        (SERVICE, "async def f() -> None:\n    await g()"),
        (SERVICE, "import time\nbegan_s = time.monotonic()"),
        (SERVICE, "console.print('here')"),
        (SERVICE, "\n" * MAX_LINES),
        ("tests/unit/router/test_assign.py", "\n" * 900),
        (SERVICE, "path = 'docs/work/plan.md'"),
        (SERVICE, "try:\n    f()\nexcept OSError:\n    pass"),
        (SERVICE, "try:\n    f()\nexcept Exception as error:\n    log.error('failed', error=str(error))\n    raise"),
        (SERVICE, "log.warning('gap', service=name, after=position)"),
    ],
)
def test_what_keeps_the_rules_is_left_alone(path: str, source: str) -> None:
    assert of_file(path, source) == []


def test_the_repository_keeps_the_rules_of_the_house() -> None:
    assert [str(violation) for violation in of_repository()] == []


def test_exceptions_from_the_length_are_still_needed_and_have_a_reason() -> None:
    for path, reason in LONGER.items():
        assert reason
        assert len((ROOT / Path(path)).read_text("utf-8").splitlines()) > MAX_LINES
