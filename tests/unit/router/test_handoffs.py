"""A lead's dossier: verdicts, contacts, recycling, statuses, opportunities, merges."""

from time import perf_counter

import pytest
from msgspec.structs import replace

from router.domain import by_hand, hearing, merging, ownership, progress, verdicts
from router.domain.attempts import Attempt
from router.domain.dossier import Dossier, Handoff, from_json, hops, open_handoff, owner_of, place, to_json
from router.domain.facts import (
    Accepted,
    Actor,
    CarriedOut,
    Contacted,
    Fact,
    Moved,
    Offered,
    OwnerWanted,
    Recycled,
    Refused,
    Rejected,
    Step,
    TaskRaised,
)
from router.domain.policy import Routing
from tests.unit.router.builders import LEAD, a_lead, an_id, at, done, refused

ANN, BAO, BOSS = Actor("ann"), Actor("bao"), Actor("huong", "manager")
POLICY = Routing()
H1 = an_id("h1")
ANSWERS = {
    "pain_point": "spreadsheets",
    "current_solution": "another CRM",
    "timeframe": "1_month",
    "definite_project": "yes",
    "budget": "yes",
    "decision_maker": "yes",
}


def a_captured(**attributes: object) -> Dossier:
    step = hearing.captured(Dossier(lead_id=LEAD), at=at(0), attributes=a_lead(**attributes), marketing_owner="mai")
    return hearing.scored(step.dossier, at=at(0), score_milli=85_000, tier="sql", action="assign").dossier


def a_wanting(episode: int = 1) -> Dossier:
    return hearing.qualified(a_captured(), at=at(0), episode=episode, score_milli=85_000, tier="sql").dossier


def an_offered(owner: str = "ann") -> Dossier:
    return ownership.offer(a_wanting(), handoff_id=H1, owner=owner, team="north", at=at(0)).dossier


def called(
    dossier: Dossier, hours: float, *, told: float | None = None, next_step: float | None = None
) -> Step | Refused:
    attempt = Attempt(
        an_id("contact", hours),
        "phone",
        "reached",
        occurred_at=at(hours),
        by=ANN,
        now=at(hours if told is None else told),
        next_step_at=None if next_step is None else at(next_step),
    )
    return verdicts.contact(dossier, H1, attempt)


def breached(dossier: Dossier, cause: str, *, since: float = 0, due: float = 48) -> Step:
    return hearing.breached(dossier, handoff_id=H1, cause=cause, since=at(since), at=at(due), policy=POLICY.recycle)


def rejected(dossier: Dossier, reason: str, policy: Routing = POLICY) -> Step | Refused:
    return verdicts.reject(dossier, H1, reason=reason, rating=2, by=ANN, at=at(5), policy=policy)


def opened(dossier: Dossier, opportunity: str = "o1") -> Step | Refused:
    return progress.open_opportunity(dossier, opportunity_id=an_id(opportunity), by=ANN, at=at(6), policy=POLICY)


def an_activated() -> Dossier:
    dossier = done(progress.move(an_offered(), "activated", by=ANN, at=at(2)))
    return done(progress.fill(dossier, ANSWERS, by=ANN, at=at(2), policy=POLICY))


def the(dossier: Dossier) -> Handoff:
    return dossier.handoffs[-1]


def kinds(step: Step | Refused) -> list[type[Fact]]:
    assert isinstance(step, Step), step
    return [type(fact) for fact in step.facts]


def test_one_call_accepts_sets_contacted_and_works_in_one_act() -> None:
    step = called(an_offered(), 0.5)
    assert kinds(step) == [Accepted, Contacted, Moved]
    after = done(step)
    assert (the(after).state, the(after).verdict, after.status) == ("working", "accepted", "contacted")
    assert kinds(called(after, 0.5)) == []  # the same contact again changes nothing


def test_only_the_owner_or_a_manager_speaks_for_a_handoff() -> None:
    assert refused(verdicts.accept(an_offered(), H1, by=BAO, at=at(1))).code == "not_owner"
    assert kinds(verdicts.accept(an_offered(), H1, by=BOSS, at=at(1))) == [Accepted]


