"""What one lead adds to the figures: whole numbers by cell, a function of its facts and nothing else."""

from collections.abc import Collection, Mapping
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from analytics.domain.basis import Basis
from analytics.domain.facts import Breach, Facts, Handoff, instant
from analytics.domain.place import place
from analytics.domain.words import FIRST_TOUCH, LATEST

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


class Held(msgspec.Struct, frozen=True, gc=False):
    """What follows from a lead's handoffs, opportunities and breaches."""

    decided: Desk
    by_desk: tuple[tuple[Desk, Measures], ...] = ()
    amounts: tuple[tuple[str, Measures], ...] = ()
    promises: tuple[tuple[str, Measures], ...] = ()


class Standing(msgspec.Struct, frozen=True, gc=False):
    """All that a lead's cells follow from. Plain values, so that leads that stand alike share their cells."""

    day: date
    words: tuple[str, ...]
    """Of FIRST_TOUCH and LATEST."""
    tier: str
    place: str
    lead: Measures
    held: Held


_NOBODY: Final = Desk(UNKNOWN, UNKNOWN)
_BY_NOBODY: Final = Held(_NOBODY)
_NO_ANSWER: Final = (0, 0, 0)


def contribution(facts: Facts, basis: Basis) -> dict[Cell, Measures]:
    """What the lead adds, by cell; empty for a test lead, one purged, and one whose capture is not known yet."""
    return dict(cells(standing(facts, basis, place(facts))))


def of_teams(facts: Facts, basis: Basis, teams: Collection[str]) -> dict[Cell, Measures]:
    """What the lead adds by team and by rep, of these teams' handoffs alone.

    What concerns the lead stands with the handoff that decided: it is theirs or not at all, so teams add up to all.
    """
    stands = standing(facts, basis, place(facts))
    if stands is None:
        return {}
    held, decided = stands.held, stands.held.decided.team in teams
    theirs = replace(
        held,
        by_desk=tuple(each for each in held.by_desk if each[0].team in teams),
        amounts=held.amounts if decided else (),
    )
    seen = replace(stands, lead=stands.lead if decided else _NO_LEAD, held=theirs)
    return {cell: sums for cell, sums in cells(seen).items() if cell.dimension in ("team", "rep") and any(sums)}


def standing(facts: Facts, basis: Basis, where: str | None, words: tuple[str, ...] | None = None) -> Standing | None:
    """How the lead stands whose place is `where`; None for one that adds nothing. `words` where they are known."""
    if facts.captured is None or facts.test or facts.purged:
        return None
    return Standing(
        local_day(facts.captured, basis.zone),
        words or _words(facts),
        key(facts.score.tier) if facts.score else UNKNOWN,
        where or UNKNOWN,
        _of_lead(facts, basis),
        _held(facts, basis) if facts.handoffs or facts.opportunities or facts.breaches else _BY_NOBODY,
    )


def _words(facts: Facts) -> tuple[str, ...]:
    first, last = facts.first, facts.last
    came = [first[name][2] if name in first else None for name in FIRST_TOUCH]
    return _keys((*came, *[last[name][2] if name in last else None for name in LATEST]))


@lru_cache(maxsize=4096)
def _keys(said: tuple[str | None, ...]) -> tuple[str, ...]:
    """Leads of one campaign say the same."""
    return tuple([key(each) for each in said])


def _held(facts: Facts, basis: Basis) -> Held:
    return Held(
        _deciding(facts),
        tuple(_by_desk(facts, basis).items()),
        tuple(_amounts(facts).items()) if facts.opportunities else (),
        tuple([(key(each.promise), _of_breach(each)) for each in facts.breaches.values()]) if facts.breaches else (),
    )


@lru_cache(maxsize=1024)
def cells(stands: Standing | None) -> Mapping[Cell, Measures]:
    """What a lead that stands so adds, by cell.

    Each dimension is a partition of the leads: summed over its values, any of them gives the same totals. By team and
    rep, what concerns the lead stands with the handoff that decided (won, else opened, else the latest), and what
    concerns a handoff with that handoff's own. The day is the capture's, in the company's zone.
    """
    if stands is None:
        return {}
    day, lead, held = stands.day, stands.lead, stands.held
    decided, by_desk = held.decided, held.by_desk
    every = tuple(map(sum, zip(*(measures for _, measures in by_desk), strict=True))) if by_desk else _NO_HANDOFF
    found: dict[Cell, Measures] = {}
    counted = (*lead, *every, *_NO_AMOUNT)
    valued = [(currency, (*_NO_LEAD, *_NO_HANDOFF, *amount)) for currency, amount in held.amounts]
    values = (*stands.words, stands.tier, stands.place)
    for dimension, value in zip(LEAD_DIMENSIONS, values, strict=True):
        found[Cell(dimension, value, day)] = counted
        for currency, measures in valued:
            found[Cell(dimension, value, day, currency)] = measures
    for dimension, mine in (("team", decided.team), ("rep", decided.owner)):
        _add(found, Cell(dimension, mine, day), (*lead, *_NO_HANDOFF, *_NO_AMOUNT))
        for currency, measures in valued:
            _add(found, Cell(dimension, mine, day, currency), measures)
        for desk, measures in by_desk:
            value = desk.team if dimension == "team" else desk.owner
            _add(found, Cell(dimension, value, day), (*_NO_LEAD, *measures, *_NO_AMOUNT))
    for promise, measures in held.promises:
        _add(found, Cell("promise", promise, day), (*_NO_LEAD, *measures, *_NO_AMOUNT))
    return found


