"""What is known of a lead, and since when: kept shortly, and read as if every attribute had its own instant."""

import random
from datetime import datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from router.domain import hearing
from router.domain.dossier import Dossier, from_json, to_json
from shared.contracts.attributes import Attributes, values
from tests.support.examples import examples
from tests.unit.router.builders import LEAD, a_lead, at

WORDS = {"region": ("north", "west"), "budget": ("yes", "no"), "referred": (True, False), "tags": (("a",), ("a", "b"))}


def told(dossier: Dossier, hour: float, *cleared: str, **attributes: object) -> Dossier:
    return hearing.updated(dossier, at=at(hour), attributes=a_lead(**attributes), cleared=cleared).dossier


def test_what_was_told_at_once_has_one_instant() -> None:
    known = told(Dossier(lead_id=LEAD), 1, region="north", budget="yes")

    assert (known.attributes_since, known.told_apart) == (at(1), {})
    assert known.attributes_at == {"region": at(1), "budget": at(1)}


def test_the_same_told_again_is_known_since_then_in_the_checklist_as_well() -> None:
    known = told(told(Dossier(lead_id=LEAD), 1, region="north", budget="yes"), 5, region="north", budget="yes")

    assert known.attributes_at == {"region": at(5), "budget": at(5)}
    assert known.checklist["budget"].at == at(5)
    assert told(known, 3, region="north", budget="yes") is known
    assert told(known, 5, region="north", budget="yes") is known


def test_what_is_told_apart_has_its_own_instant_until_all_is_told_again() -> None:
    apart = told(told(Dossier(lead_id=LEAD), 1, region="north", budget="yes"), 3, region="west")
    assert (apart.attributes_since, apart.told_apart) == (at(1), {"region": at(3)})

    again = told(apart, 4, region="west", budget="yes")
    assert (again.attributes_since, again.told_apart) == (at(4), {})


def test_a_row_of_before_counts_every_attribute_from_its_own_instant() -> None:
    row = {
        "lead_id": LEAD,
        "attributes": {"region": "north", "budget": "yes"},
        "attributes_at": {"region": at(2), "budget": at(4), "city": at(3)},
    }
    known = from_json(msgspec.json.encode(row))

    assert known.attributes_at == {"region": at(2), "budget": at(4), "city": at(3)}
    after = told(known, 3, region="west", budget="no", city="Huế")
    assert after.attributes == a_lead(region="west", budget="yes")
    assert after.attributes_at == {"region": at(3), "budget": at(4), "city": at(3)}


@given(seed=st.integers(0, 10**9))
@examples(200)
def test_the_short_form_says_the_same_as_an_instant_for_each(seed: int) -> None:
    chance, known = random.Random(seed), Dossier(lead_id=LEAD)
    stamps: dict[str, datetime] = {}
    shown: dict[str, object] = {}
    for _ in range(8):
        hour = chance.randint(1, 4)
        word = {name: chance.choice(some) for name, some in WORDS.items() if chance.random() < 0.6}
        if shown and chance.random() < 0.3:
            word = dict(shown)
        cleared = [name for name in WORDS if name not in word and chance.random() < 0.1]
        for name, value in [*word.items(), *[(name, None) for name in cleared]]:
            newer = name not in stamps or (stamps[name], str(shown_as(shown, name))) < (at(hour), str(value))
            if newer:
                stamps[name] = at(hour)
                shown.pop(name, None)
                if value is not None:
                    shown[name] = value
        known = from_json(to_json(told(known, hour, *cleared, **word)))
        assert (values(known.attributes), known.attributes_at) == (shown, stamps)


def shown_as(shown: dict[str, object], name: str) -> object:
    return shown.get(name, getattr(Attributes(), name))
