"""Bad lead or late rep: every rejection beside its response time, promise, breach and score at the handoff."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from analytics.domain.basis import Basis
from analytics.domain.facts import Facts, Id, micros
from analytics.domain.reports.scope import Scope
from analytics.domain.reports.table import Table, columns
from analytics.domain.stages import FIRST_CONTACT, late_handoffs, response_ms
from analytics.domain.values import Span, Value, Word
from shared.contracts import ClockBreached, ClockStarted, Event, LeadAssigned, LeadRejected

Verdict = Literal["late_rep", "bad_lead", "both", "neither"]
OF_THE_LEAD: Final = frozenset(
    {"wrong_info", "insufficient_budget", "not_our_segment", "not_decision_maker", "duplicate", "spam", "test"}
)
"""Reasons that were true before anybody called. The others (no need, timing, a competitor, unreachable) may have come
with the delay."""
HEADS: Final = (
    "lead_id", "rep", "team", "rejected_at", "reason", "rating", "score", "tier",
    "assigned_at", "response", "promise", "due_at", "breached", "verdict", "suggestion",
)  # fmt: skip


class Rejection(NamedTuple):
    """A rejected handoff with all that settles the argument."""

    event: LeadRejected
    assigned: LeadAssigned | None
    response_ms: int | None
    clock: ClockStarted | ClockBreached | None
    late: bool
    breached: bool

    @property
    def verdict(self) -> Verdict:
        """Whose fault it was."""
        return verdict(self.event.reason, late=self.late)

    @property
    def team(self) -> str | None:
        return self.assigned.team if self.assigned else None


def verdict(reason: str, *, late: bool) -> Verdict:
    """The rep's where the promise was broken, the lead's where the reason was true before anybody called."""
    if reason in OF_THE_LEAD:
        return "both" if late else "bad_lead"
    return "late_rep" if late else "neither"


def rejection(event: LeadRejected, facts: Facts, events: Iterable[Event], basis: Basis) -> Rejection:
    """One rejection beside its facts. Where no first contact was promised, late is later than `in_time_s`."""
    assigned: LeadAssigned | None = None
    clock: ClockStarted | ClockBreached | None = None
    for each in events:
        if isinstance(each, LeadAssigned) and each.handoff_id == event.handoff_id:
            assigned = each
        elif isinstance(each, ClockStarted | ClockBreached) and each.promise == FIRST_CONTACT:
            clock = each if each.handoff_id == event.handoff_id else clock
    handoff_id: Id = event.handoff_id.bytes
    handoff = facts.handoffs.get(handoff_id)
    took_ms = response_ms(handoff) if handoff else None
    breached = handoff_id in late_handoffs(facts)
    late = breached or (clock is None and _slow(event, assigned, took_ms, basis))
    return Rejection(event, assigned, took_ms, clock, late, breached)


def _slow(event: LeadRejected, assigned: LeadAssigned | None, took_ms: int | None, basis: Basis) -> bool:
    if took_ms is None and assigned is not None:
        took_ms = (micros(event.occurred_at) - micros(assigned.occurred_at)) // 1000
    return took_ms is not None and took_ms > basis.in_time_s * 1000


def lateness_or_quality(found: Sequence[Rejection], scope: Scope, name: str = "lateness-or-quality") -> Table:
    """The list, the latest first."""
    shown = [each for each in found if scope.sees(each.event.owner, each.team)]
    ordered = sorted(shown, key=lambda each: (each.event.occurred_at, each.event.lead_id), reverse=True)
    return Table(name, columns(*HEADS), [_row(each) for each in ordered])


def _row(each: Rejection) -> dict[str, Value]:
    event, assigned = each.event, each.assigned
    return {
        "lead_id": event.lead_id,
        "rep": event.owner,
        "team": each.team,
        "rejected_at": event.occurred_at,
        "reason": Word("reason", event.reason),
        "rating": event.rating,
        "score": None if assigned is None else f"{assigned.score_milli / 1000:.1f}",
        "tier": assigned.tier if assigned else None,
        "assigned_at": assigned.occurred_at if assigned else None,
        "response": None if each.response_ms is None else Span(each.response_ms),
        "promise": Word("promise", FIRST_CONTACT) if each.clock else None,
        "due_at": each.clock.due_at if each.clock else None,
        "breached": each.breached,
        "verdict": Word("verdict", each.verdict),
        "suggestion": Word("suggestion", suggestion(each.verdict, event.reason)),
    }


def suggestion(fault: Verdict, reason: str) -> str:
    """What to do next, by its name in the catalogue."""
    match fault:
        case "late_rep":
            return "call_again"
        case "both":
            return "call_again_and_mend"
        case "bad_lead":
            return f"mend_{reason}" if reason in OF_THE_LEAD else "nurture"
        case "neither":
            return "nurture"
