"""The words that a lead is counted under: where it came from by the first word, what it is by the latest."""

from typing import Final, TypeVar

from analytics.domain.facts import Id, Written
from shared.contracts import Attributes

FIRST_TOUCH: Final = ("source", "door", "campaign", "content", "event")
"""Where a lead came from: the first that said so counts."""
LATEST: Final = ("industry", "region", "country", "product")
"""What a lead is: the latest word counts."""

Words = dict[str, Written]
_FIRST_SORTED: Final = tuple(sorted(FIRST_TOUCH))
_LATEST_SORTED: Final = tuple(sorted(LATEST))
_K = TypeVar("_K", bytes, str)
_V = TypeVar("_V")


def put(parts: dict[_K, _V], key: _K, part: _V) -> dict[_K, _V]:
    """The parts with one put in or replaced, in the order of their keys: packed facts are equal to the byte."""
    more = {**parts, key: part}
    if not parts or key in parts or key > next(reversed(parts)):
        return more
    return {each: more[each] for each in sorted(more)}


def first_words(known: Words, at: int, event_id: Id, attributes: Attributes) -> Words:
    """The words with those of an event that is earlier than what is known."""
    said: Words = {
        name: (at, event_id, value)
        for name in _FIRST_SORTED
        if (value := getattr(attributes, name)) is not None and (name not in known or (at, event_id) < known[name][:2])
    }
    return _with(known, said)


def latest_words(known: Words, at: int, event_id: Id, attributes: Attributes, cleared: tuple[str, ...]) -> Words:
    """The words with those of an event that is later than what is known."""
    said: Words = {
        name: (at, event_id, value)
        for name in _LATEST_SORTED
        if ((value := getattr(attributes, name)) is not None or name in cleared)
        and (name not in known or (at, event_id) > known[name][:2])
    }
    return _with(known, said)


def _with(known: Words, said: Words) -> Words:
    """`known` itself where nothing is said; in the order of the names, as `put` would."""
    if not known or not said:
        return said or known
    return dict(sorted((known | said).items()))
