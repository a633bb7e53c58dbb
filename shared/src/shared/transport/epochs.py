"""Positions across restores: an announced epoch continues another, and so positions of one stream have an order."""

from collections.abc import Sequence

from shared.runtime.streams import Announcement, Position


def entry(position: Position, head_epoch: int, history: Sequence[Announcement]) -> Position:
    """Where to read on in an outbox that numbers in `head_epoch` now.

    A newcomer starts at the oldest epoch, a reader at an epoch's announced end goes on in the next one. From an epoch
    that nobody knows no way leads on: the present one is shown from its start, so that its readers notice and stop.
    """
    here = position
    if here.epoch == 0:
        here = Position(history[0].old_epoch if history else head_epoch, 0)
    for step in history:
        if here.epoch == step.old_epoch and here.seq >= step.old_last:
            here = Position(step.new_epoch, 0)
    known = here.epoch == head_epoch or any(step.old_epoch == here.epoch for step in history)
    return here if known else Position(head_epoch, 0)


def before(one: Position, other: Position, history: Sequence[Announcement]) -> bool:
    """Whether a position lies before another; an epoch that was never announced is the latest."""
    if one.epoch == other.epoch:
        return one.seq < other.seq
    return _rank(one, history) < _rank(other, history)


def _rank(position: Position, history: Sequence[Announcement]) -> int:
    if position.epoch == 0:
        return -1
    for place, step in enumerate(history):
        if position.epoch == step.old_epoch:
            return place
    return len(history) if history and history[-1].new_epoch == position.epoch else len(history) + 1
