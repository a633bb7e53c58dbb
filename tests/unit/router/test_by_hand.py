"""What people do with a lead by hand, as pure steps: who may, what follows, and what is refused in words."""

import pytest

from router.domain import by_hand, hearing, ownership, progress
from router.domain.attempts import Attempt
from router.domain.dossier import Dossier, hops, open_handoff, owner_of, place, previous_owner
from router.domain.facts import (
    Actor,
    Contacted,
    HandoffClosed,
    Moved,
    MovedToPool,
    Offered,
    Recycled,
    Refused,
    Step,
    TaskRaised,
)
from router.domain.policy import Routing
from router.domain.rules import step_of
from tests.unit.router.builders import a_lead, a_policy, a_team, an_id, at, done, refused

POLICY = Routing()
BOSS = Actor("boss", "manager")
SDR = Actor("zhou", "sdr")
ANN = Actor("ann")
H1, H2 = an_id("h1"), an_id("h2")


def a_captured() -> Dossier:
    return hearing.captured(Dossier(lead_id=an_id("lead")), at=at(0), attributes=a_lead()).dossier


def a_handoff(owner: str = "ann", step: ownership.HandoffStep = "rep") -> Dossier:
    crossed = hearing.qualified(a_captured(), at=at(0), episode=1, score_milli=85_000, tier="sql").dossier
    screened = ownership.pre_screen(crossed, step)
    return ownership.offer(screened, handoff_id=H1, owner=owner, team="north", at=at(0)).dossier


def test_only_a_manager_assigns_and_only_what_nobody_has() -> None:
    raw = a_captured()
    given = by_hand.give(raw, handoff_id=H1, to="ann", team="north", by=BOSS, at=at(1))
    assert owner_of(done(given)) == ("ann", "north")
    assert refused(by_hand.give(raw, handoff_id=H1, to="ann", team="north", by=ANN, at=at(1))).code == "not_manager"
    owned = refused(by_hand.give(a_handoff(), handoff_id=H2, to="bao", team="north", by=BOSS, at=at(1)))
    assert owned.code == "already_owned"
    assert "handoffs/{id}/transfer" in owned.detail
    invalid = done(progress.move(raw, "invalid", by=BOSS, at=at(1)))
    assert refused(by_hand.give(invalid, handoff_id=H1, to="ann", team="n", by=BOSS, at=at(2))).code == "invalid_lead"


def test_a_transfer_tells_both_and_counts_no_hop() -> None:
    step = by_hand.transfer(a_handoff(), handoff_id=H2, to="bao", team="south", reason="ill", by=BOSS, at=at(1))
    after = done(step)
    assert not isinstance(step, Refused)
    assert [type(fact) for fact in step.facts] == [HandoffClosed, Offered, TaskRaised]
    assert step.facts[-1] == TaskRaised("passed_on", "ann", H1, ("bao", "ill"))
    assert hops(after, 1) == 0
    same = by_hand.transfer(after, handoff_id=an_id("h3"), to="bao", team="south", reason="ill", by=BOSS, at=at(2))
    assert refused(same).code == "same_owner"
    nothing = by_hand.transfer(a_captured(), handoff_id=H2, to="bao", team="n", reason="ill", by=BOSS, at=at(1))
    assert refused(nothing).code == "nothing_open"


def test_what_an_absent_owner_had_is_wanted_again_and_loses_no_hop() -> None:
    step = by_hand.reroute(a_handoff(), reason="absence", by=BOSS, at=at(1))
    after = done(step)
    assert after.wanting is not None
    assert (after.wanting.cause, after.wanting.previous_handoff_id) == ("transferred", H1)
    assert ownership.routing_hints(after) == (None, frozenset())
    assert not isinstance(step, Refused)
    taken = next(fact for fact in step.facts if isinstance(fact, Recycled))
    assert (taken.cause, taken.without_owner, taken.by) == ("owner_away", False, "boss")


