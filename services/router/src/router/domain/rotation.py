"""The fair rotation of a team: whose turn it is, in proportion to the weights, exactly and without favourites.

Published bound: between two changes of the eligible set or its weights, every rep's leads differ from their share
(weight / total weight of the leads handed out) by less than one. How: the j-th lead of a rep may start once their
share has passed j - 1 (the virtual start) and must be given before it passes j (the virtual finish); of those whose
start has come, the earliest finish goes first. Earliest first meets every finish here however ties are broken, so ties
are free: they go to whoever is owed most, then to whoever waited longest, then by lot. Never by seniority.

At a change the difference so far becomes a credit that is kept, so that frequent changes (a cap reached, a holiday, a
lead that only some may take) add up to nobody's loss. While there are credits, whoever is owed most goes first, as far
as every finish can still be met; so the bound holds too. While absent a rep neither gains nor loses.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

import msgspec

NANO = 1_000_000_000
LOOK_AHEAD_SLOTS = 256  # how far finishes are checked for a credit's sake; beyond it the earliest finish goes first


class Place(msgspec.Struct, frozen=True, array_like=True):
    """One rep's place. `credit_nano`: share less leads up to the last change, in thousand-millionths of a lead."""

    picked: int = 0
    credit_nano: int = 0
    last_number: int = 0


Eligible = tuple[tuple[str, int], ...]
NEWCOMER = Place()


class Rotation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A team's rotation since the last change of `eligible` (rep, weight), sorted by rep."""

    eligible: Eligible = ()
    picks: int = 0
    places: Mapping[str, Place] = msgspec.field(default_factory=dict[str, Place])


def pick(rotation: Rotation, eligible: Iterable[tuple[str, int]], *, team: str, number: int) -> tuple[str, Rotation]:
    """Whose turn it is among `eligible` (rep, positive weight), and the rotation after it.

    `number` is the team's decision number: it dates the turn and draws the lots. O(n), as is finding who is eligible.
    """
    present = tuple(sorted(eligible))
    if not present:
        raise ValueError("nobody to pick from")
    current = settled(rotation, present)
    rep = _next(current, team, number)
    place = current.places.get(rep, NEWCOMER)
    places = {**current.places, rep: Place(place.picked + 1, place.credit_nano, number)}
    return rep, Rotation(present, current.picks + 1, places)


def settled(rotation: Rotation, eligible: Eligible) -> Rotation:
    """The rotation at a change: what each rep is owed becomes a credit, and counting starts afresh."""
    if eligible == rotation.eligible:
        return rotation
    total = sum(weight for _, weight in rotation.eligible)
    places = dict(rotation.places)
    for rep, weight in rotation.eligible:
        place = places.get(rep, NEWCOMER)
        owed_nano = (weight * rotation.picks - place.picked * total) * NANO // total
        places[rep] = Place(0, place.credit_nano + owed_nano, place.last_number)
    return Rotation(eligible, 0, places)


def deviations(rotation: Rotation) -> dict[str, float]:
    """Leads less share of each eligible rep since the last change: the number that is checked live."""
    total = sum(weight for _, weight in rotation.eligible)
    return {
        rep: rotation.places.get(rep, NEWCOMER).picked - weight * rotation.picks / total
        for rep, weight in rotation.eligible
    }


def within_bound(rotation: Rotation) -> bool:
    """Whether every rep is within one lead of their share, in whole numbers."""
    total = sum(weight for _, weight in rotation.eligible)
    return all(
        abs(rotation.places.get(rep, NEWCOMER).picked * total - weight * rotation.picks) <= total
        for rep, weight in rotation.eligible
    )


class _Turn(NamedTuple):
    rep: str
    finish: int
    owed: int
    last_number: int


def _next(rotation: Rotation, team: str, number: int) -> str:
    started = _started(rotation)
    if any(place.credit_nano for place in rotation.places.values()):
        started = _owed_first(rotation, started)
    else:
        earliest = min(turn.finish for turn in started)
        started = [turn for turn in started if turn.finish == earliest]
    best = min((-turn.owed, turn.last_number) for turn in started)
    tied = [turn.rep for turn in started if (-turn.owed, turn.last_number) == best]
    return tied[0] if len(tied) == 1 else min(tied, key=lambda rep: lot(team, number, rep))


def _started(rotation: Rotation) -> list[_Turn]:
    """Whose virtual start has come: without this condition a heavy rep runs far ahead. Never empty."""
    places, slot = rotation.places, rotation.picks + 1
    total = sum(weight for _, weight in rotation.eligible)
    turns: list[_Turn] = []
    for rep, weight in rotation.eligible:
        place = places.get(rep, NEWCOMER)
        done = place.picked * total
        if done < weight * slot:
            owed = place.credit_nano * total + (weight * slot - done) * NANO
            turns.append(_Turn(rep, -(-(done + total) // weight), owed, place.last_number))
    return turns


def _owed_first(rotation: Rotation, started: list[_Turn]) -> list[_Turn]:
    """Those who may go now without making anybody's finish impossible."""
    slot = rotation.picks + 1
    earliest = min(turn.finish for turn in started)
    wished = max(started, key=lambda turn: turn.owed).finish
    tight = _first_tight(rotation, slot, min(wished, slot + LOOK_AHEAD_SLOTS))
    last = max(tight, earliest)
    return [turn for turn in started if turn.finish <= last]


def _first_tight(rotation: Rotation, slot: int, end: int) -> int:
    """The first slot before `end` by which the leads then due fill every slot from now on; `end` when there is none."""
    total = sum(weight for _, weight in rotation.eligible)
    due = [(weight, rotation.places.get(rep, NEWCOMER).picked) for rep, weight in rotation.eligible]
    for until in range(slot, end):
        owing = sum(max(0, until * weight // total - picked) for weight, picked in due)
        if owing > until - slot:
            return until
    return end


def lot(team: str, number: int, rep: str) -> bytes:
    """A lot drawn for this decision: the same on every replay, and nobody's for good."""
    return blake2b(f"{team}\0{number}\0{rep}".encode(), digest_size=8).digest()
