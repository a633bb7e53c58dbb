"""Breadth-first exploration: every interleaving of the steps, the shortest trace to a violation, and liveness.

Liveness is that from every reachable state, faults left over or not, the good end can be reached by steps that need no
fault. With finitely many states and fair scheduling that is the same as reaching it once the faults have ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from .faults import fault_steps
from .properties import Violation, good_end, violation
from .protocol import first_world, steps
from .rules import Fault, Mistake, Rules, Scenario
from .world import World


@dataclass(frozen=True)
class Explored:
    states: int
    transitions: int
    faults: frozenset[Fault]  # those that struck in some state
    violation: Violation | None
    trace: tuple[str, ...]

    def __str__(self) -> str:
        outcome = f"{self.violation.value}, {len(self.trace)} steps" if self.violation else "holds"
        lines = [f"{self.states} states, {self.transitions} transitions: {outcome}"]
        return "\n".join([*lines, *(f"  {number:2}. {step}" for number, step in enumerate(self.trace, 1))])


class Graph:
    """The states found so far, numbered, each with the step that first led to it and the faultless steps into it."""

    def __init__(self, first: World) -> None:
        self.numbers: dict[World, int] = {first: 0}
        self.worlds: list[World] = [first]
        self.origins: list[tuple[int, str]] = [(-1, "")]
        self.before: list[list[int]] = [[]]

    def add(self, origin: int, label: str, world: World) -> int:
        number = self.numbers.setdefault(world, len(self.worlds))
        if number == len(self.worlds):
            self.worlds.append(world)
            self.origins.append((origin, label))
            self.before.append([])
        return number

    def explored(self, transitions: int, violation: Violation | None = None, last: int = 0) -> Explored:
        least = tuple(map(min, zip(*(world.faults for world in self.worlds), strict=True)))
        struck = frozenset(fault for fault in Fault if least[fault.value] < self.worlds[0].faults[fault.value])
        return Explored(len(self.worlds), transitions, struck, violation, self.trace(last))

    def trace(self, number: int) -> tuple[str, ...]:
        labels: list[str] = []
        while number:
            number, label = self.origins[number]
            labels.append(label)
        return tuple(reversed(labels))

    def first_stuck(self, good: Callable[[World], bool]) -> int | None:
        """The state nearest to the start from which no faultless path leads to a good one."""
        reached = {number for number, world in enumerate(self.worlds) if good(world)}
        border = list(reached)
        while border:
            for number in self.before[border.pop()]:
                if number not in reached:
                    reached.add(number)
                    border.append(number)
        return next((number for number in range(len(self.worlds)) if number not in reached), None)


def explore(scenario: Scenario, mistake: Mistake | None = None) -> Explored:
    rules = Rules(scenario, mistake)
    graph = Graph(first_world(scenario))
    transitions = number = 0
    while number < len(graph.worlds):
        world = graph.worlds[number]
        for label, after in chain(steps(world, rules), fault_steps(world, rules)):
            transitions += 1
            known = len(graph.worlds)
            reached = graph.add(number, label, after)
            if after.faults_left == world.faults_left:
                graph.before[reached].append(number)
            if reached == known and (broken := violation(after)):
                return graph.explored(transitions, broken, reached)
        number += 1
    stuck = graph.first_stuck(lambda world: good_end(world, scenario))
    if stuck is not None:
        return graph.explored(transitions, Violation.STUCK, stuck)
    return graph.explored(transitions)
