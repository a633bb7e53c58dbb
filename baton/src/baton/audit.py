"""The audit: every lead is somewhere, exactly once, in every service that should know it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from shared.contracts.topology import SERVICES

# what one service holds must be what another knows of it
SAME: Final = (
    ("leads", ("intake", "scorer", "router", "analytics")),
    ("handoffs", ("router", "analytics")),
    ("clocks", ("sla-watcher", "analytics")),
)


class Asks(Protocol):
    """Whoever can get JSON of a running Baton."""

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at a path."""
        ...


@dataclass(frozen=True, slots=True)
class Missing:
    """A lead that one service knows and another doesn't."""

    lead_id: str
    what: str
    known_to: tuple[str, ...]
    missing_in: tuple[str, ...]


@dataclass(slots=True)
class Audit:
    """What the audit found."""

    reconciliation: Mapping[str, Any]
    missing: list[Missing] = field(default_factory=list[Missing])
    tallies_differ: list[str] = field(default_factory=list[str])

    @property
    def clean(self) -> bool:
        """Whether every lead is accounted for; without a watermark, nothing is proven of the leads in flight."""
        if self.reconciliation.get("watermark") is None and self.reconciliation.get("in_flight"):
            return False
        return not self.reconciliation.get("unexplained") and not self.missing and not self.tallies_differ


def audit(remote: Asks, *, patience_s: float = 10.0) -> Audit:
    """Compare the services.

    What is under way while we look differs for a moment: only what still differs after `patience_s` is reported.
    """
    deadline_s = time.monotonic() + patience_s
    while True:
        found = Audit(remote.get("/v1/reconciliation"), _missing(remote), _tallies(remote))
        if found.clean or time.monotonic() > deadline_s:
            return found
        time.sleep(0.5)


def _missing(remote: Asks) -> list[Missing]:
    held = {
        service: remote.get(f"/v1/ops/{service}/holdings")["items"]
        for service in {name for _, services in SAME for name in services}
    }
    found: list[Missing] = []
    for what, services in SAME:
        digests = {
            service: {row["partition"]: (row["count"], row["xor"]) for row in held[service] if row["holding"] == what}
            for service in services
        }
        partitions = {partition for each in digests.values() for partition in each}
        for partition in sorted(partitions):
            if len({digests[service].get(partition, (0, None)) for service in services}) > 1:
                found += _differing(remote, what, services, partition)
    return found


def _differing(remote: Asks, what: str, services: Sequence[str], partition: int) -> list[Missing]:
    ids: dict[str, dict[str, str]] = {
        service: {
            row["id"]: row["lead_id"]
            for row in remote.get(f"/v1/ops/{service}/holdings/{what}", partition=partition)["items"]
        }
        for service in services
    }
    every = {each: lead for known in ids.values() for each, lead in known.items()}
    return [
        Missing(
            lead,
            what,
            tuple(service for service in services if each in ids[service]),
            tuple(service for service in services if each not in ids[service]),
        )
        for each, lead in sorted(every.items())
        if any(each not in ids[service] for service in services)
    ]


def _tallies(remote: Asks) -> list[str]:
    tallies = {
        service: {
            (row["partition"], row["minute"]): (row["count"], row["xor"])
            for row in remote.get(f"/v1/ops/{service}/tally")["items"]
        }
        for service in SERVICES
    }
    cells = sorted({cell for each in tallies.values() for cell in each})
    return [
        f"partition {cell[0]}, captured in {cell[1]}: "
        + ", ".join(f"{service} {tallies[service].get(cell, (0, 0))[0]}" for service in SERVICES)
        for cell in cells
        if len({tallies[service].get(cell) for service in SERVICES}) > 1
    ]