@pytest.mark.parametrize("hours", [-0.1, 2.1])
def test_a_contact_lies_between_its_assignment_and_now(hours: float) -> None:
    assert refused(called(an_offered(), hours, told=2)).code == "occurred_outside"


def test_a_contact_told_a_day_late_is_kept_as_unproven() -> None:
    late = done(called(an_offered(), 1, told=25.5))
    assert late.contacts[0].unproven
    assert not done(called(an_offered(), 1, told=25)).contacts[0].unproven


def test_a_contact_on_a_closed_handoff_is_kept_and_opens_nothing() -> None:
    recycled = breached(an_offered(), "untouched").dossier
    step = called(recycled, 47, told=49)
    assert kinds(step) == [Contacted, Moved]
    assert str(place(done(step))) == "public"


@pytest.mark.parametrize(
    ("reason", "where", "status"),
    [
        ("wrong_info", "invalid", "invalid"),
        ("spam", "invalid", "invalid"),
        ("insufficient_budget", "nurture", "contacted"),
        ("timing", "nurture", "contacted"),
        ("no_need", "nurture", "contacted"),
        ("not_our_segment", "raw", "contacted"),
        ("not_decision_maker", "nurture", "contacted"),
        ("competitor", "re-marketing", "contacted"),
        ("no_potential_now", "nurture", "contacted"),
    ],
)
def test_each_reason_has_its_consequence(reason: str, where: str, status: str) -> None:
    after = done(rejected(done(called(an_offered(), 1)), reason))
    assert (str(place(after)), after.status, the(after).verdict, the(after).reason) == (
        where,
        status,
        "rejected",
        reason,
    )
    assert the(after).ending == ("recycled" if reason == "no_potential_now" else "rejected")
    assert owner_of(after) is None


def test_a_rejection_may_raise_a_task_for_marketing() -> None:
    step = rejected(an_offered(), "wrong_info")
    assert isinstance(step, Step)
    assert TaskRaised("repair", "mai", H1, ("wrong_info",)) in step.facts


def test_unreachable_needs_its_attempts() -> None:
    dossier = an_offered()
    for hours in (1, 2):
        dossier = done(called(dossier, hours))
    assert refused(rejected(dossier, "unreachable")).missing == ("1 contacts",)
    assert str(place(done(rejected(done(called(dossier, 3)), "unreachable")))) == "nurture"


def test_a_rejection_needs_a_known_reason_an_open_handoff_and_a_rating_of_one_to_five() -> None:
    assert refused(rejected(an_offered(), "bored")).code == "unknown_reason"
    assert refused(rejected(done(rejected(an_offered(), "timing")), "timing")).code == "handoff_closed"
    six = verdicts.reject(an_offered(), H1, reason="timing", rating=6, by=ANN, at=at(1), policy=POLICY)
    assert refused(six).code == "bad_rating"


def test_untouched_for_two_days_goes_to_the_public_pool_and_is_claimed_there() -> None:
    step = breached(an_offered(), "untouched")
    recycled = next(fact for fact in step.facts if isinstance(fact, Recycled))
    assert (recycled.pool, recycled.hops, recycled.without_owner) == ("public", 1, True)
    claimed = ownership.claim(step.dossier, handoff_id=an_id("h2"), team="north", by=BAO, at=at(49), policy=POLICY)
    after = done(claimed)
    assert (the(after).owner, the(after).episode, str(place(after))) == ("bao", 1, "handoff")
    nurtured = done(rejected(an_offered(), "timing"))
    assert (
        refused(ownership.claim(nurtured, handoff_id=H1, team="north", by=BAO, at=at(9), policy=POLICY)).code
        == "not_claimable"
    )


def test_a_contact_or_a_dated_next_step_holds_the_lead() -> None:
    contacted = done(called(an_offered(), 1))
    assert breached(contacted, "untouched") == Step(contacted)
    assert str(place(breached(contacted, "silent", since=1, due=169).dossier)) == "nurture"
    dated = done(called(an_offered(), 1, next_step=700))
    assert breached(dated, "silent", since=1, due=169) == Step(dated)


