"""The audit: every lead is somewhere, exactly once, in every service that should know it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote

from shared.contracts.topology import SERVICES

Holding = tuple[str, str]
"""A service, and what it calls something that it holds."""

# what one service holds must be what another knows of it, or what it knows of it by another table
SAME: Final[tuple[tuple[Holding, ...], ...]] = (
    (("intake", "leads"), ("scorer", "leads"), ("router", "leads"), ("analytics", "leads")),
    (("router", "handoffs"), ("analytics", "handoffs")),
    (("sla-watcher", "clocks"), ("analytics", "clocks")),
    (("sla-watcher", "promises"), ("sla-watcher", "promises kept")),
)


class Asks(Protocol):
    """Whoever can get JSON of a running Baton."""

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at a path."""
        ...


@dataclass(frozen=True, slots=True)
class Missing:
    """A lead of which one knows something and another doesn't; `what` names it as the first who should know does."""

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
        for service in {service for holdings in SAME for service, _ in holdings}
    }
    found: list[Missing] = []
    for holdings in SAME:
        digests = [
            {row["partition"]: (row["count"], row["xor"]) for row in held[service] if row["holding"] == what}
            for service, what in holdings
        ]
        for partition in sorted({partition for each in digests for partition in each}):
            if len({each.get(partition, (0, None)) for each in digests}) > 1:
                found += _differing(remote, holdings, partition)
    return found


def _differing(remote: Asks, holdings: Sequence[Holding], partition: int) -> list[Missing]:
    ids: dict[Holding, dict[str, str]] = {
        (service, what): {
            row["id"]: row["lead_id"]
            for row in remote.get(f"/v1/ops/{service}/holdings/{quote(what)}", partition=partition)["items"]
        }
        for service, what in holdings
    }
    every = {each: lead for known in ids.values() for each, lead in known.items()}
    return [
        Missing(
            lead,
            holdings[0][1],
            tuple(_name(each, holdings) for each in holdings if one in ids[each]),
            tuple(_name(each, holdings) for each in holdings if one not in ids[each]),
        )
        for one, lead in sorted(every.items())
        if any(one not in ids[each] for each in holdings)
    ]


def _name(holding: Holding, among: Sequence[Holding]) -> str:
    """The service; where it is held against itself, what it calls the thing too."""
    service, what = holding
    return service if len({each for each, _ in among}) > 1 else f"{service} ({what})"


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
