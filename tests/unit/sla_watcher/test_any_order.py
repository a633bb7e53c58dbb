"""Whatever the order and however often the facts come, and whenever the timer looks: one truth."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from sla_watcher.domain import (
    Breached,
    Cancelled,
    Clock,
    Contact,
    Ending,
    Erasure,
    Fact,
    Handoff,
    Invalid,
    Met,
    Qualification,
    Revoked,
    Started,
    State,
    Transition,
)
from sla_watcher.domain.truths import truths
from tests.support.examples import examples
from tests.unit.sla_watcher.leads import Watch, a_qualification, at, named, one_by_one, terms_for

MONDAY = at("mon 09:00")
END = MONDAY + timedelta(days=90)
HANDOFFS = ("h1", "h2")

# Coarse steps, so that facts meet each other and the deadlines to the second.
instants = st.integers(0, 24 * 16).map(lambda half_hours: MONDAY + half_hours * timedelta(minutes=30))
some_handoff = st.sampled_from(HANDOFFS).map(named)


@st.composite
def handoffs(draw: st.DrawFn, name: str) -> Handoff:
    score = draw(st.sampled_from((60.0, 80.0)))
    return Handoff(named(name), draw(st.integers(1, 2)), "ann", "north", draw(instants), None, terms_for(score))


@st.composite
def contacts(draw: st.DrawFn) -> Contact:
    occurred = draw(instants)
    return Contact(
        contact_id=draw(st.uuids(version=4)),
        handoff_id=draw(some_handoff),
        occurred_at=occurred,
        recorded_at=occurred + timedelta(hours=draw(st.sampled_from((0, 1, 30)))),
        result=draw(st.sampled_from(("reached", "no_answer"))),
        next_step_at=draw(st.none() | st.sampled_from((1, 8, 15)).map(lambda days: occurred + timedelta(days=days))),
        unproven=draw(st.booleans()),
    )


def endings() -> st.SearchStrategy[Ending]:
    return st.builds(Ending, instants, st.sampled_from(("rejected", "recycled", "reassigned")), some_handoff)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    facts: list[Fact] = [draw(handoffs(name)) for name in HANDOFFS[: draw(st.integers(1, 2))]]
    facts += [Qualification(1, draw(instants), a_qualification("mon 10:00").terms)]
    facts += draw(st.lists(contacts(), max_size=4, unique_by=lambda contact: contact.contact_id))
    facts += draw(st.lists(endings(), max_size=2))
    facts += draw(st.lists(st.builds(Invalid, instants), max_size=1))
    return facts


@st.composite
def shuffles(draw: st.DrawFn) -> tuple[list[Fact], list[Fact | datetime]]:
    """A history in order, and the same with repeats, in any order, with the timer looking in between."""
    facts = draw(histories())
    steps: list[Fact | datetime] = draw(st.permutations([*facts, *draw(st.lists(st.sampled_from(facts), max_size=4))]))
    for look in sorted(draw(st.lists(instants, max_size=4))):
        steps.insert(draw(st.integers(0, len(steps))), look)
    looks = iter(sorted(step for step in steps if isinstance(step, datetime)))
    return facts, [next(looks) if isinstance(step, datetime) else step for step in steps]


def ran(steps: list[Fact | datetime]) -> Watch:
    watch = Watch()
    for step in steps:
        if isinstance(step, datetime):
            watch.tick(step)
        else:
            watch.learn(step)
    return watch.tick(END)


@dataclass(frozen=True)
class Ended:
    """How a clock ended; whether a kept promise had been called broken for a while makes no difference."""

    state: State
    due_at: datetime
    proof_at: datetime | None
    reason: str | None


def truth(watch: Watch) -> dict[UUID, Ended]:
    wanted = {one.clock_id for one in truths(watch.known)}
    others = [clock for clock in watch.clocks.values() if clock.clock_id not in wanted]
    assert {clock.state for clock in others} <= {State.CANCELLED}
    return {clock_id: ended(watch.clocks[clock_id]) for clock_id in wanted}


def ended(clock: Clock) -> Ended:
    state = State.MET if clock.state is State.REVOKED else clock.state
    return Ended(state, clock.due_at, clock.proof_at, clock.reason)


def standing(said: list[Transition]) -> State:
    """What a listener who knows only the events believes of a clock."""
    believed = State.RUNNING
    for transition in said:
        match transition:
            case Breached():
                believed = State.BREACHED
            case Met() | Revoked():
                believed = State.MET
            case Cancelled():
                believed = State.CANCELLED
            case _:
                pass
    return believed


@examples(400)
@given(shuffles())
def test_every_order_of_facts_and_timers_ends_in_the_same_truth(
    shuffled: tuple[list[Fact], list[Fact | datetime]],
) -> None:
    facts, steps = shuffled
    at_once = Watch().learn(*facts).tick(END)
    assert truth(ran(steps)) == truth(at_once) == truth(one_by_one(facts).tick(END))
    assert State.RUNNING not in {clock.state for clock in at_once.clocks.values()}


@examples(400)
@given(shuffles())
def test_what_is_said_is_never_early_never_twice_and_adds_up_to_the_truth(
    shuffled: tuple[list[Fact], list[Fact | datetime]],
) -> None:
    watch = ran(shuffled[1])
    for clock in watch.clocks.values():
        mine = [(now, said) for now, said in watch.said if said.clock.clock_id == clock.clock_id]
        kinds = Counter(type(said) for _, said in mine)
        assert isinstance(mine[0][1], Started)
        assert kinds[Started] == 1
        assert max(kinds[Breached], kinds[Revoked]) <= 1
        assert kinds[Revoked] <= kinds[Breached]
        assert all(now is not None and now >= clock.due_at for now, said in mine if isinstance(said, Breached))
        assert standing([said for _, said in mine]) is ended(clock).state


@examples(100)
@given(shuffles(), st.integers(0, 12))
def test_an_erased_lead_is_left_alone_whatever_comes_later(
    shuffled: tuple[list[Fact], list[Fact | datetime]], when: int
) -> None:
    steps = shuffled[1]
    watch = ran([*steps[:when], Erasure(END - timedelta(days=1))]).tick(END)
    heard = len(watch.said)
    for step in steps[when:]:
        if not isinstance(step, datetime):
            watch.learn(step)
    assert len(watch.said) == heard
    assert State.RUNNING not in {clock.state for clock in watch.clocks.values()}
