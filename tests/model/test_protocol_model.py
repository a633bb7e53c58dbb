"""The delivery protocol holds in every interleaving within the bounds below, and each seeded mistake is found.

Bounds: one lane and one lead; at most two topics, two requests and two events per topic; at most two relays and two
owners; a log of two to four records per topic, the oldest going first; at most two faults together, of
any kinds a scenario names (intake's crash twice, every other once); one door 2 command; one restore, from a backup that
lacks one commit. Within its bounds each scenario is explored whole: nothing is sampled and no search is cut short.
"""

import sys

import pytest

from .explore import Explored, explore
from .properties import Violation
from .rules import Fault, Mistake, Scenario

INTAKE = Scenario(
    "intake is killed between memory, commit and acknowledgement",
    requests=((0,), (0, 1)),
    faults={Fault.INTAKE_CRASH: 2},
)
TWO_OWNERS = Scenario(
    "two live owners of a lane that two topics feed",
    requests=((0, 1), (0,)),
    already_sent=2,
    already_in_log=True,
    owners=2,
    faults={Fault.OWNER_CRASH: 1, Fault.COMMIT_REPLY_LOST: 1},
)
COMMAND = Scenario(
    "two live owners and a command on the same lead",
    requests=((0, 1),),
    already_sent=1,
    already_in_log=True,
    owners=2,
    command=True,
    faults={Fault.OWNER_CRASH: 1, Fault.COMMIT_REPLY_LOST: 1},
)
TWO_OWNERS_DAMAGED_LOG = Scenario(
    "two live owners read two topics from a log that loses records",
    requests=((0, 1),),
    already_sent=1,
    owners=2,
    log_size=2,
    faults=dict.fromkeys(set(Fault) - {Fault.INTAKE_CRASH, Fault.PRODUCER_RESTORED}, 1),
    faults_together=1,
)
TWO_RELAYS = Scenario(
    "two relays fill the log with repeats in any order",
    requests=((0,), (0,)),
    already_sent=2,
    relays=2,
    log_size=3,
    faults=dict.fromkeys((Fault.RELAY_CRASH, Fault.CONFIRMATION_LOST, Fault.LOG_TAIL_LOST, Fault.OWNER_CRASH), 1),
)
DAMAGED_LOG = Scenario(
    "the log loses its tail and all it has while the outbox is dropped",
    requests=((0,), (0,)),
    already_sent=1,
    drops=True,
    log_size=3,
    faults={Fault.LOG_TAIL_LOST: 1, Fault.LOG_WIPED: 1, Fault.RELAY_CRASH: 1},
)
RESTORE = Scenario(
    "the producer of two topics is restored from its backup",
    requests=((0,), (0, 1)),
    already_sent=1,
    log_size=3,
    faults={Fault.PRODUCER_RESTORED: 1},
)
RESTORE_AND_MORE = Scenario(
    "the producer is restored and something else fails too",
    requests=((0,), (0,)),
    already_sent=1,
    log_size=3,
    faults=dict.fromkeys(Fault, 1),
)
EVERYTHING_ON_ONE_EVENT = Scenario(
    "two relays, two owners, a dropped outbox, any fault",
    requests=((0,),),
    relays=2,
    owners=2,
    drops=True,
    log_size=2,
    faults=dict.fromkeys(Fault, 1),
    faults_together=1,
)
EVERYTHING_FOR_ONE_OWNER = Scenario(
    "two relays, a dropped outbox, two events, any fault",
    requests=((0,), (0,)),
    already_sent=1,
    relays=2,
    drops=True,
    log_size=2,
    faults=dict.fromkeys(Fault, 1),
    faults_together=1,
)
SCENARIOS = (
    INTAKE,
    TWO_OWNERS,
    COMMAND,
    TWO_OWNERS_DAMAGED_LOG,
    TWO_RELAYS,
    DAMAGED_LOG,
    RESTORE,
    RESTORE_AND_MORE,
    EVERYTHING_ON_ONE_EVENT,
    EVERYTHING_FOR_ONE_OWNER,
)
FOUND = (
    (Mistake.NO_FENCE, TWO_OWNERS, Violation.TWICE),
    (Mistake.FENCE_PER_STREAM, TWO_OWNERS, Violation.LOST_UPDATE),
    (Mistake.FENCE_ON_THE_OFFSET, COMMAND, Violation.LOST_UPDATE),
    (Mistake.NO_SEQUENCE_FILTER, TWO_RELAYS, Violation.TWICE),
    (Mistake.CONFIRM_PAST_A_GAP, TWO_RELAYS, Violation.FALSE_MARK),
    (Mistake.ACKNOWLEDGE_BEFORE_COMMIT, INTAKE, Violation.LOST_REQUEST),
    (Mistake.OFFSET_AFTER_EFFECTS, TWO_OWNERS, Violation.TWICE),
    (Mistake.BLIND_RETRY_OF_A_COMMIT, TWO_OWNERS, Violation.TWICE),
    (Mistake.OUTBOX_DROPPED_TOO_EARLY, DAMAGED_LOG, Violation.UNOBTAINABLE),
    (Mistake.NUMBERS_REUSED_AFTER_A_RESTORE, RESTORE, Violation.SKIPPED),
    (Mistake.NO_MARKS, DAMAGED_LOG, Violation.STUCK),
)


def shown(title: str, explored: Explored) -> str:
    sys.stdout.write(f"\n{title}: {explored}\n")
    return str(explored)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_protocol_holds_in_every_interleaving(scenario: Scenario) -> None:
    explored = explore(scenario)
    assert explored.violation is None, shown(scenario.name, explored)
    assert explored.faults == set(scenario.faults), "a fault of the scenario never struck"
    shown(scenario.name, explored)


@pytest.mark.parametrize(("mistake", "scenario", "kind"), FOUND, ids=lambda value: getattr(value, "name", ""))
def test_a_seeded_mistake_is_found(mistake: Mistake, scenario: Scenario, kind: Violation) -> None:
    explored = explore(scenario, mistake)
    assert explored.violation is kind, shown(mistake.name, explored)
    assert explored.trace
    shown(mistake.name, explored)


def test_every_mistake_is_sought_where_the_protocol_is_shown_to_hold() -> None:
    assert {mistake for mistake, _, _ in FOUND} == set(Mistake)
    assert {scenario.name for _, scenario, _ in FOUND} <= {scenario.name for scenario in SCENARIOS}
