"""Who a submission is from: the lead that has one of its keys, the oldest where several have one, else a new lead."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from intake.domain.identity import identities
from intake.domain.submission import Submission


class Key(NamedTuple):
    """An identity key as it is stored. Tests and real people are kept apart, so that a test swallows no real lead."""

    kind: str
    value: str


class Person(NamedTuple):
    """Whose a submission is: `new_keys` had no lead before, `others` are younger leads that have its other keys."""

    lead_id: UUID
    known: bool
    new_keys: tuple[Key, ...]
    others: tuple[UUID, ...]


def stored_keys(submission: Submission) -> tuple[Key, ...]:
    """The keys a submission is found by."""
    before = "test-" if submission.is_test else ""
    return tuple([Key(before + kind, value) for kind, value in identities(submission)])


def people_of(arrivals: Iterable[tuple[UUID, Sequence[Key]]], owners: Mapping[Key, UUID]) -> list[Person]:
    """Whose each arrival is, in order. An arrival is the id of the lead it would make, and its keys."""
    owner_of = dict(owners)
    found: list[Person] = []
    for candidate, keys in arrivals:
        leads = sorted({owner_of[key] for key in keys if key in owner_of})
        if not leads:
            for key in keys:
                owner_of[key] = candidate
            found.append(Person(candidate, False, tuple(keys), ()))
            continue
        lead_id = leads[0]  # ids are time-ordered: the smallest is the oldest lead
        new_keys = tuple(key for key in keys if key not in owner_of)
        owner_of.update(dict.fromkeys(new_keys, lead_id))
        found.append(Person(lead_id, True, new_keys, tuple(leads[1:])))
    return found
