"""How well each rep follows up: leads, first responses in time, contacts by channel, conversion, breaches."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from analytics.domain.basis import Basis
from analytics.domain.contribution import local_day
from analytics.domain.facts import Facts, Handoff, Opportunity
from analytics.domain.kpis import percentile
from analytics.domain.reports.scope import Scope
from analytics.domain.reports.table import Column, Table, columns
from analytics.domain.stages import counted, is_true, late_handoffs, response_ms
from analytics.domain.tally import Days
from analytics.domain.values import Ratio, Span, Value


class Rep(NamedTuple):
    """A rep as of the handoff."""

    owner: str
    team: str


@dataclass(slots=True)
class FollowUp:
    """Sums of one rep so far."""

    counts: Counter[str] = field(default_factory=Counter[str])
    channels: Counter[str] = field(default_factory=Counter[str])
    responses: list[int] = field(default_factory=list[int])


def add(reps: dict[Rep, FollowUp], facts: Facts, basis: Basis, days: Days) -> None:
    """One lead more: its handoffs that were assigned on these days, and what came of each."""
    if not counted(facts):
        return
    late = late_handoffs(facts)
    handed: set[Rep] = set()
    for handoff_id, handoff in facts.handoffs.items():
        assignment = handoff.assignment
        if assignment is None or not days.hold(local_day(assignment.at, basis.zone)):
            continue
        rep = Rep(assignment.owner, assignment.team)
        mine = reps.setdefault(rep, FollowUp())
        mine.counts["leads"] += rep not in handed
        handed.add(rep)
        _add_handoff(mine, handoff, late=handoff_id in late, limit_ms=basis.in_time_s * 1000)
        deals = [each for each in facts.opportunities.values() if _handoff_of(each) == handoff_id]
        mine.counts["opportunities"] += len(deals)
        mine.counts["won"] += sum(each.won is not None for each in deals)
        for breach in facts.breaches.values():
            if breach.handoff == handoff_id:
                mine.counts["breaches"] += is_true(breach)
                mine.counts["revoked"] += breach.revoked


def _add_handoff(mine: FollowUp, handoff: Handoff, *, late: bool, limit_ms: int) -> None:
    took_ms, counts = response_ms(handoff), mine.counts
    counts["handoffs"] += 1
    counts["contacts"] += handoff.contacts
    mine.channels.update(handoff.channels)
    counts["missed"] += late
    if took_ms is not None:
        mine.responses.append(took_ms)
        counts["kept"] += not late
        counts["in_time"] += took_ms <= limit_ms


def _handoff_of(opportunity: Opportunity) -> bytes | None:
    deal = opportunity.won or opportunity.opened
    return deal.handoff if deal else None


def rep_follow_up(reps: Mapping[Rep, FollowUp], scope: Scope) -> Table:
    """A row a rep. A lead handed to two reps is a lead of both, so leads don't add up to the funnel's."""
    shown = {rep: found for rep, found in reps.items() if scope.sees(rep.owner, rep.team)}
    channels = sorted({channel for found in shown.values() for channel in found.channels})
    heads = [
        *columns("rep", "team", "leads", "handoffs", "responses", "in_promise", "in_time", "response_p50"),
        Column("contacts"),
        *(Column("contacts", of=channel, words="channel") for channel in channels),
        *columns("opportunities", "won", "lead_to_opportunity", "lead_to_won", "breaches", "revoked"),
    ]
    ordered = sorted(shown, key=lambda rep: (rep.team, rep.owner))
    rows = [{"rep": rep.owner, "team": rep.team, **_cells(shown[rep], channels)} for rep in ordered]
    return Table("rep-follow-up", heads, rows, _cells(_all(shown.values()), channels))


def _all(found: Iterable[FollowUp]) -> FollowUp:
    every = FollowUp()
    for each in found:
        every.counts.update(each.counts)
        every.channels.update(each.channels)
        every.responses += each.responses
    return every


def _cells(found: FollowUp, channels: Iterable[str]) -> dict[str, Value]:
    counts = found.counts
    median = percentile(sorted(found.responses), 50)
    return {
        **{name: counts[name] for name in ("leads", "handoffs", "contacts", "opportunities", "won")},
        "responses": len(found.responses),
        "in_promise": Ratio(counts["kept"], counts["kept"] + counts["missed"]),
        "in_time": Ratio(counts["in_time"], len(found.responses)),
        "response_p50": None if median is None else Span(median),
        **{f"contacts_{channel}": found.channels[channel] for channel in channels},
        "lead_to_opportunity": Ratio(counts["opportunities"], counts["leads"]),
        "lead_to_won": Ratio(counts["won"], counts["leads"]),
        "breaches": counts["breaches"],
        "revoked": counts["revoked"],
    }
