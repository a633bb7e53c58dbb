"""Forgotten leads: owned and never called past the promise, given up uncalled, or waiting too long for an owner."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from analytics.domain.basis import Basis
from analytics.domain.facts import Facts, Id, instant, micros
from analytics.domain.reports.scope import Scope
from analytics.domain.reports.table import Table, columns
from analytics.domain.stages import counted, is_true, late_handoffs
from analytics.domain.values import Span, Value, Word

HEADS: Final = ("lead_id", "why", "owner", "team", "since", "age", "promises", "place")


class Forgotten(NamedTuple):
    """Why a lead is on the list, whose it is or was, and since when."""

    lead_id: UUID
    why: str
    owner: str | None
    team: str | None
    since: int
    promises: tuple[str, ...]
    place: str


def forgotten(lead_id: UUID, facts: Facts, place: str | None, basis: Basis, now: datetime) -> Forgotten | None:
    """Whether nobody took care of this lead, as of now. Past a promise: it was breached, or older than `in_time_s`."""
    if not counted(facts) or facts.erased is not None:
        return None
    limit_us, now_us = basis.in_time_s * 1_000_000, micros(now)
    broken = {each.promise for each in facts.breaches.values() if is_true(each)}
    if place == "waiting" and facts.placing is not None:
        since = facts.placing.recorded
        if "owner_found" in broken or now_us - since > limit_us:
            return Forgotten(lead_id, "waiting", None, None, since, tuple(sorted(broken)), place)
        return None
    if any(each.contacts or each.first_contact for each in facts.handoffs.values()):
        return None
    return _uncalled(lead_id, facts, place, now_us - limit_us, tuple(sorted(broken)))


def _uncalled(lead_id: UUID, facts: Facts, place: str | None, limit: int, broken: tuple[str, ...]) -> Forgotten | None:
    assigned = [(each.assignment, handoff_id) for handoff_id, each in facts.handoffs.items() if each.assignment]
    if not assigned:
        return None
    last, handoff_id = max(assigned, key=lambda each: (each[0].recorded, each[0].id))
    if place == "handoff":
        past = _late(facts, handoff_id) or last.at < limit
        why = "not_contacted"
    else:
        past = place is not None and place.startswith("pool:") and bool(late_handoffs(facts))
        why = "given_up"
    return Forgotten(lead_id, why, last.owner, last.team, last.at, broken, place or "") if past else None


def _late(facts: Facts, handoff_id: Id) -> bool:
    return handoff_id in late_handoffs(facts)


def forgotten_leads(found: Iterable[Forgotten], scope: Scope, now: datetime) -> Table:
    """The list, the longest forgotten first."""
    shown = sorted((each for each in found if scope.sees(each.owner, each.team)), key=lambda each: each.since)
    return Table("forgotten-leads", columns(*HEADS), [_row(each, micros(now)) for each in shown])


def _row(each: Forgotten, now_us: int) -> dict[str, Value]:
    return {
        "lead_id": each.lead_id,
        "why": Word("why", each.why),
        "owner": each.owner,
        "team": each.team,
        "since": instant(each.since),
        "age": Span(max(0, now_us - each.since) // 1000),
        "promises": ", ".join(each.promises),
        "place": Word("place", each.place),
    }
