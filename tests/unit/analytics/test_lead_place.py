"""Where a lead is: one place for every step of its way, none or two where the story does not hold."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from analytics.domain.facts import NOTHING
from analytics.domain.fold import fold
from analytics.domain.place import claims, place
from shared.contracts import (
    Attributes,
    Event,
    LeadAssigned,
    LeadCaptured,
    LeadErased,
    LeadMoved,
    LeadPooled,
    LeadPrescreened,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadScored,
    LeadWaiting,
    OpportunityLost,
    OpportunityOpened,
    OpportunityStaged,
    OpportunityWon,
)

LEAD, FIRST, SECOND, DEAL = (UUID(int=n) for n in range(1, 5))
Step = tuple[type[Event], dict[str, Any]]

captured: Step = (LeadCaptured, {"submission_id": LEAD, "attributes": Attributes()})
raw: Step = (LeadScored, {"score_milli": 45_000, "tier": "raw", "action": "store", "scorecard_version": 1})
warm: Step = (LeadScored, {"score_milli": 65_000, "tier": "mql", "action": "nurture", "scorecard_version": 1})
qualified: Step = (LeadQualified, {"episode": 1, "score_milli": 85_000, "tier": "sql", "scorecard_version": 1})
again: Step = (LeadQualified, {"episode": 2, "score_milli": 85_000, "tier": "sql", "scorecard_version": 1})
waiting: Step = (LeadWaiting, {"episode": 1, "reason": "no_team"})
pulled: Step = (LeadWaiting, {"episode": 1, "reason": "pool:public"})
hot: Step = (LeadScored, {"score_milli": 85_000, "tier": "sql", "action": "assign", "scorecard_version": 1})
_to: dict[str, Any] = {"episode": 1, "team": "north", "reason": "qualified"}
assigned: Step = (LeadAssigned, {**_to, "handoff_id": FIRST, "owner": "ann"})
reassigned: Step = (LeadAssigned, {**_to, "handoff_id": SECOND, "owner": "bob"})
transferred: Step = (LeadAssigned, {**_to, "handoff_id": SECOND, "owner": "bob", "previous_handoff_id": FIRST})
_first: dict[str, Any] = {"handoff_id": FIRST, "owner": "ann"}
to_nurture: Step = (LeadRejected, {**_first, "reason": "no_need", "pool": "nurture"})
thrown_out: Step = (LeadRejected, {**_first, "reason": "wrong_info"})
invalid: Step = (LeadMoved, {"status": "invalid", "previous": "new"})
repaired: Step = (LeadMoved, {"status": "new", "previous": "invalid"})
recycled: Step = (LeadRecycled, {**_first, "cause": "untouched", "pool": "public"})
passed_on: Step = (LeadRecycled, {**_first, "cause": "untouched", "without_owner": False})
opened: Step = (OpportunityOpened, {**_first, "opportunity_id": DEAL})
won: Step = (OpportunityWon, {**_first, "opportunity_id": DEAL, "amount_minor": 1, "currency": "CNY"})
lost: Step = (OpportunityLost, {**_first, "opportunity_id": DEAL, "reason": "price"})
erased: Step = (LeadErased, {})
given_back: Step = (LeadReturned, {**_first, "reason": "no_time", "pool": "public"})
returned: Step = (LeadReturned, {**_first, "reason": "no_time", "without_owner": False})
screened: Step = (LeadPrescreened, {**_first, "episode": 1})
put_away: Step = (LeadPooled, {"pool": "nurture", "previous": "raw", "ends_episode": False})
staged: Step = (OpportunityStaged, {**_first, "opportunity_id": DEAL, "stage": "proposal", "previous": "initial"})
left: Step = (LeadCaptured, {**captured[1], "legacy": True, "pool": "re-marketing"})
pulled_there: Step = (LeadWaiting, {"episode": 1, "reason": "pull"})
by_hand: Step = (LeadAssigned, {**_to, "handoff_id": FIRST, "owner": "ann", "episode": 0})

WAYS: Sequence[tuple[Sequence[Step], str]] = (
    ([captured, raw], "pool:raw"),
    ([captured, raw, warm], "pool:nurture"),
    ([captured, warm, qualified, waiting], "waiting"),
    ([captured, warm, qualified, assigned], "handoff"),
    ([captured, warm, qualified, waiting, assigned], "handoff"),
    ([captured, warm, qualified, assigned, transferred], "handoff"),
    ([captured, warm, qualified, assigned, to_nurture], "pool:nurture"),
    ([captured, warm, qualified, assigned, to_nurture, raw], "pool:nurture"),
    ([captured, warm, qualified, assigned, thrown_out, invalid], "invalid"),
    ([captured, raw, invalid, repaired], "pool:raw"),
    ([captured, warm, qualified, assigned, recycled], "pool:public"),
    ([captured, warm, qualified, assigned, recycled, reassigned], "handoff"),
    ([captured, warm, qualified, assigned, opened], "opportunity"),
    ([captured, warm, qualified, assigned, opened, won], "won"),
    ([captured, warm, qualified, assigned, opened, again, lost], "pool:re-marketing"),
    ([captured, warm, qualified, assigned, opened, won, erased], "erased"),
    ([captured, raw, invalid, qualified], "invalid"),
    ([captured, warm, qualified, waiting, again], "waiting"),
    ([captured, warm, qualified, pulled], "pool:public"),
    ([captured, hot], "pool:nurture"),
    ([captured, warm, qualified, assigned, given_back], "pool:public"),
    ([captured, warm, qualified, assigned, returned, reassigned], "handoff"),
    ([captured, warm, qualified, assigned, returned, waiting], "waiting"),
    ([captured, warm, qualified, assigned, screened, transferred], "handoff"),
    ([captured, warm, qualified, assigned, screened, waiting], "waiting"),
    ([captured, raw, put_away], "pool:nurture"),
    ([captured, warm, qualified, waiting, put_away], "pool:nurture"),
    ([captured, raw, put_away, by_hand], "handoff"),
    ([captured, raw, by_hand], "handoff"),
    ([captured, warm, qualified, assigned, opened, staged], "opportunity"),
    ([captured, warm, qualified, assigned, opened, staged, won], "won"),
    ([left, warm], "pool:re-marketing"),
    ([left, warm, qualified, assigned], "handoff"),
    ([captured, warm, qualified, pulled_there], "pool:public"),
)


def told(steps: Sequence[Step], *, minutes: int = 1) -> list[tuple[UUID, Event]]:
    """The steps as events, `minutes` apart; ids rise as they are made."""
    start = datetime(2026, 5, 4, 9, tzinfo=UTC)
    at = [start + timedelta(minutes=minutes * n) for n in range(len(steps))]
    return [
        (UUID(int=100 + n), kind(lead_id=LEAD, occurred_at=at[n], recorded_at=at[n], **fields))
        for n, (kind, fields) in enumerate(steps)
    ]


@pytest.mark.parametrize(("steps", "expected"), WAYS)
def test_each_way_ends_in_one_place(steps: Sequence[Step], expected: str) -> None:
    assert place(fold(NOTHING, told(steps))) == expected
    assert place(fold(NOTHING, reversed(told(steps)))) == expected


def test_what_router_decides_in_one_instant_is_told_apart() -> None:
    before = told([captured, warm, qualified, assigned])
    at_once = told([passed_on, waiting], minutes=0)

    for events in (at_once, at_once[::-1]):
        later = [(UUID(int=900 + n), _later(event)) for n, (_, event) in enumerate(events)]
        assert place(fold(NOTHING, [*before, *later])) == "waiting"


def _later(event: Event) -> Event:
    at = event.recorded_at + timedelta(hours=1)
    return replace(event, occurred_at=at, recorded_at=at)


@pytest.mark.parametrize(
    "steps",
    [
        [captured],
        [captured, warm, qualified],
        [captured, warm, qualified, assigned, passed_on],
        [captured, warm, qualified, assigned, recycled, again],
        [raw],
    ],
)
def test_a_lead_that_nobody_has_is_unexplained(steps: Sequence[Step]) -> None:
    assert claims(fold(NOTHING, told(steps))) == ()


@pytest.mark.parametrize(
    "steps",
    [
        [captured, warm, qualified, assigned, reassigned],
        [captured, warm, qualified, assigned, waiting],
        [captured, warm, qualified, assigned, opened, reassigned],
    ],
)
def test_a_lead_in_two_places_is_unexplained(steps: Sequence[Step]) -> None:
    facts = fold(NOTHING, told(steps))

    assert len(claims(facts)) == 2
    assert place(facts) is None


def test_a_test_lead_is_only_test() -> None:
    test: Step = (LeadCaptured, {**captured[1], "is_test": True})

    assert place(fold(NOTHING, told([test, raw]))) == "test"
