"""What must hold in every state, and the state that must stay within reach."""

from collections.abc import Callable
from enum import Enum

from .rules import Scenario
from .world import COMMAND, Event, Sent, World, outbox


class Violation(Enum):
    TWICE = "an event had its effect twice"
    SKIPPED = "a position passed a committed event that had no effect"
    LOST_UPDATE = "the state is not the fold of the effects that were committed"
    LOST_REQUEST = "a request was acknowledged and is not in the store"
    FALSE_MARK = "a relay confirmed more than the log ever took"
    UNOBTAINABLE = "an event the consumer still needs is neither in the outbox nor in the log"
    STUCK = "without another fault, the good end can no longer be reached"


def twice(world: World) -> bool:
    return len(set(world.store.effects)) < len(world.store.effects)


def skipped(world: World) -> bool:
    store = world.store
    return any(
        event.position <= store.positions[topic] and event not in store.effects
        for topic, events in enumerate(world.producer.history)
        for event in events
    )


def lost_update(world: World) -> bool:
    return world.store.state != world.store.effects


def lost_request(world: World) -> bool:
    return any(
        sent is Sent.ACKNOWLEDGED and request not in world.producer.submissions
        for request, sent in enumerate(world.requests)
    )


def false_mark(world: World) -> bool:
    """The relay's own duty: consumers' rewinds would heal it, but each of them would have to, and the mark would lie."""
    return any(confirmed > taken for confirmed, taken in zip(world.producer.confirmed, world.taken, strict=True))


def unobtainable(world: World) -> bool:
    def needed(topic: int, event: Event) -> bool:
        return event.position > world.store.positions[topic] and event not in world.logs[topic]

    return any(
        needed(topic, event) and event.position <= world.producer.floor[topic]
        for topic, events in enumerate(world.producer.history)
        for event in events
    )


SAFETY: tuple[tuple[Violation, Callable[[World], bool]], ...] = (
    (Violation.TWICE, twice),
    (Violation.SKIPPED, skipped),
    (Violation.LOST_UPDATE, lost_update),
    (Violation.LOST_REQUEST, lost_request),
    (Violation.FALSE_MARK, false_mark),
    (Violation.UNOBTAINABLE, unobtainable),
)


def violation(world: World) -> Violation | None:
    return next((kind for kind, broken in SAFETY if broken(world)), None)


def good_end(world: World, scenario: Scenario) -> bool:
    """Every request acknowledged, every committed event effective (once, says safety), no outbox left behind."""
    wanted = {event for events in world.producer.history for event in events}
    wanted |= {COMMAND} if scenario.command else set()
    return (
        all(sent in (Sent.ACKNOWLEDGED, Sent.LOST_IN_DISASTER) for sent in world.requests)
        and wanted <= set(world.store.state)
        and (not scenario.drops or not any(outbox(world.producer, topic) for topic in range(scenario.topics)))
    )
