"""Who is asking: keys, roles, expiry, and what an access policy may say."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.access import ROLES, KeyRing, Principal, bearer, key_id_of, new_token, parse_access
from shared.http.problems import Problem
from shared.runtime.policies import PolicyInvalid

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def an_entry(**more: Any) -> dict[str, Any]:
    return {"sha256": "a" * 64, "role": "manager", **more}


def a_ring(token: str, sha256: str, **more: Any) -> KeyRing:
    body = {"keys": {key_id_of(token): an_entry(sha256=sha256, **more)}}
    return KeyRing(digest("the-admin"), parse_access(body))


def problems_of(entry: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(PolicyInvalid) as caught:
        parse_access({"keys": {"k1": entry}})
    return caught.value.problems


def test_a_token_opens_what_its_key_says() -> None:
    token, sha256 = new_token("k1")
    ring = a_ring(token, sha256, role="rep", rep="ann", teams=["north"])
    assert ring.principal(token, NOW) == Principal("k1", "rep", "ann", frozenset({"north"}))


def test_the_admin_token_opens_everything_and_no_empty_one_does() -> None:
    assert KeyRing(digest("the-admin")).principal("the-admin", NOW) == Principal("admin", "admin")
    assert KeyRing().principal("", NOW) is None
    assert KeyRing("").principal("anything", NOW) is None


@given(st.text())
def test_no_other_token_opens_anything(guess: str) -> None:
    token, sha256 = new_token("k1")
    ring = a_ring(token, sha256)
    assert ring.principal(guess, NOW) is None
    assert ring.principal(f"baton_k1_{guess}", NOW) is None
    assert ring.principal(token + guess, NOW) is None or not guess


def test_a_key_ends_at_its_expiry() -> None:
    token, sha256 = new_token("k1")
    ring = a_ring(token, sha256, expires_at=NOW.isoformat())
    assert ring.principal(token, NOW - timedelta(microseconds=1)) is not None
    assert ring.principal(token, NOW) is None
    assert ring.principal(token, NOW + timedelta(days=1)) is None


def test_an_expiry_without_a_zone_is_refused_and_not_found_out_at_night() -> None:
    assert "keys.k1.expires_at" in problems_of(an_entry(expires_at="2026-03-02T02:00:00"))[0]


@pytest.mark.parametrize("expires_at", ["soon", "2026-13-01", 7])
def test_an_expiry_that_is_no_instant_is_a_problem_in_words(expires_at: object) -> None:
    assert "keys.k1.expires_at" in problems_of(an_entry(expires_at=expires_at))[0]


@pytest.mark.parametrize("entry", ["secret", None, 7, []])
def test_an_entry_that_is_no_object_is_a_problem_in_words(entry: Any) -> None:
    assert "keys.k1" in problems_of(entry)[0]


@pytest.mark.parametrize("keys", ["k1", 7, ["k1"]])
def test_keys_that_are_no_object_are_a_problem_in_words(keys: Any) -> None:
    with pytest.raises(PolicyInvalid, match="keys"):
        parse_access({"keys": keys})


def test_a_digest_is_hexadecimal() -> None:
    assert "keys.k1.sha256" in problems_of(an_entry(sha256="z" * 64))[0]
    assert "keys.k1.sha256" in problems_of(an_entry(sha256="a" * 63))[0]
    assert "keys.k1.sha256" in problems_of({"role": "viewer"})[0]


def test_a_key_id_that_no_token_can_carry_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="ann_desk"):
        parse_access({"keys": {"ann_desk": an_entry()}})


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_is_known(role: str) -> None:
    assert parse_access({"keys": {"k1": an_entry(role=role, rep="ann")}})["k1"].principal.role == role


@pytest.mark.parametrize("role", ["root", "", "Admin"])
def test_an_unknown_role_is_refused_with_the_known_ones(role: str) -> None:
    (problem,) = problems_of(an_entry(role=role))
    assert "manager" in problem
    assert "keys.k1.role" in problem


def test_a_reps_key_names_its_rep() -> None:
    assert problems_of(an_entry(role="rep")) == ("keys.k1.rep: a rep's key names its rep",)


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse_access({"keys": {"k1": an_entry(role="root"), "k2": an_entry(role="rep", sha256="short")}})
    assert len(caught.value.problems) == 3


def test_no_keys_are_no_problem() -> None:
    assert parse_access({}) == parse_access({"keys": None}) == parse_access({"keys": {}}) == {}


def test_a_rep_acts_only_for_itself() -> None:
    ann = Principal("k1", "rep", "ann")
    assert ann.may_act_for("ann")
    assert not ann.may_act_for("bob")
    assert not ann.may_act_for(None)
    assert ann.actor == "ann"
    assert not Principal("k2", "rep").may_act_for(None)


@pytest.mark.parametrize("role", sorted(ROLES - {"manager", "admin"}))
def test_whoever_is_no_leader_acts_for_nobody_else(role: str) -> None:
    assert not Principal("k1", role).may_act_for("ann")
    assert Principal("k1", role).actor == "k1"


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_a_leader_acts_for_everybody(role: str) -> None:
    assert Principal("k1", role).may_act_for("ann")
    assert Principal("k1", role).may_act_for(None)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "abc"])
def test_a_request_without_a_bearer_token_is_told_to_send_one(header: str) -> None:
    with pytest.raises(Problem) as caught:
        bearer({"authorization": header} if header else {})
    assert caught.value.status == 401


def test_the_scheme_is_read_in_any_case() -> None:
    assert bearer({"authorization": "bearer abc"}) == bearer({"authorization": "Bearer  abc "}) == "abc"


@given(st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True))
def test_a_new_token_carries_its_key_id(key_id: str) -> None:
    token, sha256 = new_token(key_id)
    assert key_id_of(token) == key_id
    assert digest(token) == sha256


@pytest.mark.parametrize("token", ["", "baton", "baton_k1", "other_k1_secret", "BATON_k1_secret"])
def test_other_tokens_carry_none(token: str) -> None:
    assert key_id_of(token) == ""
