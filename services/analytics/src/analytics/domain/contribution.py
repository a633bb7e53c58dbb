"""What one lead adds to the figures: whole numbers by cell, a function of its facts and nothing else."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from analytics.domain.basis import Basis
from analytics.domain.facts import Facts, Handoff, instant
from analytics.domain.fold import FIRST_TOUCH, LATEST
from analytics.domain.place import place

LEAD_MEASURES: Final = ("leads", "mql", "sql", "assigned", "contacted", "opportunities", "won")
HANDOFF_MEASURES: Final = ("handoffs", "contacts", "breaches", "revoked", "responses", "response_ms", "in_time")
CUSTOMER_MEASURES: Final = ("captured_responses", "captured_response_ms", "captured_in_time")
AMOUNT_MEASURES: Final = ("opportunity_amount", "won_amount")
MEASURES: Final = (*LEAD_MEASURES, *CUSTOMER_MEASURES, *HANDOFF_MEASURES, *AMOUNT_MEASURES)
"""Counts, milliseconds and minor units. `response_ms` runs from the assignment to the first contact of each answered
handoff, `captured_response_ms` from the capture to the lead's first contact (not for legacy leads)."""

LEAD_DIMENSIONS: Final = (*FIRST_TOUCH, *LATEST, "tier", "place")
DIMENSIONS: Final = (*LEAD_DIMENSIONS, "team", "rep", "promise")
UNKNOWN: Final = "unknown"

_LEAD_WIDTH: Final = len(LEAD_MEASURES) + len(CUSTOMER_MEASURES)
_NO_LEAD: Final = (0,) * _LEAD_WIDTH
_NO_HANDOFF: Final = (0,) * len(HANDOFF_MEASURES)
_NO_AMOUNT: Final = (0,) * len(AMOUNT_MEASURES)
_LONGEST: Final = 200  # a value is part of a key

Measures = tuple[int, ...]


class Cell(NamedTuple):
    """Counts stand under the empty currency, amounts under their own."""

    dimension: str
    value: str
    day: date
    currency: str = ""


class Desk(NamedTuple):
    """Who had a handoff."""

    team: str
    owner: str


_NOBODY: Final = Desk(UNKNOWN, UNKNOWN)


def contribution(facts: Facts, basis: Basis) -> dict[Cell, Measures]:
    """What the lead adds, by cell; empty for a test lead, one purged, and one whose capture is not known yet.

    Each dimension is a partition of the leads: summed over its values, any of them gives the same totals. By team and
    rep, what concerns the lead stands with the handoff that decided (won, else opened, else the latest), and what
    concerns a handoff with that handoff's own. The day is the capture's, in the company's zone.
    """
    if facts.captured is None or facts.test or facts.purged:
        return {}
    day = local_day(facts.captured, basis.zone)
    lead = _of_lead(facts, basis)
    by_desk = _by_desk(facts, basis)
    every = tuple(map(sum, zip(*by_desk.values(), strict=True))) if by_desk else _NO_HANDOFF
    decided = _deciding(facts)
    amounts = _amounts(facts)
    cells: dict[Cell, Measures] = {}
    for dimension, value in _values(facts):
        cells[Cell(dimension, value, day)] = (*lead, *every, *_NO_AMOUNT)
        for currency, amount in amounts.items():
            cells[Cell(dimension, value, day, currency)] = (*_NO_LEAD, *_NO_HANDOFF, *amount)
    for dimension, mine in (("team", decided.team), ("rep", decided.owner)):
        _add(cells, Cell(dimension, mine, day), (*lead, *_NO_HANDOFF, *_NO_AMOUNT))
        for currency, amount in amounts.items():
            _add(cells, Cell(dimension, mine, day, currency), (*_NO_LEAD, *_NO_HANDOFF, *amount))
        for desk, measures in by_desk.items():
            value = desk.team if dimension == "team" else desk.owner
            _add(cells, Cell(dimension, value, day), (*_NO_LEAD, *measures, *_NO_AMOUNT))
    for breach in facts.breaches.values():
        measures = _breach_measures(breached=breach.breached, revoked=breach.revoked)
        _add(cells, Cell("promise", _key(breach.promise), day), (*_NO_LEAD, *measures, *_NO_AMOUNT))
    return cells


def _add(cells: dict[Cell, Measures], cell: Cell, measures: Measures) -> None:
    known = cells.get(cell)
    cells[cell] = measures if known is None else tuple(map(int.__add__, known, measures))


def _key(value: str | None) -> str:
    """A value as part of a key: bounded, and free of what a database's text can't hold."""
    return (value or UNKNOWN).replace("\0", "")[:_LONGEST] or UNKNOWN


