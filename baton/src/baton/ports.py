"""Free loopback ports, for what is started on this machine: a local Kafka, the tests, the benches."""

import random
import socket
from collections.abc import Sequence
from pathlib import Path

_TRIES = 200
_RANGE = 12_000


class NoFreePort(Exception):
    """None was found where we looked."""


def free_port(count: int = 1, among: Sequence[int] | None = None) -> int:
    """A port with `count` free ones from it on.

    Unless told where to look, below the ephemeral range: inside it a client that retries a dead server can connect to
    itself. Raises NoFreePort.
    """
    places = among or below_the_ephemeral()
    for first in (random.choice(places) for _ in range(_TRIES)):  # noqa: S311 - not a secret
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise NoFreePort("No free port found on 127.0.0.1")


def below_the_ephemeral() -> range:
    """The ports that the kernel gives to no client."""
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return range(max(1024, ephemeral - _RANGE), ephemeral)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
