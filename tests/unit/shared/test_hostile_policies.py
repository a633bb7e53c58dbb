"""What a policy document may not hold is said before it is judged, whoever asks: JSON can say more than can be kept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from shared.http.documents import document_of, storable, version_of
from shared.http.problems import Problem
from shared.runtime.policies import PolicyInvalid


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    "body",
    [{"a": 10**400}, {"a": -(2**63) - 1}, json.loads(nested(400)), {"a": "\ud800"}, {"\udc00": 1}, {"a": "b\x00c"}, {"\x00": 1}],
    ids=["digits", "below-int64", "nesting", "surrogate", "surrogate-key", "nul", "nul-key"],
)  # fmt: skip
def test_a_document_that_cannot_be_kept_is_refused_in_words(body: Mapping[str, Any]) -> None:
    with pytest.raises(PolicyInvalid, match="can't hold"):
        storable(body)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_have_is_refused(number: float) -> None:
    with pytest.raises(PolicyInvalid, match="can't hold"):
        storable({"tiers": [{"from": number}]})


def test_what_can_be_kept_is_the_same_document() -> None:
    body = {"a": [2**63, -(2**63), 0.5, None, True, "制造业", {"b": "\\u0000"}]}
    assert storable(body) is body


@pytest.mark.parametrize(
    "raw", [nested(400), '{"a":"\\u0000"}', '{"a":"\\ud800"}', "[" * 3000, "", "\ufeff{}", "[]", "7"]
)
def test_a_body_that_is_no_policy_is_a_problem_of_the_sender(raw: str) -> None:
    with pytest.raises((Problem, PolicyInvalid)) as refused:
        document_of(raw.encode())
    assert getattr(refused.value, "status", 422) in {400, 422}


@pytest.mark.parametrize("etag", ['"²"', '"٣"', '"' + "9" * 5000 + '"', '"-1"', "W/", '""', '"99999999999"'])
def test_an_etag_that_no_version_has_fits_none(etag: str) -> None:
    with pytest.raises(Problem) as refused:
        version_of(etag)
    assert refused.value.status == 412


def test_an_etag_names_its_version() -> None:
    assert [version_of(etag) for etag in (None, "*", '"7"', 'W/"12"', "3")] == [None, None, 7, 12, 3]