def test_an_unproven_contact_holds_nothing() -> None:
    unproven = done(called(an_offered(), 1, told=40))
    assert str(place(breached(unproven, "untouched").dossier)) == "public"


def test_the_next_rep_gets_it_until_the_hop_limit() -> None:
    policy = Routing.model_validate({"recycle": {"untouched": "next_rep", "hops": 2}}).recycle
    dossier = an_offered()
    step = hearing.breached(dossier, handoff_id=H1, cause="untouched", since=at(0), at=at(48), policy=policy)
    assert step.dossier.wanting is not None
    assert ownership.routing_hints(step.dossier) == (None, frozenset({"ann"}))
    second = ownership.offer(step.dossier, handoff_id=an_id("h2"), owner="bao", team="north", at=at(48)).dossier
    last = hearing.breached(second, handoff_id=an_id("h2"), cause="untouched", since=at(48), at=at(96), policy=policy)
    assert str(place(last.dossier)) == "public"
    assert hops(last.dossier, 1) == 2


def test_a_handoff_given_back_looks_for_the_next_rep() -> None:
    step = verdicts.return_handoff(an_offered(), H1, reason="no time", by=ANN, at=at(1), policy=POLICY)
    after = done(step)
    assert (str(place(after)), the(after).ending) == ("waiting:routing", "returned")


def test_status_moves_forward_alone_and_back_from_invalid_on_proof() -> None:
    dossier = done(progress.move(an_offered(), "interested", by=ANN, at=at(1)))
    assert refused(progress.move(dossier, "contacted", by=ANN, at=at(1))).code == "not_forward"
    assert refused(progress.move(dossier, "interested", by=ANN, at=at(1))).code == "not_forward"
    step = progress.move(dossier, "invalid", by=ANN, at=at(2))
    assert Rejected in kinds(step)
    invalid = done(step)
    assert str(place(invalid)) == "invalid"
    assert refused(progress.move(invalid, "contacted", by=BOSS, at=at(3))).code == "not_forward"
    assert refused(progress.move(invalid, "new", by=BOSS, at=at(3))).code == "no_proof"
    repaired = done(progress.move(invalid, "new", by=BOSS, at=at(3), proof="the number was corrected"))
    assert (repaired.status, str(place(repaired))) == ("new", "nurture")  # of its score, and nobody has it


def test_an_opportunity_is_refused_with_the_missing_fields_named() -> None:
    dossier = done(progress.move(an_offered(), "activated", by=ANN, at=at(1)))
    partly = {name: value for name, value in ANSWERS.items() if name not in ("pain_point", "decision_maker")}
    dossier = done(progress.fill(dossier, partly, by=ANN, at=at(1), policy=POLICY))
    assert refused(opened(dossier)).missing == ("pain_point", "decision_maker")
    complete = done(progress.fill(an_offered(), ANSWERS, by=ANN, at=at(1), policy=POLICY))
    assert refused(opened(complete)).code == "not_activated"


def test_what_the_form_answered_is_on_the_checklist_and_a_person_overrules_it() -> None:
    dossier = a_captured(timeframe="1_month", budget="150-200")
    assert {name: answer.value for name, answer in dossier.checklist.items()} == {
        "timeframe": "1_month",
        "budget": "yes",
    }
    asked = done(progress.fill(dossier, {"budget": "pending"}, by=ANN, at=at(1), policy=POLICY))
    later = hearing.updated(asked, at=at(2), attributes=a_lead(budget="no")).dossier
    assert later.checklist["budget"].value == "pending"
    assert refused(progress.fill(dossier, {"budget": "maybe"}, by=ANN, at=at(1), policy=POLICY)).missing == ("budget",)


