"""Business hours at weekends, at closing time, on holidays and make-up days, on both days the clock is moved."""

import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendars import (
    Calendar,
    Compiled,
    add_open,
    compile_calendar,
    is_open,
    local_date,
    next_opening,
    open_between,
    parse_calendars,
)
from tests.support.examples import examples
from tests.unit.calendars.oracle import Hours, Oracle, offset_changes, walked

HANOI = "Asia/Ho_Chi_Minh"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def a_calendar(**entry: object) -> Compiled:
    given_entry = {"zone": HANOI, "open": {"mon-fri": ["09:00-18:00"]}} | entry
    return compile_calendar(parse_calendars({"calendars": {"office": given_entry}})["office"])


def local(text: str, zone: str = HANOI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        pytest.param("2026-11-21 16:00", 2, "2026-11-23 11:00", id="saturday afternoon"),
        pytest.param("2026-11-21 20:00", 2, "2026-11-23 11:00", id="saturday evening"),
        pytest.param("2026-11-24 16:30", 2, "2026-11-25 09:30", id="tuesday, half an hour left for wednesday"),
        pytest.param("2026-11-23 09:00", 9, "2026-11-23 18:00", id="ends at closing time"),
        pytest.param("2026-11-20 18:00", 2, "2026-11-23 11:00", id="starts at closing time"),
        pytest.param("2026-11-20 17:00", 10, "2026-11-23 18:00", id="friday's last hour and all of monday"),
        pytest.param("2026-11-23 07:00", 1, "2026-11-23 10:00", id="before opening"),
        pytest.param("2026-11-23 14:31:07.250001", 1, "2026-11-23 15:31:07.250001", id="to the microsecond"),
        pytest.param("2026-11-23 09:00", 45 * 52, "2027-11-19 18:00", id="fifty-two weeks"),
    ],
)
def test_a_promise_in_business_hours_is_due(start: str, hours: int, due: str) -> None:
    assert add_open(a_calendar(), local(start), hours * HOUR) == local(due)


@pytest.mark.parametrize(
    ("at", "opening"),
    [
        ("2026-11-21 16:00", "2026-11-23 09:00"),
        ("2026-11-23 08:59:59", "2026-11-23 09:00"),
        ("2026-11-23 09:00", "2026-11-23 09:00"),
        ("2026-11-23 17:59:59", "2026-11-23 17:59:59"),
        ("2026-11-23 18:00", "2026-11-24 09:00"),
    ],
)
def test_no_duration_at_all_ends_at_the_next_opening(at: str, opening: str) -> None:
    office = a_calendar()
    assert next_opening(office, local(at)) == add_open(office, local(at), timedelta(0)) == local(opening)
    assert is_open(office, local(at)) == (at == opening)


def test_a_lunch_break_does_not_count() -> None:
    office = a_calendar(open={"mon-fri": ["09:00-12:00", "13:30-18:00"]})
    assert add_open(office, local("2026-11-23 11:00"), 2 * HOUR) == local("2026-11-23 14:30")
    assert not is_open(office, local("2026-11-23 12:30"))


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    nights = a_calendar(open={"fri": ["22:00-06:00"]}, closed=["2026-11-28"])
    assert is_open(nights, local("2026-11-21 05:59"))
    assert not is_open(nights, local("2026-11-21 22:30"))
    assert is_open(nights, local("2026-11-28 05:59")), "saturday is closed, friday's shift is not"
    assert add_open(nights, local("2026-11-20 23:00"), 8 * HOUR) == local("2026-11-27 23:00")


def test_a_day_may_end_at_24_and_join_the_next() -> None:
    days = a_calendar(open={"mon,tue": ["00:00-24:00"]})
    assert add_open(days, local("2026-11-23 00:00"), 48 * HOUR) == local("2026-11-25 00:00")
    assert open_between(days, local("2026-11-20 00:00"), local("2026-11-30 00:00")) == 48 * HOUR


def test_tet_is_closed() -> None:
    office = a_calendar(holidays="VN")
    assert add_open(office, local("2026-02-13 17:00"), 2 * HOUR) == local("2026-02-23 10:00")
    assert open_between(office, local("2026-02-14 00:00"), local("2026-02-23 09:00")) == timedelta(0)


def test_a_chinese_make_up_saturday_is_worked_like_a_weekday() -> None:
    office = a_calendar(zone="Asia/Shanghai", holidays="CN")
    at = local("2026-02-14 08:00", "Asia/Shanghai")
    assert next_opening(office, at) == local("2026-02-14 09:00", "Asia/Shanghai")
    assert add_open(office, at, 10 * HOUR) == local("2026-02-24 10:00", "Asia/Shanghai")
    assert not is_open(a_calendar(zone="Asia/Shanghai"), local("2026-02-14 10:00", "Asia/Shanghai"))


