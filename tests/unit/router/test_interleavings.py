"""The same streams in any order end in the same handoffs, verdicts, contacts and place."""

import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from router.domain import hearing, ownership, verdicts
from router.domain.attempts import Attempt
from router.domain.dossier import Dossier, from_json, handoff_by_id, place, to_json
from router.domain.facts import Actor, Step
from router.domain.policy import Routing
from tests.support.examples import examples
from tests.unit.router.builders import LEAD, a_lead, an_id, at

Heard = Callable[[Dossier], Dossier]
ROUTING = Routing()
OWNERS = {1: "ann", 2: "bao", 3: "chi"}


def routed(step: Step) -> Dossier:
    """The assignments are fixed: each episode has its owner and its handoff."""
    dossier = step.dossier
    if dossier.wanting is None or str(place(dossier)) == "merged":
        return dossier
    episode = dossier.wanting.episode
    return ownership.offer(
        dossier, handoff_id=an_id("h", episode), owner=OWNERS[episode], team="north", at=at(episode * 100)
    ).dossier


def captured(dossier: Dossier) -> Dossier:
    attributes = a_lead(region="north", budget="yes", industry="food")
    return routed(hearing.captured(dossier, at=at(1), attributes=attributes, marketing_owner="mai"))


def updated(hours: float, **attributes: object) -> Heard:
    return lambda dossier: hearing.updated(dossier, at=at(hours), attributes=a_lead(**attributes)).dossier


def cleared(hours: float, name: str) -> Heard:
    return lambda dossier: hearing.updated(dossier, at=at(hours), attributes=a_lead(), cleared=(name,)).dossier


def scored(hours: float, points: int, action: str) -> Heard:
    return lambda dossier: (
        hearing.scored(dossier, at=at(hours), score_milli=points, tier=f"tier-{points}", action=action).dossier
    )


def qualified(episode: int) -> Heard:
    return lambda dossier: routed(
        hearing.qualified(dossier, at=at(episode * 100), episode=episode, score_milli=85_000, tier="sql")
    )


def engaged(hours: float) -> Heard:
    return lambda dossier: (
        hearing.engaged(
            dossier, engagement_id=an_id("e", hours), kind="price_page_viewed", at=at(hours), high_value=True
        ).dossier
    )


def breached(episode: int) -> Heard:
    start = at(episode * 100)
    return lambda dossier: routed(
        hearing.breached(
            dossier,
            handoff_id=an_id("h", episode),
            cause="untouched",
            since=start,
            at=at(episode * 100 + 48),
            policy=ROUTING.recycle,
        )
    )


def called(episode: int, hours: float) -> Heard:
    def call(dossier: Dossier) -> Dossier:
        handoff = handoff_by_id(dossier, an_id("h", episode))
        if handoff is None:
            return dossier
        by = Actor(handoff.owner)
        attempt = Attempt(an_id("c", hours), "phone", "reached", occurred_at=at(hours), by=by, now=at(hours))
        step = verdicts.contact(dossier, handoff.id, attempt)
        return step.dossier if isinstance(step, Step) else dossier

    return call


def erased(dossier: Dossier) -> Dossier:
    return hearing.erased(dossier, at=at(900)).dossier


def needs(heard: str) -> str | None:
    """What a breach or a call presupposes: its handoff."""
    return heard.split(":")[1] if ":" in heard else None


def played(streams: list[list[tuple[str, Heard]]], chance: random.Random) -> Dossier:
    """One interleaving: each stream in its order; what presupposes a handoff comes after it exists."""
    left, dossier = [list(stream) for stream in streams], Dossier(lead_id=LEAD)

    def ready(stream: list[tuple[str, Heard]]) -> bool:
        episode = needs(stream[0][0])
        return episode is None or handoff_by_id(dossier, an_id("h", episode)) is not None

    while True:
        able = [stream for stream in left if stream and ready(stream)]
        if not able:
            return dossier
        _, heard = chance.choice(able).pop(0)
        dossier = from_json(to_json(heard(dossier)))


def truth(dossier: Dossier) -> tuple[object, ...]:
    handoffs = [(h.id, h.episode, h.owner, h.verdict, h.ending, h.state) for h in dossier.handoffs]
    contacts = [(c.id, c.handoff_id, c.occurred_at, c.unproven) for c in dossier.contacts]
    known = dossier.attributes, dossier.attributes_at, dossier.checklist, dossier.score_milli, dossier.tier
    return handoffs, contacts, dossier.status, str(place(dossier)), known, dossier.last_engagement


def streams(*, again: bool, call: bool, lost: bool) -> list[list[tuple[str, Heard]]]:
    sales: list[tuple[str, Heard]] = [("call:1", called(1, 101))] if call else []
    if lost:
        sales.append(("breach:1", breached(1)))
    return [
        [("captured", captured)],
        [("updated", updated(3, industry="manufacturing", tags=("demo",))), ("updated", cleared(9, "budget"))],
        [("scored", scored(2, 45_000, "store")), ("scored", scored(8, 65_000, "nurture"))],
        [("qualified", qualified(1)), *([("qualified", qualified(2))] if again else [])],
        [("engaged", engaged(7)), ("engaged", engaged(5))],
        sales,
    ]


@given(again=st.booleans(), call=st.booleans(), lost=st.booleans(), seed=st.integers(0, 10**9))
@examples(250)
def test_every_interleaving_ends_in_the_same_truth(again: bool, call: bool, lost: bool, seed: int) -> None:  # noqa: FBT001
    heard = streams(again=again, call=call, lost=lost)
    expected = truth(played(heard, random.Random(0)))
    assert truth(played(heard, random.Random(seed))) == expected


@given(seed=st.integers(0, 10**9))
@examples(100)
def test_erasure_absorbs_whatever_comes_before_or_after(seed: int) -> None:
    heard = [*streams(again=True, call=True, lost=True), [("erased", erased)]]
    after = played(heard, random.Random(seed))
    assert after == Dossier(lead_id=LEAD, captured_at=at(1), erased_at=at(900))


def test_a_newer_episode_that_met_a_lost_handoff_is_routed_after_it() -> None:
    after = played(streams(again=True, call=False, lost=True), random.Random(3))
    assert [(handoff.owner, handoff.ending) for handoff in after.handoffs] == [("ann", "recycled"), ("bao", None)]
