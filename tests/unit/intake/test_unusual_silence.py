"""When a door's silence is unusual: the same weekdays and hours of earlier weeks say so."""

from datetime import UTC, datetime, timedelta

from intake.domain.silence import Mark, silence

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


def office_marks(weeks: int, per_hour: float, until: datetime = NOW) -> list[Mark]:
    """Marks of a door that gets leads from Monday to Friday, 9 to 18 h."""
    at = (NOW - timedelta(weeks=weeks)).replace(minute=0)
    marks, total = list[Mark](), 0.0
    while at <= until:
        total += per_hour if at.weekday() < 5 and 9 <= at.hour < 18 else 0
        marks.append((at, int(total)))
        at += HOUR
    return marks


def test_a_silent_door_is_held_against_the_same_hours_of_earlier_weeks() -> None:
    found = silence(NOW - timedelta(hours=6, minutes=20), office_marks(5, 1.5), NOW)
    assert found is not None
    assert found.detail == "no lead for 6 h, usually 9 in that time"


def test_a_night_and_a_weekend_are_as_silent_as_ever() -> None:
    marks = office_marks(5, 1.5)
    sunday = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
    assert silence(sunday - timedelta(hours=50), marks, sunday) is None


def test_few_leads_make_no_habit() -> None:
    assert silence(NOW - timedelta(hours=6, minutes=20), office_marks(5, 0.5), NOW) is None


def test_one_week_makes_no_habit() -> None:
    assert silence(NOW - timedelta(hours=6, minutes=20), office_marks(1, 9), NOW) is None
    assert silence(NOW - timedelta(hours=6, minutes=20), [], NOW) is None
    assert silence(None, office_marks(5, 9), NOW) is None


def test_a_lead_a_moment_ago_ends_the_silence() -> None:
    assert silence(NOW - timedelta(minutes=50), office_marks(5, 90), NOW) is None


def test_a_long_silence_is_not_held_against_itself() -> None:
    last = NOW - timedelta(days=10)
    marks = office_marks(6, 1.5, until=last)
    found = silence(last, marks, NOW)
    assert found is not None
    assert found.hours == 168
    assert round(found.usual) >= 60
