"""From old facts and new ones to the rows and the changes of cells: new contribution minus old, for a whole batch."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from analytics.domain.basis import Basis, read_basis
from analytics.domain.contribution import Cell, Measures, contribution, local_day
from analytics.domain.facts import Facts
from analytics.domain.place import place
from analytics.store import Kept, Place, Row

Changes = dict[Place, Measures]
Moves = list[tuple[Place, Measures]]


def recounted(before: Kept, facts: Facts, basis: Basis, generation: int) -> tuple[Row, Moves]:
    """The row of a lead with new facts, and what moves between cells; nothing moves where nothing it adds changed."""
    after = replace(before, facts=facts, basis=basis.text, generation=generation)
    day = None if facts.captured is None else local_day(facts.captured, basis.zone)
    old = contribution(before.facts, read_basis(before.basis))
    new = contribution(facts, basis)
    row = Row(after, place(facts), day)
    if before.generation == generation:
        return row, _differences(after, old, new)
    return row, _differences(before, old, {}) + _differences(after, {}, new)


def _differences(kept: Kept, old: dict[Cell, Measures], new: dict[Cell, Measures]) -> Moves:
    moves = [
        (Place(kept.partition, kept.generation, cell), _minus(measures, old.get(cell)))
        for cell, measures in new.items()
        if old.get(cell) != measures
    ]
    moves += [
        (Place(kept.partition, kept.generation, cell), _minus(None, measures))
        for cell, measures in old.items()
        if cell not in new
    ]
    return moves


@lru_cache(maxsize=4096)
def _minus(measures: Measures | None, known: Measures | None) -> Measures:
    """The leads of a batch mostly take the same steps, so the same few differences come again and again."""
    if known is None:
        return measures or ()
    if measures is None:
        return tuple(-each for each in known)
    return tuple(map(int.__sub__, measures, known))


def total(many: Iterable[Moves]) -> Changes:
    """The sum of several leads' moves: equal moves are counted first, and added up once."""
    summed: Changes = {}
    for (key, measures), times in Counter(chain.from_iterable(many)).items():
        moved = measures if times == 1 else tuple(times * each for each in measures)
        known = summed.get(key)
        summed[key] = moved if known is None else tuple(map(int.__add__, known, moved))
    return summed
