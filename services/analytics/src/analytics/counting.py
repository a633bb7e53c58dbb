"""From old facts and new ones to the rows and the changes of cells: new contribution minus old, for a whole batch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from analytics.domain.basis import Basis, read_basis
from analytics.domain.contribution import Measures, Standing, cells, local_day, standing
from analytics.domain.facts import NOTHING, Facts
from analytics.domain.place import place
from analytics.store import Kept, Place, Row

Changes = dict[Place, Measures]
Moves = Sequence[tuple[Place, Measures]]


def recounted(before: Kept, facts: Facts, basis: Basis, generation: int) -> tuple[Row, Moves]:
    """The row of a lead with new facts, and what moves between cells; nothing moves where nothing it adds changed."""
    known, where, text = before.facts, place(facts), basis.text
    new = standing(facts, basis, where)
    # the fold leaves what an event does not change as the object that it was
    words = new.words if new and facts.first is known.first and facts.last is known.last else None
    old = standing(known, read_basis(before.basis), place(known), words)
    day = new.day if new else None if facts.captured is None else local_day(facts.captured, basis.zone)
    carries_on = (
        known is not NOTHING
        and before.generation == generation
        and before.basis == text
        and known.captured == facts.captured
        and known.captured_recorded == facts.captured_recorded
    )
    row = Row(Kept(before.lead_id, before.partition, generation, text, facts), where, day, carries_on)
    if before.generation == generation:
        return row, () if old == new else _moved(before.partition, generation, old, new)
    return row, (
        *_moved(before.partition, before.generation, old, None),
        *_moved(before.partition, generation, None, new),
    )


@lru_cache(maxsize=1024)
def _moved(partition: int, generation: int, old: Standing | None, new: Standing | None) -> Moves:
    """The leads of a batch mostly take the same steps, so the same few moves come again and again."""
    gone, come = cells(old), cells(new)
    changed = [
        (cell, _minus(measures, gone.get(cell))) for cell, measures in come.items() if gone.get(cell) != measures
    ]
    changed += [(cell, _minus(None, measures)) for cell, measures in gone.items() if cell not in come]
    return tuple([(Place(partition, generation, cell), measures) for cell, measures in changed])


@lru_cache(maxsize=4096)
def _minus(measures: Measures | None, known: Measures | None) -> Measures:
    """The cells of a lead mostly hold the same, and so do their differences."""
    if known is None:
        return measures or ()
    if measures is None:
        return tuple(-each for each in known)
    return tuple(map(int.__sub__, measures, known))


def total(many: Iterable[Moves]) -> Changes:
    """The sum of several leads' moves: those that are one and the same object are added up once."""
    every = list(many)
    times = Counter(map(id, every))
    summed: Changes = {}
    for which, moves in {id(moves): moves for moves in every}.items():
        for key, measures in moves:
            moved = measures if times[which] == 1 else tuple(map(times[which].__mul__, measures))
            known = summed.get(key)
            summed[key] = moved if known is None else tuple(map(int.__add__, known, moved))
    return summed