def test_make_up_days_known_a_year_ahead_do_not_leak_into_other_years() -> None:
    office = a_calendar(zone="Asia/Shanghai", holidays="CN")
    assert is_open(office, local("2025-10-11 10:00", "Asia/Shanghai"))
    assert not is_open(office, local("2026-10-11 10:00", "Asia/Shanghai"))
    assert not is_open(office, local("2011-12-24 10:00", "Asia/Shanghai"))


def test_closed_days_and_extra_hours() -> None:
    office = a_calendar(
        closed=[date(2026, 12, 24), "2026-12-31"],
        extra={date(2026, 12, 26): ["09:00-12:00"], "2026-12-31": ["09:00-12:00"], "2026-12-30": ["20:00-21:00"]},
    )
    assert add_open(office, local("2026-12-23 17:00"), 2 * HOUR) == local("2026-12-25 10:00")
    assert open_between(office, local("2026-12-26 00:00"), local("2026-12-27 00:00")) == 3 * HOUR
    assert open_between(office, local("2026-12-31 00:00"), local("2027-01-01 00:00")) == 3 * HOUR
    assert open_between(office, local("2026-12-30 00:00"), local("2026-12-31 00:00")) == 10 * HOUR


def test_an_empty_calendar_is_always_open() -> None:
    always = compile_calendar(parse_calendars({"calendars": {"always": {}}}, default_zone=HANOI)["always"])
    saturday = local("2026-11-21 20:00")
    assert add_open(always, saturday, 48 * HOUR) == saturday + 48 * HOUR
    assert open_between(always, saturday + HOUR, saturday) == -HOUR
    assert next_opening(always, saturday) == saturday
    assert local_date(always, saturday) == date(2026, 11, 21)


def test_a_calendar_without_hours_but_with_holidays_is_open_on_the_other_days() -> None:
    days = compile_calendar(parse_calendars({"calendars": {"days": {"zone": HANOI, "holidays": "VN"}}})["days"])
    assert add_open(days, local("2026-12-31 12:00"), 24 * HOUR) == local("2027-01-02 12:00")


def test_the_local_date_is_the_date_on_the_calendars_wall() -> None:
    assert local_date(a_calendar(), datetime(2026, 11, 21, 17, 30, tzinfo=UTC)) == date(2026, 11, 22)


def test_open_time_is_negative_backwards_and_adds_up_across_years() -> None:
    office = a_calendar()
    start, end = local("2024-03-05 11:11"), local("2027-08-01 00:00")
    assert open_between(office, end, start) == -open_between(office, start, end)
    assert add_open(office, start, open_between(office, start, end)) == local("2027-07-30 18:00")


def test_any_year_can_be_asked_about() -> None:
    for year in (2, 1900, 2026, 2400, 9990):
        monday_noon = next_opening(a_calendar(holidays="CN"), datetime(year, 6, 1, tzinfo=UTC))
        assert add_open(a_calendar(holidays="CN"), monday_noon, 2 * HOUR) > monday_noon


def test_instants_need_a_zone_and_durations_a_direction() -> None:
    office = a_calendar()
    naive = datetime(2026, 11, 21, 16, 0)  # noqa: DTZ001  the point of the test
    with pytest.raises(ValueError, match="needs its zone"):
        add_open(office, naive, HOUR)
    with pytest.raises(ValueError, match="only be added"):
        add_open(office, local("2026-11-21 16:00"), -HOUR)


def test_a_calendar_that_never_opens_again_does_not_loop_for_ever() -> None:
    shut = compile_calendar(Calendar(name="shut", zone="UTC", week=((),) * 7))
    with pytest.raises(ValueError, match="does not open"):
        next_opening(shut, local("2026-11-21 16:00"))
    with pytest.raises(ValueError, match="has no"):
        add_open(shut, local("2026-11-21 16:00"), HOUR)


def test_a_question_compiles_only_the_years_it_touches() -> None:
    office = a_calendar(closed=["2026-01-05"])
    add_open(office, local("2026-11-21 16:00"), 2 * HOUR)
    assert list(office.windows) == [2026]
    window = office.windows[2026]
    assert len(window.starts) == len(window.ends) == 260
    assert list(window.starts) == sorted(window.starts)
    assert window.through[-1] == window.total == window.before[-1] + window.ends[-1] - window.starts[-1]


