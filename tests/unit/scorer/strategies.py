"""Generated scorecards, events and dossiers."""

from collections.abc import Callable
from datetime import datetime
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from scorer.domain import dossier as fold
from scorer.domain.dossier import EMPTY, Dossier, Engagement, Value
from scorer.domain.instants import to_us
from tests.unit.scorer.builders import a_document, after

Fact = Callable[[Dossier], Dossier]

KINDS = ("demo_requested", "price_page_viewed", "mail_opened")
INDUSTRIES = ("manufacturing", "retail", None)
DAYS = st.integers(0, 40).map(lambda half: half / 2)
DECAYS = st.sampled_from(["none", "linear(10)", "linear(3.5)", "half_life(4)", "window(7)", "window(0.5)"])


@st.composite
def scorecards(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document: nested, capped and exclusive groups, points of both signs, every decay."""
    rules: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 7))):
        rule: dict[str, Any] = {
            "id": f"r{index}",
            "group": draw(st.sampled_from(["fit", "title", "behaviour"])),
            "points": draw(st.integers(-60_000, 90_000)) / 1000,
            "decay": draw(DECAYS),
        }
        if draw(st.booleans()):
            rule["when"] = f'lead.industry == "{draw(st.sampled_from(INDUSTRIES[:2]))}"'
        if "when" not in rule or draw(st.booleans()):
            rule |= {"kind": draw(st.sampled_from(KINDS)), "each": draw(st.booleans())}
        rules.append(rule)
    groups = [
        {"name": "fit", "cap": draw(st.integers(0, 90))},
        {"name": "title", "within": "fit", "exclusive": True},
        {"name": "behaviour", "cap": draw(st.integers(0, 90)), "exclusive": draw(st.booleans())},
    ]
    lines = ["score >= 80", "score > 50.5 && high_value(7) >= 1", 'tier == "mql" || score == 0', "high_value(3) >= 2"]
    return a_document(rules=rules, groups=groups, qualify=draw(st.sampled_from(lines)))


@st.composite
def facts(draw: st.DrawFn, *, may_erase: bool = False) -> Fact:
    """One event, as the fold that takes it in. Ids repeat on purpose."""
    at = after(draw(DAYS))
    key = draw(st.sampled_from("abcdef"))
    kind = draw(st.sampled_from(KINDS))
    industry: Value = draw(st.sampled_from(INDUSTRIES))
    own_key = f"{key}{at.isoformat()}{industry}"
    attributes = {"industry": industry}
    choices: list[Fact] = [
        lambda lead: fold.captured(lead, fact_id=own_key, occurred_at=at, attributes=attributes),
        lambda lead: fold.updated(lead, fact_id=own_key, occurred_at=at, attributes=attributes),
        lambda lead: fold.engaged(lead, engagement_id=key, kind=kind, occurred_at=at),
        lambda lead: fold.engaged(lead, engagement_id=own_key, kind=kind, occurred_at=at),
        lambda lead: fold.engaged(lead, engagement_id=key, kind=kind, occurred_at=at, via=key),
        lambda lead: _absorbed(lead, key, at, industry),
        lambda lead: fold.unmerged(lead, merge_id=key),
        lambda lead: fold.merged(lead, merge_id=key),
        lambda lead: fold.ended(lead, fact_id=own_key, kind="lost", occurred_at=at),
        lambda lead: fold.judged(lead, fact_id=own_key, kind="rejected", occurred_at=at, owner="minh"),
    ]
    if may_erase:
        choices.append(lambda lead: fold.erased(lead, occurred_at=at))
    return draw(st.sampled_from(choices))


def _absorbed(lead: Dossier, merge_id: str, at: datetime, industry: Value) -> Dossier:
    brought = [Engagement(to_us(at), "brought", "price_page_viewed")]
    return fold.absorbed(
        lead,
        merge_id=merge_id,
        fact_id=at.isoformat() + str(industry),
        occurred_at=at,
        attributes={"industry": industry},
        engagements=brought,
    )


def folded(events: list[Fact], start: Dossier = EMPTY) -> Dossier:
    return reduce(lambda lead, fact: fact(lead), events, start)


@st.composite
def dossiers(draw: st.DrawFn) -> Dossier:
    """A captured lead with some facts."""
    lead = EMPTY
    attributes = {"industry": draw(st.sampled_from(INDUSTRIES))}
    lead = fold.captured(lead, fact_id="c", occurred_at=after(draw(DAYS)), attributes=attributes)
    for index in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(KINDS))
        lead = fold.engaged(lead, engagement_id=f"e{index}", kind=kind, occurred_at=after(draw(DAYS)))
    return lead