def test_an_opportunity_from_initial_to_won() -> None:
    dossier = done(opened(an_activated()))
    assert (str(place(dossier)), the(dossier).ending, owner_of(dossier)) == (
        "opportunity",
        "converted",
        ("ann", "north"),
    )
    dossier = done(progress.stage(dossier, an_id("o1"), "negotiation", by=ANN, at=at(7)))
    assert refused(progress.stage(dossier, an_id("o1"), "proposal", by=ANN, at=at(7))).code == "not_forward"
    assert refused(progress.stage(dossier, an_id("o1"), "won", by=ANN, at=at(8))).missing == ("amount", "currency")
    won = progress.stage(dossier, an_id("o1"), "won", by=ANN, at=at(8), amount_minor=180_000_000, currency="VND")
    assert str(place(done(won))) == "won"
    assert refused(progress.stage(done(won), an_id("o1"), "lost", by=ANN, at=at(9))).code == "opportunity_closed"


def test_a_lost_lead_waits_in_re_marketing_and_comes_back_to_its_owner() -> None:
    lost = done(progress.stage(done(opened(an_activated())), an_id("o1"), "lost", by=ANN, at=at(7), reason="price"))
    assert str(place(lost)) == "re-marketing"
    step = hearing.qualified(lost, at=at(900), episode=2, score_milli=80_000, tier="sql")
    assert kinds(step) == [OwnerWanted]
    assert ownership.routing_hints(step.dossier) == ("ann", frozenset())


def test_a_new_episode_that_meets_open_work_is_a_task_for_its_owner() -> None:
    for dossier in (an_offered(), done(opened(an_activated()))):
        step = hearing.qualified(dossier, at=at(9), episode=2, score_milli=90_000, tier="sql")
        assert step.facts == (TaskRaised("qualified_again", "ann", H1),)
    assert hearing.qualified(an_offered(), at=at(9), episode=1, score_milli=1, tier=None).facts == ()


def test_qualified_before_captured_is_held() -> None:
    early = hearing.qualified(Dossier(lead_id=LEAD), at=at(1), episode=1, score_milli=85_000, tier="sql")
    assert early.facts == ()
    assert str(place(early.dossier)) == "unknown"
    known = hearing.captured(early.dossier, at=at(0), attributes=a_lead())
    assert kinds(known) == [OwnerWanted]


def test_waiting_says_its_reason_once() -> None:
    step = ownership.park(a_wanting(), reason="no_team", team=None, wake_at=None)
    assert str(place(step.dossier)) == "waiting:no_team"
    assert len(step.facts) == 1
    assert ownership.park(step.dossier, reason="no_team", team=None, wake_at=at(5)).facts == ()


def test_high_value_behaviour_on_an_owned_lead_is_a_task() -> None:
    step = hearing.engaged(an_offered(), engagement_id=an_id("e"), kind="demo_requested", at=at(1), high_value=True)
    assert step.facts == (TaskRaised("high_value_engagement", "ann", H1, ("demo_requested",)),)


def test_a_transfer_is_a_new_handoff_of_the_same_episode() -> None:
    step = by_hand.transfer(
        an_offered(), handoff_id=an_id("h2"), to="bao", team="north", reason="ill", by=BOSS, at=at(1)
    )
    after = done(step)
    assert [(handoff.owner, handoff.ending) for handoff in after.handoffs] == [("ann", "transferred"), ("bao", None)]
    moved = by_hand.transfer(
        done(opened(an_activated())), handoff_id=an_id("h2"), to="bao", team="north", reason="ill", by=BOSS, at=at(9)
    )
    assert owner_of(done(moved)) == ("bao", "north")


def test_an_sdr_screens_first_and_passes_on() -> None:
    screened = ownership.pre_screen(a_wanting(), "sdr")
    dossier = ownership.offer(screened, handoff_id=H1, owner="zhou", team="desk", at=at(0)).dossier
    passed = by_hand.pass_on(dossier, H1, by=Actor("zhou", "sdr"), at=at(1))
    after = done(passed)
    assert after.wanting is not None
    assert (after.wanting.step, the(after).ending) == ("rep", "transferred")


