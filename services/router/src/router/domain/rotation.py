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

import msgspec

NANO = 1_000_000_000
LOOK_AHEAD_SLOTS = 256  # how far finishes are checked for a credit's sake; beyond it the earliest finish goes first


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One rep's place. `credit_nano`: share less leads up to the last change, in thousand-millionths of a lead."""

    picked: int = 0
    credit_nano: int = 0
    last_number: int = 0


Eligible = tuple[tuple[str, int], ...]
_Turn = tuple[int, int, int, str]
"""Virtual finish, what is owed below zero, the number of the last turn, the rep: lower goes first."""
NEWCOMER = Place()


class Rotation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A team's rotation since the last change of `eligible` (rep, weight), sorted by rep."""

    eligible: Eligible = ()
    picks: int = 0
    places: Mapping[str, Place] = msgspec.field(default_factory=dict[str, Place])


def pick(rotation: Rotation, eligible: Iterable[tuple[str, int]], *, team: str, number: int) -> tuple[str, Rotation]:
    """Whose turn it is among `eligible` (rep, positive weight), and the rotation after it.

    `number` is the team's decision number: it dates the turn and draws the lots. O(n), as is finding who is eligible.
    """
    return next_turn(rotation, tuple(sorted(eligible)), team=team, number=number)


def next_turn(rotation: Rotation, present: Eligible, *, team: str, number: int) -> tuple[str, Rotation]:
    """`pick` among those who are present, sorted by rep."""
    if not present:
        raise ValueError("nobody to pick from")
    current = settled(rotation, present)
    rep = _next(current, team, number)
    place = current.places.get(rep, NEWCOMER)
    places = {**current.places, rep: Place(place.picked + 1, place.credit_nano, number)}
    return rep, Rotation(present, current.picks + 1, places)


def settled(rotation: Rotation, eligible: Eligible) -> Rotation:
    """The rotation at a change: what each rep is owed becomes a credit, and counting starts afresh."""
    if eligible is rotation.eligible or eligible == rotation.eligible:
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


def _next(rotation: Rotation, team: str, number: int) -> str:
    started = _started(rotation)
    if [place for place in rotation.places.values() if place.credit_nano]:
        last = _latest_finish(rotation, started)
        # those who may go now are all in time
        started = [(last, *turn[1:]) for turn in started if turn[0] <= last]
    finish, owed, last_number, first = min(started)
    tied = [turn[3] for turn in started if turn[2] == last_number and turn[1] == owed and turn[0] == finish]
    return first if len(tied) == 1 else min(tied, key=lambda rep: lot(team, number, rep))


def _started(rotation: Rotation) -> list[_Turn]:
    """Whose virtual start has come: without this condition a heavy rep runs far ahead. Never empty."""
    place_of, slot = rotation.places.get, rotation.picks + 1
    total = sum([weight for _, weight in rotation.eligible])
    turns: list[_Turn] = []
    for rep, weight in rotation.eligible:
        place = place_of(rep, NEWCOMER)
        done = place.picked * total
        ahead = weight * slot - done
        if ahead > 0:
            owed = place.credit_nano * total + ahead * NANO
            turns.append((-(-(done + total) // weight), -owed, place.last_number, rep))
    return turns


def _latest_finish(rotation: Rotation, started: list[_Turn]) -> int:
    """Up to which finish somebody may go now without making anybody else's impossible."""
    slot = rotation.picks + 1
    earliest = min(started)[0]
    wished = min(started, key=lambda turn: turn[1])[0]
    tight = _first_tight(rotation, slot, min(wished, slot + LOOK_AHEAD_SLOTS))
    return max(tight, earliest)


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
