"""The watermark: the latest instant for which every service has consumed what the ones before it had emitted."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from analytics.reconciliation import Counts, parked_leads, picture, watermark
from shared.runtime.reports import Report
from shared.runtime.streams import Position, Stream

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
CAPTURED, SCORED, ASSIGNED, BREACHED = (
    Stream(topic, 0) for topic in ("lead.captured", "lead.scored", "lead.assigned", "sla.breached")
)


def a_report(
    service: str, second: int, consumed: dict[Stream, int], emitted: dict[Stream, int], *parked: UUID, epoch: int = 1
) -> Report:
    return Report(
        service,
        START + timedelta(seconds=second),
        {stream: Position(epoch, seq) for stream, seq in consumed.items()},
        {stream: Position(1, seq) for stream, seq in emitted.items()},
        frozenset(parked),
    )


def chain(second: int, seq: int) -> list[Report]:
    """All services a second after one another, each past `seq` of everything."""
    return [
        a_report("intake", second, {}, {CAPTURED: seq}),
        a_report("scorer", second + 1, {CAPTURED: seq}, {SCORED: seq}),
        a_report("router", second + 2, {CAPTURED: seq, SCORED: seq}, {ASSIGNED: seq}),
        a_report("sla-watcher", second + 3, {CAPTURED: seq, SCORED: seq, ASSIGNED: seq}, {BREACHED: seq}),
    ]


def own(seq: int) -> dict[Stream, Position]:
    return dict.fromkeys((CAPTURED, SCORED, ASSIGNED, BREACHED), Position(1, seq))


def test_the_newest_closed_report_of_intake_is_the_watermark() -> None:
    reports = chain(0, 5) + chain(10, 9)

    assert watermark(reports, own(9)) == START + timedelta(seconds=10)
    assert watermark(reports, own(5)) == START
    assert watermark(reversed(reports), own(9)) == START + timedelta(seconds=10)


def test_one_service_behind_holds_the_watermark_back() -> None:
    late = [report for report in chain(10, 9) if report.service != "router"]

    assert watermark(chain(0, 5) + late, own(9)) == START


def test_what_router_emitted_must_have_been_consumed_too() -> None:
    reports = chain(0, 5)
    behind = a_report("sla-watcher", 3, {CAPTURED: 5, SCORED: 5, ASSIGNED: 4}, {BREACHED: 5})

    assert watermark([*reports[:3], behind], own(5)) is None


def test_another_epoch_proves_nothing() -> None:
    reports = [a_report("scorer", 1, {CAPTURED: 99}, {}, epoch=2), *chain(0, 5)[:1], *chain(0, 5)[2:]]

    assert watermark(reports, own(5)) is None


def test_nobody_has_reported_yet() -> None:
    assert watermark([], own(1)) is None


def test_a_quiet_system_is_closed_from_the_start() -> None:
    quiet = [a_report(service, 0, {}, {}) for service in ("intake", "scorer", "router", "sla-watcher")]

    assert watermark(quiet, {}) == START


def test_only_the_latest_report_says_what_is_parked() -> None:
    old, new = a_report("router", 0, {}, {}, UUID(int=1)), a_report("router", 1, {}, {}, UUID(int=2))

    assert parked_leads([new, old, a_report("scorer", 0, {}, {}, UUID(int=3))]) == {UUID(int=2), UUID(int=3)}


def test_captured_is_the_sum_of_where_and_the_unexplained() -> None:
    counts = Counts({"won": 2, "pool:raw": 3, None: 1}, 4, 5, [UUID(int=7)])
    shown = picture(START, counts, START + timedelta(seconds=61))

    assert shown["captured"] == 6
    assert shown["where"] == {"pool:raw": 3, "won": 2}
    assert (shown["unexplained"], shown["in_flight"], shown["stale"]) == (1, 9, True)
