"""What the KPIs are made of, added up lead by lead: each sum by the rule that its definition writes down."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from analytics.domain.basis import Basis
from analytics.domain.contribution import local_day
from analytics.domain.facts import Facts, Opportunity
from analytics.domain.place import is_open
from analytics.domain.stages import counted, earliest, late_handoffs, response_ms, stages

Holds = Callable[[int | None], bool]


@dataclass(frozen=True, slots=True)
class Days:
    """A span of days, both included; open where None. `by_event` counts what happened in it, else whoever came in it."""

    since: date | None = None
    until: date | None = None
    by_event: bool = False

    def hold(self, day: date) -> bool:
        """Whether the day is one of them."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(slots=True)
class Tally:
    """Sums so far. Times are milliseconds; amounts are minor units by currency."""

    counts: Counter[str] = field(default_factory=Counter[str])
    responses: list[int] = field(default_factory=list[int])
    customer_responses: list[int] = field(default_factory=list[int])
    flow: list[int] = field(default_factory=list[int])
    cycles: list[int] = field(default_factory=list[int])
    won: Counter[str] = field(default_factory=Counter[str])
    orders: Counter[str] = field(default_factory=Counter[str])
    marketing_won: Counter[str] = field(default_factory=Counter[str])


def add(tally: Tally, facts: Facts, basis: Basis, days: Days, sales_sources: frozenset[str]) -> None:
    """One lead more. With `by_event` each thing counts that happened on these days, else all of a lead captured then."""
    if facts.captured is None or not counted(facts):
        return
    captured = days.hold(local_day(facts.captured, basis.zone))
    if not days.by_event and not captured:
        return

    def holds(at: int | None) -> bool:
        return not days.by_event or (at is not None and days.hold(local_day(at, basis.zone)))

    counts = tally.counts
    if captured:
        counts["leads"] += 1
        counts["never_contacted"] += all(each.first_contact is None for each in facts.handoffs.values())
    for name, at in zip(("mql", "sql", "opportunity", "won"), reached := stages(facts, basis), strict=True):
        counts[name] += at is not None and holds(at)
    if facts.handoffs:
        _add_handoffs(tally, facts, basis, holds)
    if facts.opportunities:
        source = facts.first.get("source", (0, b"", None))[2]
        ours = source is not None and source not in sales_sources
        for each in facts.opportunities.values():
            _add_opportunity(tally, each, holds, marketing=ours)
    if reached.won is not None and holds(reached.won) and not facts.legacy:
        tally.cycles.append(max(0, reached.won - facts.captured) // 1000)


def _add_handoffs(tally: Tally, facts: Facts, basis: Basis, holds: Holds) -> None:
    counts, late, limit_ms = tally.counts, late_handoffs(facts), basis.in_time_s * 1000
    for handoff_id, handoff in facts.handoffs.items():
        took_ms = response_ms(handoff)
        if took_ms is not None and holds(handoff.first_contact):
            tally.responses.append(took_ms)
            counts["in_time"] += took_ms <= limit_ms
        if handoff.assignment is not None and holds(handoff.assignment.at):
            counts["handoffs"] += 1
            held = facts.erased is None and is_open(handoff, facts.invalid_recorded)
            counts[_kept(handoff_id in late, took_ms is not None, held=held)] += 1
    captured = facts.captured or 0
    contact = earliest(each.first_contact for each in facts.handoffs.values())
    if contact is not None and not facts.legacy and holds(contact):
        took_ms = max(0, contact - captured) // 1000
        tally.customer_responses.append(took_ms)
        counts["customer_in_time"] += took_ms <= limit_ms
    assigned = earliest(each.assignment.at for each in facts.handoffs.values() if each.assignment)
    if assigned is not None and not facts.legacy and holds(assigned):
        tally.flow.append(max(0, assigned - captured) // 1000)


def _kept(late: bool, contacted: bool, *, held: bool) -> str:  # noqa: FBT001 - three facts of one handoff
    """How a handoff stands to its promise: what ended uncontacted before it was due was never owed."""
    if late:
        return "missed"
    if contacted:
        return "kept"
    return "not_yet_due" if held else "not_owed"


def _add_opportunity(tally: Tally, opportunity: Opportunity, holds: Holds, *, marketing: bool) -> None:
    won = opportunity.won
    if won is not None and holds(won.at):
        currency, amount = won.currency or "", won.amount or 0
        tally.counts["deals_won"] += 1
        tally.orders[currency] += 1
        tally.won[currency] += amount
        if marketing:
            tally.marketing_won[currency] += amount
    elif won is None and opportunity.lost and holds(opportunity.lost_at):
        tally.counts["deals_lost"] += 1
