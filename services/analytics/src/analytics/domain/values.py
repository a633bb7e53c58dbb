"""What stands in a report's cells: shares, money, spans and words, with the exact text that people read."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from analytics.domain.money import digits, number

_SYMBOLS: Final = {"CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "VND": "₫"}


def rounded(numerator: int, denominator: int) -> int:
    """The quotient, half up (half away from zero below it): exact, as people round by hand."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share of whole numbers; None of nothing."""

    numerator: int
    denominator: int

    @property
    def ratio(self) -> float | None:
        """None for a zero denominator."""
        return self.numerator / self.denominator if self.denominator else None

    @property
    def plain(self) -> str:
        """In percent, two decimals: 18.75; empty for a zero denominator."""
        return _decimals(rounded(self.numerator * 10_000, self.denominator), 2) if self.denominator else ""

    @property
    def text(self) -> str:
        return f"{self.plain} %" if self.denominator else "–"


@dataclass(frozen=True, slots=True)
class Multiple(Ratio):
    """A ratio that is read as a factor: ROI 1.0 is break even."""

    @property
    def plain(self) -> str:
        return _decimals(rounded(self.numerator * 100, self.denominator), 2) if self.denominator else ""

    @property
    def text(self) -> str:
        return self.plain or "–"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency."""

    amount_minor: int
    currency: str

    @property
    def plain(self) -> str:
        """As a spreadsheet reads it: 300000.00."""
        return _decimals(self.amount_minor, digits(self.currency))

    @property
    def text(self) -> str:
        """As people do: ¥300,000."""
        whole = number(self.amount_minor, self.currency)
        return _spelled(self.amount_minor, self.currency, 0 if isinstance(whole, int) else digits(self.currency))


@dataclass(frozen=True, slots=True)
class Each:
    """Money for each of so many: cost per lead, average order value; None for none."""

    total_minor: int
    count: int
    currency: str

    @property
    def money(self) -> Money | None:
        """Rounded to the minor unit."""
        return Money(rounded(self.total_minor, self.count), self.currency) if self.count else None

    @property
    def plain(self) -> str:
        return self.money.plain if self.money else ""

    @property
    def text(self) -> str:
        money = self.money
        return "–" if money is None else _spelled(money.amount_minor, self.currency, digits(self.currency))


@dataclass(frozen=True, slots=True)
class Span:
    """A duration."""

    ms: int

    @property
    def plain(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        hours, rest = divmod(self.ms // 1000, 3600)
        return f"{hours}:{rest // 60:02}:{rest % 60:02}"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a picklist (`kind`), shown in the reader's language."""

    kind: str
    code: str


Value = str | int | bool | UUID | date | datetime | Ratio | Money | Each | Span | Word | None


def _decimals(scaled: int, places: int) -> str:
    if places == 0:
        return str(scaled)
    sign = "-" if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{sign}{whole}.{rest:0{places}}"


def _spelled(amount_minor: int, currency: str, places: int) -> str:
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10 ** digits(currency))
    decimals = f".{rest:0{places}}" if places else ""
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    return f"{sign}{symbol}{whole:,}{decimals}"
