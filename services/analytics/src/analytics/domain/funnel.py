"""Rows of the funnel from sums of cells: counts beside amounts, a total, and currencies never mixed."""

from collections.abc import Iterable
from typing import Any, Final

from analytics.domain.contribution import AMOUNT_MEASURES, MEASURES
from analytics.domain.money import number

Sums = tuple[str, str, dict[str, int]]
_COUNTS: Final = tuple(name for name in MEASURES if name not in AMOUNT_MEASURES)


def rows(by: str, sums: Iterable[Sums], currency: str) -> list[dict[str, Any]]:
    """One row a value, the largest first, periods in their order.

    A row's amounts are in `currency`, or in the one other currency that it has; further ones stand in `amounts`.
    """
    counts: dict[str, dict[str, int]] = {}
    amounts: dict[str, dict[str, dict[str, int]]] = {}
    for value, of_currency, measures in sums:
        counted = counts.setdefault(value, dict.fromkeys(_COUNTS, 0))
        for name in _COUNTS:
            counted[name] += measures[name]
        if of_currency:
            amounts.setdefault(value, {})[of_currency] = {name: measures[name] for name in AMOUNT_MEASURES}
    made = [{by: value, **counted, **_amounts(amounts.get(value, {}), currency)} for value, counted in counts.items()]
    in_order = by in ("day", "week", "month")
    return sorted(made, key=lambda row: row[by] if in_order else (-row["leads"], row[by]))


def total(sums: Iterable[Sums], currency: str) -> dict[str, Any]:
    """The sum of all rows."""
    added: dict[str, dict[str, int]] = {}
    for _, of_currency, measures in sums:
        known = added.setdefault(of_currency, dict.fromkeys(MEASURES, 0))
        added[of_currency] = {name: known[name] + measures[name] for name in MEASURES}
    made = rows("all", [("all", of_currency, measures) for of_currency, measures in added.items()], currency)
    empty = {**dict.fromkeys(_COUNTS, 0), **_amounts({}, currency)}
    return {name: value for name, value in (made[0] if made else empty).items() if name != "all"}


def _amounts(by_currency: dict[str, dict[str, int]], currency: str) -> dict[str, Any]:
    shown = next(iter(by_currency)) if len(by_currency) == 1 else currency
    main = _in(by_currency.get(shown, dict.fromkeys(AMOUNT_MEASURES, 0)), shown)
    if len(by_currency) < 2:
        return main
    return {**main, "amounts": [_in(each, of_currency) for of_currency, each in sorted(by_currency.items())]}


def _in(amounts: dict[str, int], currency: str) -> dict[str, Any]:
    major = {name: number(amounts[name], currency) for name in AMOUNT_MEASURES}
    return {**major, **{f"{name}_minor": amounts[name] for name in AMOUNT_MEASURES}, "currency": currency}
