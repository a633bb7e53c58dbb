"""Which source pays, and which campaign: the funnel's sums with their rates, and what was spent."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from analytics.domain.contribution import UNKNOWN, key
from analytics.domain.funnel import Sums
from analytics.domain.reports.table import Column, Table, columns, in_order, money_columns
from analytics.domain.spend import Spend
from analytics.domain.values import Each, Money, Multiple, Ratio, Value

_COUNTS: Final = ("leads", "mql", "sql", "opportunities", "won")
Line = tuple[Counter[str], Mapping[str, Counter[str]]]
"""A row's counts, and its amounts by measure and currency."""


def source_funnel(sums: Iterable[Sums], currency: str) -> Table:
    """Per source: leads, MQL, opportunities, the rates between them, the won amount, also by lead and opportunity."""
    lines = _lines(sums)
    shown = in_order((each for _, amounts in lines.values() for each in amounts["won_amount"]), currency)
    money = money_columns(("won_amount", "per_lead", "per_opportunity"), shown)
    heads = columns(
        "source", "leads", "mql", "lead_to_mql", "opportunities", "mql_to_opportunity", "lead_to_opportunity"
    )

    def cells(line: Line) -> dict[str, Value]:
        counts, amounts = line
        found: dict[str, Value] = {
            "leads": counts["leads"],
            "mql": counts["mql"],
            "lead_to_mql": Ratio(counts["mql"], counts["leads"]),
            "opportunities": counts["opportunities"],
            "mql_to_opportunity": Ratio(counts["opportunities"], counts["mql"]),
            "lead_to_opportunity": Ratio(counts["opportunities"], counts["leads"]),
        }
        for n, each in enumerate(shown):
            won, suffix = amounts["won_amount"][each], f"_{each}" if n else ""
            found[f"won_amount{suffix}"] = Money(won, each)
            found[f"per_lead{suffix}"] = Each(won, counts["leads"], each)
            found[f"per_opportunity{suffix}"] = Each(won, counts["opportunities"], each)
        return found

    return _table("source-funnel", "source", [*heads, *money], lines, cells)


def campaign_roi(
    sums: Iterable[Sums], spend: Sequence[Spend], currency: str, since: date | None, until: date | None
) -> Table:
    """Per campaign: what it cost, what came of it, and won amount / cost. Spend of no campaign is `unknown`'s."""
    lines = _lines(sums)
    for row in spend:
        _, amounts = lines.setdefault(key(row.campaign), _line())
        amounts["cost"][row.currency] += row.within(since, until)
    every = (each for _, amounts in lines.values() for name in ("cost", "won_amount") for each in amounts[name])
    shown = in_order(every, currency)
    money = money_columns(("cost", "won_amount", "roi", "cost_per_lead", "cost_per_opportunity"), shown)

    def cells(line: Line) -> dict[str, Value]:
        counts, amounts = line
        found: dict[str, Value] = {name: counts[name] for name in _COUNTS}
        for n, each in enumerate(shown):
            cost, won, suffix = amounts["cost"][each], amounts["won_amount"][each], f"_{each}" if n else ""
            found[f"cost{suffix}"] = Money(cost, each)
            found[f"won_amount{suffix}"] = Money(won, each)
            found[f"roi{suffix}"] = Multiple(won, cost)
            found[f"cost_per_lead{suffix}"] = Each(cost, counts["leads"], each)
            found[f"cost_per_opportunity{suffix}"] = Each(cost, counts["opportunities"], each)
        return found

    return _table("campaign-roi", "campaign", [*columns("campaign", *_COUNTS), *money], lines, cells)


def _line() -> Line:
    return Counter[str](), defaultdict[str, Counter[str]](Counter[str])


def _lines(sums: Iterable[Sums]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for value, currency, measures in sums:
        counts, amounts = lines.setdefault(value, _line())
        for name in _COUNTS:
            counts[name] += measures[name]
        if currency and measures["won_amount"]:
            amounts["won_amount"][currency] += measures["won_amount"]
    return lines


def _table(
    name: str, by: str, heads: Sequence[Column], lines: Mapping[str, Line], cells: Callable[[Line], dict[str, Value]]
) -> Table:
    every, sums = _line()
    for counts, amounts in lines.values():
        every.update(counts)
        for measure, by_currency in amounts.items():
            sums[measure].update(by_currency)
    ordered = sorted(lines, key=lambda value: (value == UNKNOWN, -lines[value][0]["leads"], value))
    return Table(name, heads, [{by: value, **cells(lines[value])} for value in ordered], cells((every, sums)))
