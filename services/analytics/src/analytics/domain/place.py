"""Where a lead is now: exactly one place, by router's facts; none or two is a lead that nobody can explain."""

from typing import Final

from analytics.domain.facts import Facts, Handoff, Opportunity
from analytics.domain.fold import BY_SCORE

_SETTLED: Final = frozenset({"invalid", "waiting"})
"""Where a further crossing of the line changes nothing: an invalid lead is repaired first, a waiting one waits."""


def place(facts: Facts) -> str | None:
    """test, erased, pool:…, waiting, handoff, opportunity, won or invalid; None where not exactly one claims it."""
    claimed = claims(facts)
    return claimed[0] if len(claimed) == 1 else None


def claims(facts: Facts) -> tuple[str, ...]:
    """Every place that the facts put the lead in."""
    if facts.captured is None:
        return ()
    if facts.test:
        return ("test",)
    if facts.erased is not None:
        return ("erased",)
    return (_held(facts) if facts.handoffs or facts.opportunities else ()) or _unheld(facts)


def _held(facts: Facts) -> tuple[str, ...]:
    handoffs = [handoff for handoff in facts.handoffs.values() if is_open(handoff, facts.invalid_recorded)]
    opportunities = [each for each in facts.opportunities.values() if _runs(each)]
    if not handoffs and not opportunities:
        return ()
    held = ("handoff",) * len(handoffs) + ("opportunity",) * len(opportunities)
    return held + _contradiction(facts, handoffs, opportunities)


def is_open(handoff: Handoff, invalid_recorded: int) -> bool:
    """Whether somebody has the lead by this handoff: assigned, not over, and the lead not found invalid since."""
    assignment = handoff.assignment
    return assignment is not None and not handoff.ended and assignment.recorded > invalid_recorded


def _runs(opportunity: Opportunity) -> bool:
    return opportunity.opened is not None and opportunity.won is None and not opportunity.lost


def _contradiction(facts: Facts, handoffs: list[Handoff], opportunities: list[Opportunity]) -> tuple[str, ...]:
    """A place that router named after the last of these began, and so says that nobody has the lead."""
    placing = facts.placing
    if placing is None or not placing.settled or placing.place == BY_SCORE:
        return ()
    began = [each.assignment.recorded for each in handoffs if each.assignment]
    began += [each.opened.recorded for each in opportunities if each.opened]
    return (placing.place,) if placing.recorded > max(began) else ()


def _unheld(facts: Facts) -> tuple[str, ...]:
    placing = facts.placing
    if placing is not None and placing.place in _SETTLED:
        return (placing.place,)
    if _awaits_routing(facts):
        return ()
    if placing is None or placing.place == BY_SCORE:
        return _by_score(facts)
    return (placing.place,) if placing.settled else ()


def _awaits_routing(facts: Facts) -> bool:
    """Qualified, and router has said nothing since."""
    if facts.qualified_recorded <= (0 if facts.placing is None else facts.placing.recorded):
        return False
    episodes = [each.assignment.episode for each in facts.handoffs.values() if each.assignment]
    return facts.qualified_episode > max((facts.waited_episode, *episodes))


def _by_score(facts: Facts) -> tuple[str, ...]:
    """Marketing nurtures what the tier's action says, and what is above the bar but not qualified; the rest is raw."""
    if facts.score is None:
        return ()
    return ("pool:nurture" if facts.score.action in ("nurture", "assign") else "pool:raw",)