def test_only_a_complete_pre_screening_of_ones_own_is_passed_on() -> None:
    policy = Routing(pass_on=("budget",))
    dossier = a_handoff("zhou", "sdr")
    assert refused(by_hand.pass_on(dossier, H1, by=SDR, at=at(1), policy=policy)).missing == ("budget",)
    assert refused(by_hand.pass_on(dossier, H1, by=Actor("li", "sdr"), at=at(1))).code == "not_owner"
    assert refused(by_hand.pass_on(a_handoff(), H1, by=ANN, at=at(1))).code == "not_sdr_step"
    filled = done(progress.fill(dossier, {"budget": "pending"}, by=SDR, at=at(1), policy=policy))
    after = done(by_hand.pass_on(filled, H1, by=SDR, at=at(1), policy=policy, rating=5))
    assert open_handoff(after) is None
    assert after.wanting is not None
    assert after.wanting.step == "rep"


@pytest.mark.parametrize(
    ("by", "dossier", "code"),
    [
        (ANN, a_captured(), "not_allowed"),
        (SDR, a_handoff(), "not_owner"),
        (Actor("lena", "marketer"), a_handoff(), "not_owner"),
    ],
)
def test_who_may_not_put_a_lead_into_a_pool(by: Actor, dossier: Dossier, code: str) -> None:
    assert refused(by_hand.to_pool(dossier, "nurture", reason=None, by=by, at=at(1), policy=POLICY)).code == code


def test_an_sdr_puts_what_they_screen_and_what_nobody_has_into_nurture() -> None:
    step = by_hand.to_pool(a_captured(), "nurture", reason="not_ready", by=SDR, at=at(1), policy=POLICY)
    assert str(place(done(step))) == "nurture"
    assert not isinstance(step, Refused)
    assert step.facts[0] == MovedToPool("nurture", "raw", "not_ready", ends_episode=False, episode=0, by="zhou")
    screened = by_hand.to_pool(a_handoff("zhou", "sdr"), "nurture", reason=None, by=SDR, at=at(1), policy=POLICY)
    assert str(place(done(screened))) == "nurture"
    again = by_hand.to_pool(done(step), "nurture", reason=None, by=SDR, at=at(2), policy=POLICY)
    assert refused(again).code == "already_there"


def phoned(dossier: Dossier, hours: float) -> Step | Refused:
    return by_hand.phoned(dossier, Attempt(an_id("c"), "phone", "reached", occurred_at=at(hours), by=SDR, now=at(1)))


def test_a_contact_with_a_lead_nobody_has_moves_it_and_meets_nothing() -> None:
    step = phoned(a_captured(), 1)
    assert not isinstance(step, Refused)
    assert [type(fact) for fact in step.facts] == [Contacted, Moved]
    assert done(step).status == "contacted"
    assert refused(phoned(a_captured(), -1)).code == "occurred_outside"
    assert refused(phoned(a_handoff(), 1)).code == "no_open_handoff"


def test_an_import_names_where_and_with_whom_a_lead_was_left() -> None:
    left = hearing.captured(
        Dossier(lead_id=an_id("old")),
        at=at(0),
        attributes=a_lead(),
        legacy=True,
        pool="re-marketing",
        left_with="hoa",
    ).dossier
    assert (str(place(left)), previous_owner(left)) == ("re-marketing", "hoa")
    again = hearing.qualified(left, at=at(1), episode=1, score_milli=80_000, tier="sql").dossier
    assert ownership.routing_hints(again) == ("hoa", frozenset())


def test_a_team_that_only_screens_gets_pre_screenings() -> None:
    teams = {"desk": a_team("zhou"), "sales": a_team("minh")}
    policy = a_policy(1, teams=teams, rules=[{"when": "true", "team": "sales", "sdr": "desk"}])
    assert [step_of(policy, team) for team in ("desk", "sales")] == ["sdr", "rep"]
