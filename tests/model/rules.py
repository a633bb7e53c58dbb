"""What an exploration is given: the mistake, the faults, and the bounds of the scenario."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from .world import World, replaced


class Mistake(Enum):
    """One rule of the protocol done wrong."""

    NO_FENCE = auto()
    FENCE_PER_STREAM = auto()
    FENCE_ON_THE_OFFSET = auto()
    NO_SEQUENCE_FILTER = auto()
    CONFIRM_PAST_A_GAP = auto()
    ACKNOWLEDGE_BEFORE_COMMIT = auto()
    OFFSET_AFTER_EFFECTS = auto()
    BLIND_RETRY_OF_A_COMMIT = auto()
    OUTBOX_DROPPED_TOO_EARLY = auto()
    NUMBERS_REUSED_AFTER_A_RESTORE = auto()
    NO_MARKS = auto()  # harms no safety: it shows that the check of liveness can fail


class Fault(Enum):
    INTAKE_CRASH = 0
    RELAY_CRASH = 1
    CONFIRMATION_LOST = 2
    LOG_TAIL_LOST = 3
    LOG_WIPED = 4
    OWNER_CRASH = 5
    COMMIT_REPLY_LOST = 6
    PRODUCER_RESTORED = 7


@dataclass(frozen=True)
class Scenario:
    """The bounds of one exploration."""

    name: str
    requests: tuple[tuple[int, ...], ...]  # per request the topics it writes one event to
    faults: Mapping[Fault, int]  # how often each may happen
    faults_together: int = 2
    already_sent: int = 0  # that many of the requests are committed and acknowledged at the start
    already_in_log: bool = False  # and relayed
    relays: int = 1
    owners: int = 1
    command: bool = False  # a door 2 command on the same lead
    drops: bool = False  # the consumer reports and the outbox is dropped
    log_size: int = 4

    @property
    def topics(self) -> int:
        return 1 + max(topic for topics in self.requests for topic in topics)


@dataclass(frozen=True)
class Rules:
    scenario: Scenario
    mistake: Mistake | None = None


def can_fail(world: World, fault: Fault) -> bool:
    return world.faults_left > 0 and world.faults[fault.value] > 0


def failing(world: World, fault: Fault) -> World:
    left = replaced(world.faults, fault.value, world.faults[fault.value] - 1)
    return world._replace(faults=left, faults_left=world.faults_left - 1)