def _values(facts: Facts) -> Iterator[tuple[str, str]]:
    for name in FIRST_TOUCH:
        yield name, _key(facts.first[name][2]) if name in facts.first else UNKNOWN
    for name in LATEST:
        yield name, _key(facts.last[name][2]) if name in facts.last else UNKNOWN
    yield "tier", _key(facts.score.tier) if facts.score else UNKNOWN
    yield "place", place(facts) or UNKNOWN


def _of_lead(facts: Facts, basis: Basis) -> Measures:
    """Cumulative: a lead that came to a stage has been through the stages before it."""
    won = any(each.won for each in facts.opportunities.values())
    opportunity = won or any(each.opened for each in facts.opportunities.values())
    reached = {"tier": facts.sql is not None, "accepted": facts.accepted is not None, "opportunity": False}
    sql = opportunity or reached[basis.sql]
    mql = sql or facts.mql is not None
    assigned = any(each.assignment for each in facts.handoffs.values())
    contacts = [each.first_contact for each in facts.handoffs.values() if each.first_contact is not None]
    response_us = max(0, min(contacts) - facts.captured) if contacts and facts.captured is not None else None
    counted = (1, int(mql), int(sql), int(assigned), int(bool(contacts)), int(opportunity), int(won))
    if response_us is None or facts.legacy:
        return (*counted, 0, 0, 0)
    return (*counted, 1, response_us // 1000, int(response_us <= basis.in_time_s * 1_000_000))


def _desk(handoff: Handoff | None) -> Desk:
    assignment = handoff.assignment if handoff else None
    return Desk(_key(assignment.team), _key(assignment.owner)) if assignment else _NOBODY


def _by_desk(facts: Facts, basis: Basis) -> dict[Desk, Measures]:
    desks: dict[Desk, Measures] = {}
    for handoff in facts.handoffs.values():
        _sum(desks, _desk(handoff), _of_handoff(handoff, basis))
    for breach in facts.breaches.values():
        handoff = facts.handoffs.get(breach.handoff) if breach.handoff else None
        known = handoff is not None and handoff.assignment is not None
        desk = _desk(handoff) if known else Desk(_key(breach.team), _key(breach.owner))
        _sum(desks, desk, _breach_measures(breached=breach.breached, revoked=breach.revoked))
    return desks


def _sum(desks: dict[Desk, Measures], desk: Desk, measures: Measures) -> None:
    known = desks.get(desk)
    desks[desk] = measures if known is None else tuple(map(int.__add__, known, measures))


def _of_handoff(handoff: Handoff, basis: Basis) -> Measures:
    handoffs = int(handoff.assignment is not None)
    if handoff.assignment is None or handoff.first_contact is None:
        return (handoffs, handoff.contacts, 0, 0, 0, 0, 0)
    response_us = max(0, handoff.first_contact - handoff.assignment.at)
    in_time = int(response_us <= basis.in_time_s * 1_000_000)
    return (handoffs, handoff.contacts, 0, 0, 1, response_us // 1000, in_time)


def _breach_measures(*, breached: bool, revoked: bool) -> Measures:
    """A breach that was revoked is no breach; it is counted as revoked."""
    return (0, 0, int(breached and not revoked), int(revoked), 0, 0, 0)


def _deciding(facts: Facts) -> Desk:
    won = [each.won for each in facts.opportunities.values() if each.won]
    deals = won or [each.opened for each in facts.opportunities.values() if each.opened]
    if deals:
        return _desk(facts.handoffs.get(max(deals, key=lambda deal: (deal.recorded, deal.id)).handoff))
    assigned = [each for each in facts.handoffs.values() if each.assignment]
    return _desk(max(assigned, key=_assigned_order)) if assigned else _NOBODY


def _assigned_order(handoff: Handoff) -> tuple[int, int]:
    assignment = handoff.assignment
    return (assignment.recorded, assignment.id.int) if assignment else (0, 0)


def _amounts(facts: Facts) -> dict[str, Measures]:
    """By currency. An opportunity that was opened without an amount is worth what it was won for."""
    amounts: dict[str, tuple[int, int]] = {}
    for each in facts.opportunities.values():
        worth = each.opened if each.opened and each.opened.amount is not None else each.won
        for deal, share in ((worth, (1, 0)), (each.won, (0, 1))):
            if deal is not None and deal.amount is not None:
                currency = _key(deal.currency)
                opened, won = amounts.get(currency, (0, 0))
                amounts[currency] = (opened + share[0] * deal.amount, won + share[1] * deal.amount)
    return dict(amounts)


def local_day(at_us: int, zone: str) -> date:
    """The day in a zone. Zones' offsets change on whole quarter hours, so the quarter hour decides."""
    return _day_of_quarter(at_us // 900_000_000, zone)


@lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int, zone: str) -> date:
    return instant(quarter * 900_000_000).astimezone(ZoneInfo(zone)).date()
