"""Calendar arithmetic: when a calendar is open, and when a number of open hours will have passed."""

from shared.calendars.arithmetic import (
    Compiled,
    add_open,
    compile_calendar,
    is_open,
    local_date,
    next_opening,
    open_between,
)
from shared.calendars.hours import ALWAYS, Calendar, Span
from shared.calendars.policy import InvalidCalendars, Problem, parse_calendars

__all__ = [
    "ALWAYS",
    "Calendar",
    "Compiled",
    "InvalidCalendars",
    "Problem",
    "Span",
    "add_open",
    "compile_calendar",
    "is_open",
    "local_date",
    "next_opening",
    "open_between",
    "parse_calendars",
]
