"""Whose a submission is, what it changes of a known lead, and how engagements are read."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import phonenumbers
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from intake.domain import normal
from intake.domain.engagement import read_engagement
from intake.domain.known import changed_attributes, merged_fields
from intake.domain.people import Key, people_of
from intake.domain.refusals import Refused
from intake.policies import DOORS_PRESET, FIELDS_PRESET, definitions, doors_of, fields_of
from shared.runtime.policies import PolicyInvalid
from tests.unit.intake.builders import SAMPLES

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANN, JOANN = Key("email", "ann@example.com"), Key("email", "joann@example.com")
PHONE = Key("phone", "+84912345678")


def lead(number: int) -> UUID:
    return UUID(int=number)


def test_one_new_person_in_several_submissions_is_one_lead() -> None:
    people = people_of([(lead(5), (ANN,)), (lead(6), (ANN, PHONE)), (lead(7), (PHONE,)), (lead(8), (JOANN,))], {})
    assert [one.lead_id for one in people] == [lead(5), lead(5), lead(5), lead(8)]
    assert [one.known for one in people] == [False, True, True, False]
    assert [one.new_keys for one in people] == [(ANN,), (PHONE,), (), (JOANN,)]


def test_the_oldest_of_several_owners_is_the_person() -> None:
    [person] = people_of([(lead(9), (ANN, PHONE, JOANN))], {ANN: lead(4), PHONE: lead(2)})
    assert (person.lead_id, person.others, person.new_keys) == (lead(2), (lead(4),), (JOANN,))


@given(st.lists(st.lists(st.sampled_from([ANN, JOANN, PHONE]), unique=True), max_size=8), st.randoms())
def test_a_key_never_changes_its_lead(arrivals: list[list[Key]], rng: random.Random) -> None:
    owners = {key: lead(rng.randint(1, 3)) for key in (ANN, JOANN, PHONE) if rng.random() < 0.5}
    owner_of = dict(owners)
    for person in people_of([(lead(100 + n), tuple(keys)) for n, keys in enumerate(arrivals)], owners):
        for key in person.new_keys:
            assert owner_of.setdefault(key, person.lead_id) == person.lead_id
    assert owner_of.items() >= owners.items()


def test_where_a_lead_came_from_is_told_once() -> None:
    older = {"source": "trade_show", "industry": "software", "tags": ["a"]}
    newer = {"source": "google", "campaign": "spring", "industry": "food", "budget": "yes", "tags": ["a", "b"]}
    changed = changed_attributes(older, newer)
    assert changed == {"industry": "food", "budget": "yes", "tags": ["a", "b"]}
    assert changed_attributes({}, {"source": "google", "door": "site"}) == {"source": "google", "door": "site"}


def test_who_a_lead_is_stays_and_the_rest_is_the_newest() -> None:
    older = {"name": "Ann", "email": "a@example.com", "source": "x", "click_ids": {"gclid": "1"}, "message": "old"}
    newer = {"name": "A.", "phone": "+84", "campaign": "c", "click_ids": {"fbclid": "2"}, "message": "new"}
    assert merged_fields(older, newer) == {
        "name": "Ann",
        "email": "a@example.com",
        "source": "x",
        "click_ids": {"gclid": "1", "fbclid": "2"},
        "message": "new",
        "phone": "+84",
        "campaign": "c",
    }


def test_an_engagement_is_read_without_what_names_somebody() -> None:
    item: Any = {"kind": "mail_opened", "content": "for ann@example.com", "email": " Ann@Example.com ", "phone": "123"}
    read = read_engagement(item, "$", NOW)
    assert (read.content, read.keys, read.occurred_at) == (None, (ANN,), NOW)
    slightly_ahead = (NOW + timedelta(minutes=2)).isoformat()
    assert read_engagement({"kind": "x", "occurred_at": slightly_ahead}, "$", NOW).occurred_at == NOW


@pytest.mark.parametrize(
    ("item", "where"),
    [
        ({"kind": "Mail Opened"}, "$.kind"),
        ({"kind": "x", "occurred_at": "2027-01-01T00:00:00Z"}, "$.occurred_at"),
        ({"kind": "x", "occurred_at": 5}, "$.occurred_at"),
        ({"kind": "x", "lead_id": "7"}, "$.lead_id"),
        ({"kind": "x", "content": ["a"]}, "$.content"),
        ([], "$"),
    ],
)
def test_a_bad_engagement_is_refused_with_its_place(item: Any, where: str) -> None:
    with pytest.raises(Refused) as refused:
        read_engagement(item, "$", NOW)
    assert refused.value.where == where


def test_usual_numbers_are_read_as_the_library_reads_them() -> None:
    rng = random.Random(1)
    codes = list(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    for n in range(3_000):
        code = rng.choice(codes) if n % 3 else 84
        national = "".join(rng.choice("0123456789") for _ in range(rng.randint(4, 13)))
        text = f"+{code}{rng.choice(['', ' ', '-'])}{national}"
        try:
            number = phonenumbers.parse(text, None)
        except phonenumbers.NumberParseException:
            expected = None
        else:
            possible = phonenumbers.is_possible_number(number)
            expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else None
        assert normal.phone(text, None) == expected, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann.Lee+x@Example.CO.uk", "ann.lee+x@example.co.uk"),
        ("ann@example.test", "ann@example.test"),
        ("ann@-example.com", None),
        ("ann@exa--mple.com", "ann@exa--mple.com"),
        ("ann..lee@example.com", None),
        (".ann@example.com", None),
        (f"{'a' * 65}@example.com", f"{'a' * 65}@example.com"),
        (f"a@{'b' * 64}.com", None),
        ("ann@localhost", None),
        ("ann@example.com\n", "ann@example.com"),
        ("ann@example.com,bob@example.com", None),
    ],
)
def test_usual_addresses_are_read_as_the_grammar_reads_them(text: str, expected: str | None) -> None:
    assert normal.email(text) == expected


def test_the_shipped_policy_files_are_the_presets() -> None:
    directory = SAMPLES.parents[2] / "policy"
    assert yaml.safe_load((directory / "doors.yaml").read_text()) == DOORS_PRESET
    assert yaml.safe_load((directory / "fields.yaml").read_text()) == FIELDS_PRESET
    assert set(doors_of(DOORS_PRESET).doors) == {"site", "google-main", "api"}
    assert fields_of(FIELDS_PRESET) == fields_of({})


def test_a_bad_policy_says_all_that_is_wrong() -> None:
    with pytest.raises(PolicyInvalid) as invalid:
        doors_of({"doors": {"a": {"kind": "google"}, "b": {"kind": "html", "zone": "Mars/Base"}}})
    assert [problem.partition(":")[0] for problem in invalid.value.problems] == ["doors.a.key", "doors.b.zone"]


def test_the_lint_names_secrets_that_are_not_set() -> None:
    [doors, _] = definitions(lambda: {"env:BATON_GOOGLE_KEY": ""}.get)
    [problem] = doors.lint(doors_of(DOORS_PRESET))
    assert problem.startswith("doors.google-main.key[0]: this secret is not set")
    [before_the_start, _] = definitions(lambda: None)
    assert list(before_the_start.lint(doors_of(DOORS_PRESET))) == []
