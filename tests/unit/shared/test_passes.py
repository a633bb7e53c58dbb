"""Passes to leads: for one rep or one manager's key, one lead, what they say they open, and a while."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.http.access import Principal
from shared.http.passes import PASS_LASTS, Opens, is_let_in, new_pass, with_passes

AT = datetime(2027, 1, 4, 9, tzinfo=UTC)
LEAD, ANOTHER = UUID(int=1), UUID(int=2)
ANN, BOB = Principal("ann", "rep", "ann"), Principal("bob", "rep", "bob")
NORTHERN = Principal("northern", "manager", teams=frozenset({"north"}))
SOUTHERN = Principal("southern", "manager", teams=frozenset({"south"}))
FIND = with_passes({}.get, b"of this test")


def made(opens: Opens = "lead", holder: Principal = ANN) -> str:
    found = new_pass(FIND, holder, LEAD, opens, AT)
    assert found is not None
    return found


@pytest.mark.parametrize(("given", "opens", "expected"), [
    ("lead", "lead", True), ("lead", "score", True), ("score", "score", True), ("score", "lead", False),
])  # fmt: skip
def test_a_pass_opens_what_it_says(given: Opens, opens: Opens, *, expected: bool) -> None:
    assert is_let_in(FIND, ANN, LEAD, opens, made(given), AT) is expected


def test_a_pass_is_for_one_rep_one_lead_and_a_while() -> None:
    last = AT + PASS_LASTS
    assert not is_let_in(FIND, BOB, LEAD, "lead", made(), AT)
    assert not is_let_in(FIND, ANN, ANOTHER, "lead", made(), AT)
    assert not is_let_in(FIND, ANN, LEAD, "lead", made(), last)
    assert not is_let_in(with_passes({}.get, b"another"), ANN, LEAD, "lead", made(), AT)


def test_a_pass_of_a_manager_of_teams_is_for_that_key_alone() -> None:
    given = made(holder=NORTHERN)
    assert is_let_in(FIND, NORTHERN, LEAD, "lead", given, AT)
    assert is_let_in(FIND, NORTHERN, LEAD, "score", given, AT)
    assert not is_let_in(FIND, NORTHERN, LEAD, "lead", made("score", NORTHERN), AT)
    assert not is_let_in(FIND, NORTHERN, ANOTHER, "lead", given, AT)
    assert not is_let_in(FIND, NORTHERN, LEAD, "lead", given, AT + PASS_LASTS)
    assert not is_let_in(FIND, SOUTHERN, LEAD, "lead", given, AT)
    assert not is_let_in(FIND, NORTHERN, LEAD, "lead", "", AT)


@pytest.mark.parametrize("named", ["northern", "key:northern", f"{LEAD}:northern", f"northern:{LEAD}"])
def test_no_rep_is_named_so_that_a_pass_of_a_manager_is_the_reps(named: str) -> None:
    rep = Principal("northern", "rep", named)
    assert not is_let_in(FIND, rep, LEAD, "lead", made(holder=NORTHERN), AT)
    assert not is_let_in(FIND, NORTHERN, LEAD, "lead", made(holder=rep), AT)


def test_a_pass_that_a_rep_was_given_before_managers_had_any_still_opens() -> None:
    given = "lead.1799096400.730095d59417ec46f108bed6fe4ede7be150471319c5fa3b06cfacda34822333"
    assert is_let_in(FIND, ANN, LEAD, "lead", given, AT)


@pytest.mark.parametrize(
    "given", ["", ".", "lead.9999999999.", "lead.x.y", "lead.9999999999." + "0" * 64, "Ünïcödé..."]
)
def test_what_nobody_signed_opens_nothing(given: str) -> None:
    assert not is_let_in(FIND, ANN, LEAD, "lead", given, AT)


def test_a_pass_is_not_changed_into_another() -> None:
    assert not is_let_in(FIND, ANN, LEAD, "lead", made("score").replace("score", "lead"), AT)


def test_without_a_secret_there_are_no_passes_and_no_rep_is_let_in() -> None:
    bare = with_passes({}.get, b"")
    assert new_pass(bare, ANN, LEAD, "lead", AT) is None
    assert not is_let_in(bare, ANN, LEAD, "lead", made(), AT)


def test_other_roles_need_none_and_other_secrets_are_found_as_before() -> None:
    assert is_let_in(FIND, Principal("m", "manager"), LEAD, "lead", "", AT)
    assert with_passes({"env:X": "y"}.get, b"s")("env:X") == "y"
