"""Up to which instant the chain of services is closed, and where every lead captured before it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from shared.contracts.topology import CONSUMES
from shared.runtime.reports import Report
from shared.runtime.streams import Position, Stream

CHAIN: Final = ("scorer", "router", "sla-watcher")
STALE_S: Final = 60
Positions = Mapping[Stream, Position]


@dataclass(frozen=True, slots=True)
class Counts:
    """Leads captured before the watermark by place (None: no single one), and how many came after it."""

    where: Mapping[str | None, int]
    unsettled: int
    """Leads without a single place about which something was recorded after the watermark."""
    after: int
    examples: Sequence[UUID]


def holds(service: str, consumed: Positions, emitted: Positions) -> bool:
    """Whether a service has consumed all of this that it reads. Another epoch proves nothing."""
    reads = CONSUMES[service]
    return all(
        _reached(consumed.get(stream), position) for stream, position in emitted.items() if stream.topic in reads
    )


def _reached(consumed: Position | None, emitted: Position) -> bool:
    return emitted.seq == 0 or (
        consumed is not None and consumed.epoch == emitted.epoch and consumed.seq >= emitted.seq
    )


def watermark(reports: Iterable[Report], own: Positions) -> datetime | None:
    """The latest instant for which the chain is closed: each service has consumed what those before it had emitted.

    `own` is what analytics has consumed. None where no instant among the reports is closed yet.
    """
    by_service: dict[str, list[Report]] = {}
    for report in sorted(reports, key=lambda report: report.at):
        by_service.setdefault(report.service, []).append(report)
    newest_first = reversed(by_service.get("intake", []))
    return next((first.at for first in newest_first if _closed(first, by_service, own)), None)


def _closed(first: Report, by_service: Mapping[str, Sequence[Report]], own: Positions) -> bool:
    emitted = dict(first.emitted)
    for service in CHAIN:
        # the earliest report that has consumed enough asks the least of those that follow
        enough = (each for each in by_service.get(service, ()) if holds(service, each.consumed, emitted))
        report = next(enough, None)
        if report is None:
            return False
        emitted |= report.emitted
    return holds("analytics", own, emitted)


def parked_leads(reports: Iterable[Report]) -> frozenset[UUID]:
    """The leads that are parked somewhere, by each service's latest report."""
    return frozenset().union(*(report.parked_leads for report in _latest(reports)))


def parked_unlisted(reports: Iterable[Report]) -> dict[str, int]:
    """The services that have too many parked leads to list them, and how many."""
    return {report.service: report.parked_unlisted for report in _latest(reports) if report.parked_unlisted}


def _latest(reports: Iterable[Report]) -> Sequence[Report]:
    latest: dict[str, Report] = {}
    for report in reports:
        if report.service not in latest or report.at > latest[report.service].at:
            latest[report.service] = report
    return list(latest.values())


def picture(
    closed_at: datetime | None, counts: Counts, now: datetime, unlisted: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Any]:
    """The answer of the API: captured = the sum of where + unexplained; leads after the watermark are in flight."""
    where = {place: n for place, n in sorted(counts.where.items(), key=lambda each: each[0] or "") if place and n}
    unexplained = counts.where.get(None, 0)
    return {
        "watermark": closed_at,
        "stale": closed_at is None or now - closed_at > timedelta(seconds=STALE_S),
        "captured": sum(where.values()) + unexplained,
        "where": where,
        "in_flight": counts.after + counts.unsettled,
        "unexplained": unexplained,
        "examples": list(counts.examples),
        **({"too_many_parked_to_list": dict(unlisted)} if unlisted else {}),
    }