@pytest.mark.parametrize(
    ("zone", "start", "due"),
    [
        pytest.param(
            "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 05:00", id="spring: the night is an hour shorter"
        ),
        pytest.param("Europe/Berlin", "2026-10-25 00:00", "2026-10-25 03:00", id="autumn: an hour comes twice"),
        pytest.param("Australia/Lord_Howe", "2026-10-04 00:00", "2026-10-04 04:30", id="half an hour in spring"),
    ],
)
def test_four_hours_through_a_moved_clock(zone: str, start: str, due: str) -> None:
    round_the_clock = a_calendar(zone=zone, open={"mon-sun": ["00:00-24:00"]})
    assert add_open(round_the_clock, local(start, zone), 4 * HOUR) == local(due, zone)


def test_business_hours_follow_the_wall_clock_not_todays_offset() -> None:
    office = a_calendar(zone="America/New_York")
    friday = local("2026-03-06 17:00", "America/New_York")
    assert add_open(office, friday, 2 * HOUR) == local("2026-03-09 10:00", "America/New_York")


ZONES = (
    "Africa/Cairo",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "Asia/Ho_Chi_Minh",
    "Asia/Kathmandu",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Auckland",
)
OFFICE: Hours = dict.fromkeys(range(5), ((540, 1080),))
BREAKS: Hours = {0: ((510, 720), (810, 1050)), 3: ((0, 1440),), 5: ((545, 725),)}
NIGHTS: Hours = dict.fromkeys((2, 3, 4, 5, 6), ((1320, 360),))
SMALL_HOURS: Hours = {6: ((30, 95), (110, 150), (175, 200)), 5: ((1380, 1440),), 4: ((0, 75),)}
WEEKS = (OFFICE, BREAKS, NIGHTS, SMALL_HOURS)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WALKED_DAYS = 12


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@cache
def walks(zone: str, week: int) -> tuple[Compiled, tuple[Oracle, ...]]:
    """A zone's calendar beside its oracles, one around each day on which the clock is moved."""
    hours = WEEKS[week]
    open_hours = {DAYS[day]: [f"{clock(a)}-{clock(b)}" for a, b in spans] for day, spans in hours.items()}
    around = offset_changes(zone, 2026) or [datetime(2026, 12, 30, tzinfo=UTC)]
    starts = [change - timedelta(days=WALKED_DAYS // 2) for change in around]
    return a_calendar(zone=zone, open=open_hours), tuple(walked(zone, hours, at, WALKED_DAYS) for at in starts)


def agrees(office: Compiled, oracle: Oracle, start_min: int, wanted_min: int) -> None:
    start = oracle.since + start_min * MINUTE
    assert is_open(office, start) == oracle.is_open(start)
    end = start + wanted_min * MINUTE
    if oracle.minute(end) < len(oracle.opened):
        assert open_between(office, start, end) == oracle.open_minutes(start, end) * MINUTE
    due = oracle.add(start, wanted_min)
    if due is not None:
        assert add_open(office, start, wanted_min * MINUTE) == due


minutes = st.integers(0, WALKED_DAYS * 1440 - 1)


@examples(300)
@given(zone=st.sampled_from(ZONES), week=st.integers(0, 3), start=minutes, wanted=minutes, which=st.integers(0, 1))
def test_the_arithmetic_agrees_with_walking_minute_by_minute(
    zone: str, week: int, start: int, wanted: int, which: int
) -> None:
    office, oracles = walks(zone, week)
    agrees(office, oracles[which % len(oracles)], start, wanted)


@examples(200)
@given(since_2024=st.timedeltas(timedelta(0), timedelta(days=1800)), wanted=st.timedeltas(timedelta(0), timedelta(99)))
def test_adding_open_time_passes_exactly_that_open_time(since_2024: timedelta, wanted: timedelta) -> None:
    office, at = a_calendar(holidays="VN"), datetime(2024, 1, 1, tzinfo=UTC) + since_2024
    due = add_open(office, at, wanted)
    assert open_between(office, at, due) == wanted
    assert due >= at
    assert add_open(office, at, wanted + MINUTE) > due


@pytest.mark.parametrize("zone", ZONES)
def test_a_thousand_random_instants_around_both_clock_changes(zone: str) -> None:
    seeded = random.Random(zone)
    for week in range(len(WEEKS)):
        office, oracles = walks(zone, week)
        for _ in range(250):
            start, wanted = seeded.randrange(WALKED_DAYS * 1440), seeded.randrange(4000)
            agrees(office, seeded.choice(oracles), start, wanted)
