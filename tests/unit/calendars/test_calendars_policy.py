"""The calendars policy: what it may say, and what is refused with its place and its cure."""

from collections.abc import Mapping
from datetime import date, datetime

import pytest
import yaml

from shared.calendars import ALWAYS, InvalidCalendars, Span, parse_calendars

PRESET = """
calendars:
  always: {}
  office: {zone: Asia/Ho_Chi_Minh, open: {mon-fri: ["09:00-18:00"]}, holidays: VN}
  hotline:
    zone: Asia/Shanghai
    open: {mon-wed: ["08:30-12:00", "13:00-17:30"], "sat,sun": "22:00-06:00", fri: ["00:00-24:00"]}
    holidays: CN
    closed: [2026-12-24]
    extra: {2026-12-26: ["09:00-12:00"]}
"""


def problems(**entry: object) -> list[str]:
    with pytest.raises(InvalidCalendars) as refused:
        parse_calendars({"calendars": {"office": entry}})
    return [str(problem) for problem in refused.value.problems]


def hours(*spans: str) -> Mapping[str, list[str]]:
    return {"mon": list(spans)}


def test_a_policy_is_read() -> None:
    calendars = parse_calendars(yaml.safe_load(PRESET))
    assert calendars["always"] == ALWAYS
    assert calendars["office"].week == ((Span(540, 1080),),) * 5 + ((), ())
    hotline = calendars["hotline"]
    assert hotline.week[2] == (Span(510, 720), Span(780, 1050))
    assert hotline.week[3] == ()
    assert hotline.week[4] == (Span(0, 1440),)
    assert hotline.week[6] == (Span(1320, 1800),)
    assert hotline.closed == {date(2026, 12, 24)}
    assert hotline.extra == ((date(2026, 12, 26), (Span(540, 720),)),)


def test_a_range_of_days_may_wrap_around_the_weekend() -> None:
    week = parse_calendars({"calendars": {"c": {"open": {"sat-mon": ["09:00-10:00"]}}}})["c"].week
    assert [bool(spans) for spans in week] == [True, False, False, False, False, True, True]


def test_a_calendar_that_never_opens_is_refused() -> None:
    for never in ({}, {"mon": []}):
        assert problems(open=never) == [
            'calendars.office.open: this calendar never opens; give a day hours, such as mon-fri: ["09:00-18:00"]'
        ]


@pytest.mark.parametrize(
    ("entry", "path", "fix"),
    [
        ({"zone": "Hanoi"}, "calendars.office.zone: unknown time zone 'Hanoi'", "IANA name"),
        ({"zone": "../etc"}, "calendars.office.zone: unknown time zone", "IANA name"),
        ({"zone": None}, "calendars.office.zone: unknown time zone nothing", "IANA name"),
        ({"opens": {}}, "calendars.office.opens: unknown key", "zone, open, holidays, closed, extra"),
        ({"open": ["09:00-18:00"]}, "calendars.office.open: expected a mapping", "pairs"),
        ({"open": {"monday": ["09:00-18:00"]}}, "calendars.office.open.monday: 'monday' is no day", "mon, tue"),
        ({"open": {"mon-": ["09:00-18:00"]}}, "calendars.office.open.mon-: 'mon-' is no day", "mon, tue"),
        ({"open": {"mon": 9}}, "calendars.office.open.mon: expected a list, found 9", "09:00-18:00"),
        ({"open": hours("9 to 5")}, "calendars.office.open.mon[0]: '9 to 5' are no hours", "09:00-18:00"),
        ({"open": hours("09:00-10:00", "9:60-11:00")}, "calendars.office.open.mon[1]: '9:60-11:00'", "24:00"),
        ({"open": hours("09:00-24:01")}, "calendars.office.open.mon[0]: '09:00-24:01' is not on", "24:00"),
        ({"open": hours("24:00-09:00")}, "calendars.office.open.mon[0]: '24:00-09:00' is not on", "24:00"),
        ({"open": hours("09:00-09:00")}, "calendars.office.open.mon[0]: '09:00-09:00' is empty", "00:00-24:00"),
        ({"open": hours("09:00-12:00", "11:00-13:00")}, "calendars.office.open.mon: two of the", "make them one"),
        (
            {"open": {"mon-fri": ["09:00-18:00"], "fri": ["09:00-12:00"]}},
            "calendars.office.open.fri: fri has hours already",
            "once",
        ),
        ({"holidays": "ATLANTIS"}, "calendars.office.holidays: no holidays are known for 'ATLANTIS'", "VN or CN"),
        ({"holidays": "DE-XX"}, "calendars.office.holidays: no holidays are known for 'DE-XX'", "DE-BY"),
        ({"holidays": False}, "calendars.office.holidays: expected a country, found False", '"NO"'),
        ({"closed": "2026-12-24"}, "calendars.office.closed: expected a list", "2026-12-24"),
        ({"closed": ["24.12.2026"]}, "calendars.office.closed[0]: '24.12.2026' is no date", "2026-12-24"),
        ({"closed": [datetime(2026, 12, 24)]}, "calendars.office.closed[0]: ", "2026-12-24"),  # noqa: DTZ001
        ({"extra": {"soon": ["09:00-12:00"]}}, "calendars.office.extra.soon: 'soon' is no date", "2026-12-24"),
        ({"extra": {date(2026, 12, 26): ["x"]}}, "calendars.office.extra.2026-12-26[0]: 'x' are no", "09:00"),
        (
            {"extra": {date(2026, 12, 26): ["09:00-12:00"], "2026-12-26": ["13:00-14:00"]}},
            "calendars.office.extra.2026-12-26: this date has hours already",
            "once",
        ),
    ],
)
def test_a_fault_names_its_place_and_its_cure(entry: Mapping[str, object], path: str, fix: str) -> None:
    (said,) = problems(**entry)
    assert said.startswith(path)
    assert fix in said.partition("; ")[2]


def test_every_faulty_calendar_is_named_at_once() -> None:
    with pytest.raises(InvalidCalendars) as refused:
        parse_calendars({"calendars": {"a": {"zone": "X"}, "b": {}, "c": 3}})
    assert [problem.path for problem in refused.value.problems] == ["calendars.a.zone", "calendars.c"]


@pytest.mark.parametrize("raw", [None, [], {}, {"calendars": None}, {"calendars": ["office"]}])
def test_a_policy_without_calendars_is_refused(raw: object) -> None:
    with pytest.raises(InvalidCalendars, match="expected a mapping"):
        parse_calendars(raw)
