"""A report's table: columns by id, rows by column, the total. Titles are given when it is shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analytics.domain.values import Value


class Column(NamedTuple):
    """A column. `of` is what there is one column each of: a currency, or a word of the kind `words`."""

    name: str
    of: str = ""
    words: str = ""

    @property
    def id(self) -> str:
        """As JSON names it."""
        return f"{self.name}_{self.of}" if self.of else self.name


Cells = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Table:
    """`name` finds its title; `empty` rows are an answer too."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Cells]
    total: Cells | None = None


def columns(*names: str) -> list[Column]:
    """Plain columns."""
    return [Column(name) for name in names]


def money_columns(names: Iterable[str], currencies: Sequence[str]) -> list[Column]:
    """One column a name for the first currency, and a set of them for each further one: currencies never mix."""
    return [Column(name, of="" if n == 0 else currency) for n, currency in enumerate(currencies) for name in names]


def in_order(currencies: Iterable[str], first: str) -> list[str]:
    """The currencies that there are, the company's first; it alone where there is none."""
    there = sorted(set(currencies) - {""}, key=lambda each: (each != first, each))
    return there or [first]
