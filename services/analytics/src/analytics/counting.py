"""From old facts and new ones to the rows and the changes of cells: new contribution minus old, for a whole batch."""

from collections.abc import Iterable
from dataclasses import replace

from analytics.domain.basis import Basis, read_basis
from analytics.domain.contribution import Cell, Measures, contribution, local_day
from analytics.domain.facts import Facts
from analytics.domain.place import place
from analytics.store import Kept, Place, Row

Changes = dict[Place, Measures]


def recounted(before: Kept, facts: Facts, basis: Basis, generation: int) -> tuple[Row, Changes]:
    """The row of a lead with new facts, and what moves between cells; nothing moves where nothing it adds changed."""
    after = replace(before, facts=facts, basis=basis.text, generation=generation)
    day = None if facts.captured is None else local_day(facts.captured, basis.zone)
    old = contribution(before.facts, read_basis(before.basis))
    new = contribution(facts, basis)
    row = Row(after, place(facts), day)
    if before.generation == generation and old == new:
        return row, {}
    changes: Changes = {}
    _move(changes, before, old, -1)
    _move(changes, after, new, 1)
    return row, changes


def _move(changes: Changes, kept: Kept, cells: dict[Cell, Measures], sign: int) -> None:
    for cell, measures in cells.items():
        key = Place(kept.partition, kept.generation, cell)
        known = changes.get(key)
        if known is not None:
            changes[key] = tuple(a + sign * b for a, b in zip(known, measures, strict=True))
        else:
            changes[key] = measures if sign > 0 else tuple(-each for each in measures)


def total(many: Iterable[Changes]) -> Changes:
    """The sum of several leads' changes."""
    summed: Changes = {}
    for changes in many:
        for key, measures in changes.items():
            known = summed.get(key)
            summed[key] = measures if known is None else tuple(map(int.__add__, known, measures))
    return summed
