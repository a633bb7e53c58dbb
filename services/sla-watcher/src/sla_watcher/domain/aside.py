"""Leads that are kept aside: no clock or cadence runs for a test lead, nor for what an import brought with it."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from sla_watcher.domain.care import Care, Spell, spells
from sla_watcher.domain.facts import LeadFacts

IMPORT_WAKE: Final = timedelta(minutes=10)
"""What is decided of a legacy lead so soon after its import comes from the import, not from anything the lead did."""


class Watched(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A lead as it is kept: its facts, and what keeps it aside. `imported_at` is set for a legacy lead."""

    facts: LeadFacts
    is_test: bool = False
    imported_at: datetime | None = None
    care: Care | None = None


class _Import(msgspec.Struct, frozen=True, gc=False):
    """An import's wake, and the episodes that began in it."""

    until: datetime
    episodes: frozenset[int] = msgspec.field(default_factory=frozenset[int])


def owed(watched: Watched) -> LeadFacts:
    """The facts with only those terms that are owed: whatever order they came in, the same."""
    known = watched.facts
    if watched.is_test:
        return LeadFacts(known.lead_id, erased_at=known.erased_at)
    if watched.imported_at is None:
        return known
    return _without(known, _wake(known, watched.imported_at))


def nurtured(watched: Watched) -> list[Spell]:
    """The spells of nurture that are called for."""
    if watched.care is None or watched.is_test:
        return []
    since = None if watched.imported_at is None else watched.imported_at + IMPORT_WAKE
    return spells(watched.facts, watched.care, since=since)


def _wake(known: LeadFacts, imported_at: datetime) -> _Import:
    until = imported_at + IMPORT_WAKE
    return _Import(until, frozenset(each.episode for each in known.qualifications.values() if each.at <= until))


def _without(known: LeadFacts, wake: _Import) -> LeadFacts:
    """An episode of the import owes nothing, however late it is routed; one that the lead began later does."""
    return replace(
        known,
        qualifications={
            number: replace(each, terms=()) if number in wake.episodes else each
            for number, each in known.qualifications.items()
        },
        handoffs={
            handoff_id: replace(each, terms=())
            if each.episode in wake.episodes or each.assigned_at <= wake.until
            else each
            for handoff_id, each in known.handoffs.items()
        },
    )
