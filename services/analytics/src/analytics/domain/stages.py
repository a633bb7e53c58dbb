"""When a lead came to each stage: a stage implies those before it, at the latest when it was reached itself."""

from collections.abc import Iterable
from typing import NamedTuple

from analytics.domain.basis import Basis
from analytics.domain.facts import Breach, Facts, Handoff, Id

FIRST_CONTACT = "first_contact"
"""The promise that says by when a new owner must have tried; its breaches decide what was late."""


class Stages(NamedTuple):
    """First instants in microseconds, None where the lead never came so far."""

    mql: int | None
    sql: int | None
    opportunity: int | None
    won: int | None


def stages(facts: Facts, basis: Basis) -> Stages:
    """The funnel's stages in time."""
    deals = facts.opportunities.values()
    won = earliest(each.won.at for each in deals if each.won)
    opportunity = earliest([won, *(each.opened.at for each in deals if each.opened)])
    reached = facts.sql if basis.sql == "tier" else facts.accepted if basis.sql == "accepted" else None
    sql = earliest((reached, opportunity))
    return Stages(earliest((facts.mql, sql)), sql, opportunity, won)


def earliest(instants: Iterable[int | None]) -> int | None:
    """The first of the instants that are known."""
    return min((each for each in instants if each is not None), default=None)


def counted(facts: Facts) -> bool:
    """Whether the lead counts in figures at all."""
    return facts.captured is not None and not facts.test and not facts.purged


def late_handoffs(facts: Facts) -> frozenset[Id]:
    """The handoffs whose first contact was promised and not kept; a breach that was revoked is none."""
    return frozenset(
        each.handoff for each in facts.breaches.values() if each.handoff and is_true(each) and _first(each)
    )


def is_true(breach: Breach) -> bool:
    """Whether a promise was really broken."""
    return breach.breached and not breach.revoked


def _first(breach: Breach) -> bool:
    return breach.promise == FIRST_CONTACT


def response_ms(handoff: Handoff) -> int | None:
    """From the assignment to the first contact, None where either is missing."""
    if handoff.assignment is None or handoff.first_contact is None:
        return None
    return max(0, handoff.first_contact - handoff.assignment.at) // 1000
