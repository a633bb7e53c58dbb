"""A report of many parked leads fits into a message: they are counted then, not listed."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.runtime.reports import Report
from shared.runtime.streams import Position, Stream
from shared.transport.kafka_positions import PARKED_LISTED, message_of, report_of

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
STREAM = Stream("lead.captured", 3)


def a_report(parked: int) -> Report:
    leads = frozenset(UUID(int=n) for n in range(parked))
    return Report("router", NOON, {STREAM: Position(7, 9)}, {}, leads)


@pytest.mark.parametrize("parked", [0, 1, PARKED_LISTED])
def test_what_can_be_listed_is_listed(parked: int) -> None:
    assert report_of(message_of(a_report(parked))) == a_report(parked)


def test_what_is_too_much_for_a_message_is_counted() -> None:
    message = message_of(a_report(60_000))
    heard = report_of(message)
    assert (heard.parked_leads, heard.parked_unlisted) == (frozenset(), 60_000)
    assert heard.consumed == {STREAM: Position(7, 9)}
    assert len(message) < 10_000
    assert heard.parked_digest != report_of(message_of(a_report(60_001))).parked_digest


def test_the_longest_list_fits_into_a_message_with_room_for_every_stream() -> None:
    assert len(message_of(a_report(PARKED_LISTED))) < 500_000


def test_a_report_of_an_older_version_is_read() -> None:
    old = (
        b'{"kind":"report","service":"router","at":"2027-03-01T12:00:00+00:00","consumed":[],"emitted":[],"parked":[]}'
    )
    assert report_of(old) == Report("router", NOON, {}, {})
