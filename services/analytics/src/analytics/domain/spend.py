"""Spend: rows of what was paid for a day or a month, read strictly, and their exact share of any span of days."""

import calendar
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from analytics.domain.money import digits

KINDS: Final = ("marketing", "sales")
FIELDS: Final = ("id", "day", "month", "source", "campaign", "amount_minor", "amount", "currency", "kind")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_WHOLE: Final = re.compile(r"-?\d{1,18}")
_LONGEST: Final = 200
_LARGEST_MINOR: Final = 10**15


class SpendRefused(ValueError):
    """Rows that are not spend; `problems` says which and why."""

    def __init__(self, problems: Sequence[Mapping[str, str]]) -> None:
        super().__init__(f"{len(problems)} rows can't be read")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Spend:
    """What was paid from `first_day` to `last_day`, both included. The key is the row's own: the same again replaces."""

    key: str
    first_day: date
    last_day: date
    source: str | None
    campaign: str | None
    kind: str
    amount_minor: int
    currency: str

    def within(self, since: date | None, until: date | None) -> int:
        """The share that falls on these days. The shares of adjoining spans sum exactly to the amount."""
        days = (self.last_day - self.first_day).days + 1
        before = min(max((since - self.first_day).days, 0), days) if since else 0
        through = min(max((until - self.first_day).days + 1, 0), days) if until else days
        return self.amount_minor * max(before, through) // days - self.amount_minor * before // days


def read_rows(rows: Iterable[Mapping[str, Any]]) -> list[Spend]:
    """All rows, or none.

    Raises SpendRefused with every problem: a row that can't be read, a field that is unknown, one key twice.
    """
    read: dict[str, tuple[int, Spend]] = {}
    problems: list[dict[str, str]] = []
    for n, row in enumerate(rows, 1):
        try:
            spend = _row(row)
        except ValueError as error:
            problems.append({"where": f"row {n}", "what": str(error)})
            continue
        if spend.key in read:
            what = f"is the same item as row {read[spend.key][0]}: add them up, or give each an id of its own"
            problems.append({"where": f"row {n}", "what": what})
        read[spend.key] = (n, spend)
    if problems:
        raise SpendRefused(problems)
    return [spend for _, spend in read.values()]


def _row(row: Mapping[str, Any]) -> Spend:
    unknown = sorted(set(row) - set(FIELDS))
    if unknown:
        raise ValueError(f"{', '.join(map(str, unknown))}: there are the fields {', '.join(FIELDS)}")
    first_day, last_day = _days(_text(row, "day"), _text(row, "month"))
    currency, kind = _text(row, "currency"), _text(row, "kind") or "marketing"
    if currency is None or not _CURRENCY.fullmatch(currency):
        raise ValueError("currency: three capital letters such as CNY")
    if kind not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    source, campaign = _text(row, "source"), _text(row, "campaign")
    item = (first_day.isoformat(), last_day.isoformat(), source or "", campaign or "", kind, currency)
    own = _text(row, "id")
    key = f"id:{own}" if own else hashlib.sha256("\0".join(item).encode()).hexdigest()
    return Spend(key, first_day, last_day, source, campaign, kind, _amount(row, currency), currency)


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise ValueError(f"{name}: a text of up to {_LONGEST} characters")
    return value.strip() or None


def _days(day: str | None, month: str | None) -> tuple[date, date]:
    if (day is None) == (month is None):
        raise ValueError("either day (2026-05-04) or month (2026-05)")
    if day is not None:
        try:
            found = date.fromisoformat(day)
        except ValueError:
            raise ValueError("day: write it like 2026-05-04") from None
        return found, found
    written = _MONTH.fullmatch(month or "")
    if written is None or not 1 <= int(written[2]) <= 12 or int(written[1]) < 1:
        raise ValueError("month: write it like 2026-05")
    year, number = int(written[1]), int(written[2])
    return date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])


def _amount(row: Mapping[str, Any], currency: str) -> int:
    minor, major = row.get("amount_minor"), row.get("amount")
    if (minor in (None, "")) == (major in (None, "")):
        raise ValueError("either amount_minor (whole minor units) or amount")
    found = _minor(minor) if minor not in (None, "") else _from_major(major, currency)
    if abs(found) > _LARGEST_MINOR:
        raise ValueError("the amount is too large")
    return found


def _minor(value: Any) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("amount_minor: a whole number of minor units")


def _from_major(value: Any, currency: str) -> int:
    try:
        scaled = Decimal(str(value).strip()).scaleb(digits(currency))
    except InvalidOperation:
        raise ValueError("amount: a number such as 1250.50, without separators") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"amount: {currency} has {digits(currency)} decimals")
    return int(scaled)
