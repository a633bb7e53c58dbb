"""The browser's session: signed, short-lived, of one key."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from shared.http.sessions import (
    CODE_LASTS,
    SESSION_LASTS,
    cookie_of,
    key_of_code,
    key_of_session,
    new_code,
    new_session,
    same_origin,
)

SECRET = b"of this installation"
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_a_session_names_its_key_until_it_is_over() -> None:
    session = new_session(SECRET, "linh-web", NOW)
    assert key_of_session(SECRET, session, NOW + SESSION_LASTS - timedelta(seconds=1)) == "linh-web"
    assert key_of_session(SECRET, session, NOW + SESSION_LASTS) is None


def test_a_code_is_no_session_and_a_session_no_code() -> None:
    assert key_of_session(SECRET, new_code(SECRET, "admin", NOW), NOW) is None
    assert key_of_code(SECRET, new_session(SECRET, "admin", NOW), NOW) is None


def test_a_code_is_over_after_a_quarter_of_an_hour() -> None:
    code = new_code(SECRET, "admin", NOW)
    assert key_of_code(SECRET, code, NOW) == "admin"
    assert key_of_code(SECRET, code, NOW + CODE_LASTS) is None


def test_another_secret_opens_nothing_and_none_at_all_neither() -> None:
    session = new_session(SECRET, "admin", NOW)
    assert key_of_session(b"another", session, NOW) is None
    assert key_of_session(b"", new_session(b"", "admin", NOW), NOW) is None


@given(st.integers(0, 200), st.characters())
def test_a_session_with_one_letter_changed_opens_nothing(place: int, letter: str) -> None:
    session = new_session(SECRET, "admin", NOW)
    place %= len(session)
    changed = session[:place] + letter + session[place + 1 :]
    assert key_of_session(SECRET, changed, NOW) is None or changed == session


@given(st.text(max_size=80))
@example("a.b.1.\ud800")
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert key_of_session(SECRET, text, NOW) is None


def test_the_cookie_is_found_among_others() -> None:
    headers = [(b"host", b"h"), (b"cookie", b"theme=dark; baton_session=a.b.1.c; x=y")]
    assert cookie_of(headers) == "a.b.1.c"
    assert cookie_of([(b"cookie", b"theme=dark")]) == ""


def test_only_our_own_page_may_change_something() -> None:
    assert same_origin([(b"host", b"crm.example:8080"), (b"origin", b"https://crm.example:8080")])
    assert not same_origin([(b"host", b"crm.example:8080"), (b"origin", b"https://evil.example")])
    assert not same_origin([(b"host", b"crm.example:8080")])
