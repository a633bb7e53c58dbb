"""The KPIs counted straight from events, apart from the service: no facts, no fold, UTC days."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from shared.contracts import (
    ClockBreached,
    ClockRevoked,
    Event,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadErased,
    LeadMoved,
    LeadPrescreened,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadScored,
    LeadUpdated,
    OpportunityLost,
    OpportunityOpened,
    OpportunityWon,
)

_ENDS = (
    LeadRejected,
    LeadRecycled,
    LeadReturned,
    LeadPrescreened,
    OpportunityOpened,
    OpportunityWon,
    OpportunityLost,
)
E = TypeVar("E", bound=Event)
Counts = Counter[str]


def _all(events: Iterable[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def _ms(span: timedelta) -> int:
    return max(0, span // timedelta(milliseconds=1))


def by_hand(
    told: Sequence[tuple[UUID, Event]], since: date | None, until: date | None, *, period: bool
) -> tuple[Counts, dict[str, list[int]]]:
    """Counts by name and amounts as `won CNY`, and the response times; `told` is each event with its id."""
    counts: Counts = Counter()
    spans: dict[str, list[int]] = defaultdict(list)
    leads: defaultdict[UUID, list[tuple[UUID, Event]]] = defaultdict(list)
    for event_id, event in told:
        leads[event.lead_id].append((event_id, event))
    for mine in leads.values():
        events = [event for _, event in mine]
        captured = _all(events, LeadCaptured)
        purged = any(each.purge for each in _all(events, LeadErased))
        if not captured or captured[0].is_test or purged:
            continue
        came = (since or date.min) <= captured[0].occurred_at.date() <= (until or date.max)

        def counts_at(at: datetime, *, came: bool = came) -> bool:
            return (since or date.min) <= at.date() <= (until or date.max) if period else came

        if came:
            counts["leads"] += 1
            counts["never_contacted"] += not _all(events, LeadContacted)
        _stages(events, counts, counts_at)
        _handoffs(events, captured[0], counts, spans, counts_at)
        _deals(mine, counts, counts_at)
    return counts, spans


def _stages(events: Sequence[Event], counts: Counts, counts_at: Callable[[datetime], bool]) -> None:
    won = [each.occurred_at for each in _all(events, OpportunityWon)]
    opportunity = won + [each.occurred_at for each in _all(events, OpportunityOpened)]
    sql = opportunity + [each.occurred_at for each in _all(events, LeadAccepted)]
    mql = sql + [each.occurred_at for each in _all(events, LeadQualified)]
    mql += [each.occurred_at for each in _all(events, LeadScored) if each.label in ("MQL", "SQL")]
    for name, instants in (("mql", mql), ("sql", sql), ("opportunity", opportunity), ("won", won)):
        counts[name] += bool(instants) and counts_at(min(instants))


def _handoffs(
    events: Sequence[Event],
    captured: LeadCaptured,
    counts: Counts,
    spans: dict[str, list[int]],
    counts_at: Callable[[datetime], bool],
) -> None:
    contacted: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for each in _all(events, LeadContacted):
        contacted[each.handoff_id].append(each.recorded_at if each.unproven else each.occurred_at)
    revoked = {each.clock_id for each in _all(events, ClockRevoked)}
    late = {
        each.handoff_id
        for each in _all(events, ClockBreached)
        if each.promise == "first_contact" and each.clock_id not in revoked
    }
    assigned = _all(events, LeadAssigned)
    ended: set[Any] = {each.previous_handoff_id for each in assigned}
    ended |= {event.handoff_id for event in events if isinstance(event, _ENDS)}
    out = max((each.recorded_at for each in _all(events, LeadMoved) if each.status == "invalid"), default=None)
    gone = bool(_all(events, LeadErased))
    for each in assigned:
        first = min(contacted[each.handoff_id], default=None)
        if first is not None and counts_at(first):
            spans["response"].append(_ms(first - each.occurred_at))
        if counts_at(each.occurred_at):
            counts["handoffs"] += 1
            if each.handoff_id in late:
                counts["missed"] += 1
            elif first is not None:
                counts["kept"] += 1
            else:
                over = gone or each.handoff_id in ended or (out is not None and each.recorded_at <= out)
                counts["not_owed" if over else "not_yet_due"] += 1
    firsts = [at for instants in contacted.values() for at in instants]
    if firsts and not captured.legacy and counts_at(min(firsts)):
        spans["customer"].append(_ms(min(firsts) - captured.occurred_at))
    starts = [each.occurred_at for each in assigned]
    if starts and not captured.legacy and counts_at(min(starts)):
        spans["flow"].append(_ms(min(starts) - captured.occurred_at))
    wins = [each.occurred_at for each in _all(events, OpportunityWon)]
    if wins and not captured.legacy and counts_at(min(wins)):
        spans["cycle"].append(_ms(min(wins) - captured.occurred_at))


def _deals(mine: Sequence[tuple[UUID, Event]], counts: Counts, counts_at: Callable[[datetime], bool]) -> None:
    events = [event for _, event in mine]
    named = [
        (event.occurred_at, event_id, event.attributes.source)
        for event_id, event in mine
        if isinstance(event, LeadCaptured | LeadUpdated) and event.attributes.source is not None
    ]
    source = min(named)[2] if named else None
    won = _all(events, OpportunityWon)
    for each in won:
        if counts_at(each.occurred_at):
            counts["deals_won"] += 1
            counts[f"won {each.currency}"] += each.amount_minor
            counts[f"orders {each.currency}"] += 1
            counts[f"marketing {each.currency}"] += each.amount_minor if source == "trade show" else 0
    closed = {each.opportunity_id for each in won}
    for each in _all(events, OpportunityLost):
        counts["deals_lost"] += each.opportunity_id not in closed and counts_at(each.occurred_at)