def test_the_auto_upgrade_opens_by_itself_when_complete() -> None:
    auto = Routing(upgrade="auto")
    step = progress.upgrade(an_offered(), opportunity_id=an_id("o1"), at=at(0), policy=auto)
    assert kinds(step) == [Moved, TaskRaised]
    filled = done(progress.fill(step.dossier, ANSWERS, by=ANN, at=at(1), policy=auto))
    after = progress.upgrade(filled, opportunity_id=an_id("o1"), at=at(1), policy=auto).dossier
    assert (str(place(after)), after.status) == ("opportunity", "activated")


def test_a_merged_leads_handoff_passes_over_with_its_owner_and_comes_back() -> None:
    loser = done(called(an_offered(), 1))
    step = merging.merged(loser, merge_id=an_id("m"), into=an_id("survivor"), at=at(2))
    bundle = next(fact for fact in step.facts if isinstance(fact, CarriedOut))
    assert str(place(step.dossier)) == "merged"
    survivor = replace(a_captured(), lead_id=an_id("survivor"))
    joined = merging.carried_in(survivor, bundle, handoff_id=an_id("h2"), at=at(2))
    assert (the(joined.dossier).owner, the(joined.dossier).state) == ("ann", "working")
    assert [contact.id for contact in joined.dossier.contacts] == [contact.id for contact in loser.contacts]
    assert merging.carried_in(joined.dossier, bundle, handoff_id=an_id("h3"), at=at(3)).dossier == joined.dossier
    alone = merging.restored(joined.dossier, merge_id=an_id("m"), at=at(4)).dossier
    assert (alone.contacts, open_handoff(alone)) == ((), None)
    back = merging.unmerged(step.dossier, merge_id=an_id("m"), at=at(4)).dossier
    assert str(place(back)) == "waiting:routing"
    assert ownership.routing_hints(back) == ("ann", frozenset())


def test_the_survivors_own_handoff_stays() -> None:
    bundle = CarriedOut(an_id("m"), LEAD, handoffs=an_offered("bao").handoffs, open_handoff=the(an_offered("bao")))
    joined = merging.carried_in(an_offered(), bundle, handoff_id=an_id("h2"), at=at(2))
    assert owner_of(joined.dossier) == ("ann", "north")


def test_an_unmerge_heard_before_its_merge_cancels_it() -> None:
    early = merging.unmerged(an_offered(), merge_id=an_id("m"), at=at(2)).dossier
    assert merging.merged(early, merge_id=an_id("m"), into=an_id("s"), at=at(1)).dossier == early


def test_erasure_keeps_only_that_the_lead_was_there() -> None:
    gone = hearing.erased(done(called(an_offered(), 1)), at=at(3)).dossier
    assert gone == Dossier(lead_id=LEAD, captured_at=at(0), erased_at=at(3))
    assert hearing.qualified(gone, at=at(4), episode=2, score_milli=1, tier=None).dossier == gone
    assert refused(called(gone, 4)).code == "erased"


def test_a_test_lead_is_never_routed() -> None:
    test = hearing.captured(Dossier(lead_id=LEAD), at=at(0), attributes=a_lead(), is_test=True).dossier
    after = hearing.qualified(test, at=at(1), episode=1, score_milli=90_000, tier="sql")
    assert (str(place(after.dossier)), after.facts) == ("test", ())


def test_the_row_is_read_back_equal_and_fast() -> None:
    dossier = done(opened(done(called(an_activated(), 3, next_step=90))))
    row = to_json(dossier)
    assert from_json(row) == dossier
    started = perf_counter()
    for _ in range(1000):
        to_json(from_json(row))
    assert perf_counter() - started < 1


def test_offering_names_the_hops_and_the_handoff_before() -> None:
    step = verdicts.return_handoff(an_offered(), H1, reason="no time", by=ANN, at=at(1), policy=POLICY)
    offered = ownership.offer(done(step), handoff_id=an_id("h2"), owner="bao", team="north", at=at(1))
    fact = offered.facts[0]
    assert isinstance(fact, Offered)
    assert (fact.previous_handoff_id, fact.hops, fact.handoff.cause) == (H1, 1, "returned")
