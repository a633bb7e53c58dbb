"""Mistakes and crashes on order, for the fault campaign alone: it must find each of the mistakes, or it proves nothing.

`BATON_FAILPOINTS` names them, separated by commas. It is read once, at the start, and never quietly.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count
from typing import Final

import structlog

log = structlog.get_logger("failpoints")

KNOWN: Final[Mapping[str, str]] = {
    "no-fence": "an owner who lost a lane goes on writing to it",
    "ack-before-commit": "leads are acknowledged before they are durable",
    "blind-commit-retry": "a COMMIT in doubt is done again without looking",
    "relay-crash-after-send": "the process dies before it notes what the broker has confirmed",
    "relay-send-twice": "batches are sent again",
}


class UnknownFailpoint(ValueError):
    """BATON_FAILPOINTS names something that there is not."""


@cache
def chosen() -> frozenset[str]:
    """The failpoints of this process, each with a warning the first time.

    Raises UnknownFailpoint.
    """
    names = frozenset(filter(None, os.environ.get("BATON_FAILPOINTS", "").split(",")))
    if unknown := sorted(names - KNOWN.keys()):
        raise UnknownFailpoint(f"BATON_FAILPOINTS: no {', '.join(unknown)}; there are {', '.join(KNOWN)}")
    for name in sorted(names):
        log.warning("FAILPOINT: this process is made to fail, unset BATON_FAILPOINTS", what=name, why=KNOWN[name])
    return names


def on(name: str) -> bool:
    """Whether a failpoint was ordered."""
    return name in chosen()


def each(name: str, passes: int) -> bool:
    """Whether a failpoint was ordered and this is its turn: one in so many passes."""
    return name in chosen() and next(passes_of(name)) % passes == 0


def die() -> None:
    """End at once, as by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


@cache
def passes_of(name: str) -> Iterator[int]:
    del name
    return count(1)
