"""Failpoints: off unless ordered by a name that there is, and never quiet."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from shared.runtime import failpoints


@pytest.fixture(autouse=True)
def _as_at_a_start() -> Iterator[None]:
    for kept in (failpoints.chosen, failpoints.passes_of):
        kept.cache_clear()
    yield
    for kept in (failpoints.chosen, failpoints.passes_of):
        kept.cache_clear()


def test_nothing_is_on_unless_ordered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATON_FAILPOINTS", raising=False)
    assert not any(failpoints.on(name) for name in failpoints.KNOWN)


def test_what_is_ordered_is_on_and_said_aloud_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_FAILPOINTS", "no-fence")
    with capture_logs() as said:
        assert failpoints.on("no-fence")
        assert not failpoints.on("ack-before-commit")
    assert [(line["log_level"], line["what"]) for line in said] == [("warning", "no-fence")]


def test_an_unknown_name_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_FAILPOINTS", "no-fense")
    with pytest.raises(failpoints.UnknownFailpoint, match="no-fense"):
        failpoints.chosen()


def test_each_comes_once_in_so_manypasses_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_FAILPOINTS", "relay-send-twice")
    assert [failpoints.each("relay-send-twice", 3) for _ in range(6)] == [False, False, True, False, False, True]
