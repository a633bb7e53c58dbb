"""The states of the delivery protocol's model: everything that survives or is remembered, as hashable values."""

from enum import IntEnum
from typing import NamedTuple, TypeVar

Position = tuple[
    int, int
]  # (epoch, seq); epochs count up here, in the product they are random and linked by announcements
START: Position = (1, 0)
T = TypeVar("T")


class Event(NamedTuple):
    topic: int
    epoch: int
    seq: int
    request: int  # which request of the client caused it: a number used twice is two events

    @property
    def position(self) -> Position:
        return (self.epoch, self.seq)

    def __str__(self) -> str:
        return "command" if self == COMMAND else f"{'AB'[self.topic]}{self.epoch}.{self.seq}(r{self.request})"


COMMAND = Event(-1, 0, 0, 0)  # the effect of a door 2 command on the same lead: it moves no position
Events = tuple[Event, ...]


class Sent(IntEnum):
    """Where a request is, as the client and intake's memory know it."""

    BY_NOBODY = 0  # not sent, or sent in vain: the client will send it (again)
    TO_INTAKE = 1  # in intake's memory only
    TO_STORE = 2  # intake knows that it is committed
    ACKNOWLEDGED = 3
    LOST_IN_DISASTER = 4  # acknowledged, then missing from the backup: named by the audit, beyond any protocol


class Phase(IntEnum):
    READING = 0
    OPEN = 1  # its transaction is open: lane compared and set, state read, nothing committed
    OWES_POSITIONS = 2  # only by mistake: effects are committed, positions are not


class Producer(NamedTuple):
    """Intake's database."""

    epoch: int
    ends: tuple[tuple[int, ...], ...]  # the announcements: per ended epoch the last number of each topic
    history: tuple[Events, ...]  # per topic all that was committed; what lies above the floor is the outbox
    floor: tuple[Position, ...]  # what was dropped from the outbox
    confirmed: tuple[Position, ...]  # relay_out, and the mark
    report: tuple[Position, ...]  # what the one registered consumer said it holds
    submissions: tuple[int, ...]  # request ids in the order of their commits


class Store(NamedTuple):
    """The consumer's database: one lane, one lead, two streams."""

    version: int
    positions: tuple[Position, ...]
    state: Events  # the lead's row, always written whole: a fold is as good as the set of what went into it
    effects: Events  # what committed transactions inserted: here a lost update of the row stays visible


class Owner(NamedTuple):
    """The memory of an instance which believes that it holds the lane's lease."""

    version: int
    base: tuple[Position, ...]  # positions as last read or committed
    offsets: tuple[int, ...]  # where it reads each log: a hint, never a proof
    batch: Events
    phase: Phase
    loaded: Events  # the state its open transaction read


class World(NamedTuple):
    producer: Producer
    requests: tuple[Sent, ...]
    relays: tuple[tuple[Position, ...], ...]  # the cursor of each relay, per topic
    logs: tuple[Events, ...]
    taken: tuple[Position, ...]  # ghost: up to where the log took, once, every number
    store: Store
    owners: tuple[Owner, ...]
    faults: tuple[int, ...]  # what is left of each fault, in the order of `Fault`
    faults_left: int  # and of all together


def replaced(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    return (*items[:index], item, *items[index + 1 :])


def next_position(ends: tuple[tuple[int, ...], ...], topic: int, position: Position) -> Position:
    """The only number that may follow: the next of its epoch, or 1 of the next epoch past an announced end."""
    epoch, seq = position
    while epoch <= len(ends) and seq >= ends[epoch - 1][topic]:
        epoch, seq = epoch + 1, 0
    return (epoch, seq + 1)


def outbox(producer: Producer, topic: int) -> Events:
    return tuple(event for event in producer.history[topic] if event.position > producer.floor[topic])


def last_position(events: Events) -> Position:
    return events[-1].position if events else START


def loaded_owner(store: Store) -> Owner:
    """After a start, a lost lane or a COMMIT in doubt: positions from the database, logs from their start."""
    return Owner(store.version, store.positions, (0,) * len(store.positions), (), Phase.READING, ())


def ahead(owner: Owner, topic: int) -> Position:
    """The position once the batch is committed."""
    mine = [event.position for event in owner.batch if event.topic == topic]
    return mine[-1] if mine else owner.base[topic]
