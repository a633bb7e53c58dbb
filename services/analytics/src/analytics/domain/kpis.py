"""The KPIs: from a tally and what was spent to each one's numerator, denominator and ratio."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from analytics.domain.spend import Spend
from analytics.domain.tally import Tally
from analytics.domain.values import Each, Multiple, Ratio, Span

UNKNOWN_YET: Final = ("alignment_score", "marketing_influenced", "monthly_attainment", "cross_sell", "up_sell")
"""KPIs that need facts which nobody has told Baton; each says in words what is missing."""

OF_COSTS: Final = frozenset({"cost_per_lead", "cost_per_close", "cac"})
"""KPIs that are nothing without spend."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean duration: all milliseconds, of how many; with the median and the ninetieth percentile."""

    total_ms: int
    count: int
    p50_ms: int | None
    p90_ms: int | None

    @property
    def text(self) -> str:
        return Span(self.total_ms // self.count).text if self.count else "–"


Value = Ratio | Each | Mean


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI. `by_currency` where it is about money, one value each; `also` are counts that its definition names."""

    id: str
    value: Value | None
    by_currency: Sequence[tuple[str, Value]] = ()
    also: Mapping[str, int | None] = field(default_factory=dict[str, int | None])


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent, minor units by currency."""

    marketing: Counter[str]
    sales: Counter[str]

    @property
    def all(self) -> Counter[str]:
        return _sum(self.marketing, self.sales)


def spent(rows: Iterable[Spend], since: date | None, until: date | None) -> Spent:
    """The shares of these rows that fall on these days."""
    by_kind = {"marketing": Counter[str](), "sales": Counter[str]()}
    for row in rows:
        by_kind[row.kind][row.currency] += row.within(since, until)
    return Spent(by_kind["marketing"], by_kind["sales"])


def _sum(one: Counter[str], other: Counter[str]) -> Counter[str]:
    """By currency; unlike Counter's own it keeps what is zero or less, such as a credit note."""
    return Counter({currency: one[currency] + other[currency] for currency in (*one, *other)})


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The nearest rank: the least value that at least so many percent do not exceed. `values` are in order."""
    return values[-(-len(values) * percent // 100) - 1] if values else None


def kpis(tally: Tally, costs: Spent, currency: str) -> list[Kpi]:
    """Every KPI in the order they are read. `currency` stands first where there are several, or none."""
    counts = tally.counts
    due = counts["kept"] + counts["missed"]
    owed: dict[str, int | None] = {name: counts[name] for name in ("not_yet_due", "not_owed")}
    return [
        Kpi("mql_to_sql", Ratio(counts["sql"], counts["mql"])),
        Kpi("lead_to_opportunity", Ratio(counts["opportunity"], counts["leads"])),
        Kpi("sql_to_customer", Ratio(counts["won"], counts["sql"])),
        Kpi("win_rate", Ratio(counts["deals_won"], counts["deals_won"] + counts["deals_lost"])),
        _response("response_time", tally.responses, counts["in_time"]),
        _response("customer_response_time", tally.customer_responses, counts["customer_in_time"]),
        Kpi("follow_up_timeliness", Ratio(counts["kept"], due), also=owed),
        Kpi("missed_leads", Ratio(counts["never_contacted"], counts["leads"])),
        Kpi("missed_handoffs", Ratio(counts["missed"], due), also=owed),
        Kpi("flow_time", _mean(tally.flow)),
        Kpi("sales_cycle", _mean(tally.cycles)),
        _money("cost_per_lead", currency, costs.marketing, lambda c: Each(costs.marketing[c], counts["leads"], c)),
        _money("cost_per_close", currency, costs.all, lambda c: Each(costs.all[c], counts["deals_won"], c)),
        _money("cac", currency, costs.all, lambda c: Each(costs.all[c], counts["won"], c)),
        _money("roi", currency, _sum(costs.all, tally.won), lambda c: Multiple(tally.won[c], costs.all[c])),
        _money("average_order_value", currency, tally.orders, lambda c: Each(tally.won[c], tally.orders[c], c)),
        _money("marketing_sourced", currency, tally.won, lambda c: Ratio(tally.marketing_won[c], tally.won[c])),
        *(Kpi(name, None) for name in UNKNOWN_YET),
    ]


def _response(name: str, responses: Sequence[int], in_time: int) -> Kpi:
    ordered = sorted(responses)
    also = {"p50_ms": percentile(ordered, 50), "p90_ms": percentile(ordered, 90)}
    return Kpi(name, Ratio(in_time, len(ordered)), also=also)


def _mean(spans: Sequence[int]) -> Mean:
    ordered = sorted(spans)
    return Mean(sum(ordered), len(ordered), percentile(ordered, 50), percentile(ordered, 90))


def _money(name: str, currency: str, amounts: Mapping[str, int], value: Callable[[str], Value]) -> Kpi:
    """One value a currency, never added up; the one currency there is, else the company's, stands first.

    Costs in one currency and revenue in another make no ratio: the zero side shows. Of no amounts at all there is no
    value: nobody has told what was spent, which is not nothing.
    """
    if name in OF_COSTS and not amounts:
        return Kpi(name, None)
    there = sorted(amounts)
    shown = there[0] if len(there) == 1 else currency
    return Kpi(name, value(shown), [(each, value(each)) for each in there or [shown]])