def _add(found: dict[Cell, Measures], cell: Cell, measures: Measures) -> None:
    known = found.get(cell)
    found[cell] = measures if known is None else tuple(map(int.__add__, known, measures))


@lru_cache(maxsize=4096)
def key(value: str | None) -> str:
    """A value as part of a key: bounded, and free of what a database's text can't hold."""
    return (value or UNKNOWN).replace("\0", "")[:_LONGEST] or UNKNOWN


def _of_lead(facts: Facts, basis: Basis) -> Measures:
    """Cumulative: a lead that came to a stage has been through the stages before it."""
    opportunity = won = assigned = False
    contacts: list[int] = []
    if facts.opportunities:
        won = bool([True for each in facts.opportunities.values() if each.won])
        opportunity = won or bool([True for each in facts.opportunities.values() if each.opened])
    if facts.handoffs:
        assigned = bool([True for each in facts.handoffs.values() if each.assignment])
        contacts = [each.first_contact for each in facts.handoffs.values() if each.first_contact is not None]
    reached = facts.sql if basis.sql == "tier" else facts.accepted if basis.sql == "accepted" else None
    sql = opportunity or reached is not None
    mql = sql or facts.mql is not None
    answer = _answer(facts, min(contacts), basis) if contacts and not facts.legacy else _NO_ANSWER
    return _stages(mql, sql, assigned, bool(contacts), opportunity, won) + answer


@lru_cache
def _stages(*reached: bool) -> Measures:
    """A lead is a lead, and has come to some of the stages after that."""
    return (1, *map(int, reached))


def _answer(facts: Facts, contact: int, basis: Basis) -> Measures:
    if facts.captured is None:
        return _NO_ANSWER
    response_us = max(0, contact - facts.captured)
    return (1, response_us // 1000, int(response_us <= basis.in_time_s * 1_000_000))


def _desk(handoff: Handoff | None) -> Desk:
    assignment = handoff.assignment if handoff else None
    return _desk_of(assignment.team, assignment.owner) if assignment else _NOBODY


@lru_cache(maxsize=4096)
def _desk_of(team: str | None, owner: str | None) -> Desk:
    return Desk(key(team), key(owner))


def _by_desk(facts: Facts, basis: Basis) -> dict[Desk, Measures]:
    desks: dict[Desk, Measures] = {}
    for handoff in facts.handoffs.values():
        _sum(desks, _desk(handoff), _of_handoff(handoff, basis))
    for breach in facts.breaches.values():
        handoff = facts.handoffs.get(breach.handoff) if breach.handoff else None
        known = handoff is not None and handoff.assignment is not None
        desk = _desk(handoff) if known else _desk_of(breach.team, breach.owner)
        _sum(desks, desk, _of_breach(breach))
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


def _of_breach(breach: Breach) -> Measures:
    """A breach that was revoked is no breach; it is counted as revoked."""
    return (0, 0, int(breach.breached and not breach.revoked), int(breach.revoked), 0, 0, 0)


def _deciding(facts: Facts) -> Desk:
    won = [each.won for each in facts.opportunities.values() if each.won]
    deals = won or [each.opened for each in facts.opportunities.values() if each.opened]
    if deals:
        return _desk(facts.handoffs.get(max(deals, key=lambda deal: (deal.recorded, deal.id)).handoff))
    assigned = [each for each in facts.handoffs.values() if each.assignment]
    return _desk(max(assigned, key=_assigned_order)) if assigned else _NOBODY


def _assigned_order(handoff: Handoff) -> tuple[int, bytes]:
    assignment = handoff.assignment
    return (assignment.recorded, assignment.id) if assignment else (0, b"")


def _amounts(facts: Facts) -> dict[str, Measures]:
    """By currency. An opportunity opened without an amount is worth what a later stage said, else what it was won for."""
    amounts: dict[str, tuple[int, int]] = {}
    for each in facts.opportunities.values():
        worth = next((deal for deal in (each.opened, each.staged) if deal and deal.amount is not None), each.won)
        for deal, share in ((worth, (1, 0)), (each.won, (0, 1))):
            if deal is not None and deal.amount is not None:
                currency = key(deal.currency)
                opened, won = amounts.get(currency, (0, 0))
                amounts[currency] = (opened + share[0] * deal.amount, won + share[1] * deal.amount)
    return dict(amounts)


def local_day(at_us: int, zone: str) -> date:
    """The day in a zone. Zones' offsets change on whole quarter hours, so the quarter hour decides."""
    return _day_of_quarter(at_us // 900_000_000, zone)


@lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int, zone: str) -> date:
    return instant(quarter * 900_000_000).astimezone(ZoneInfo(zone)).date()
