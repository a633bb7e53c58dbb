"""A sealed secret is opened by any of the keys, and moved to the first of them."""

from shared.store.sealing import Seal


def sealing(*keys: str) -> Seal:
    return Seal(lambda: list(keys))


def test_a_secret_is_opened_by_any_of_the_keys() -> None:
    kept = sealing("old").close("planted")
    assert b"planted" not in kept
    assert sealing("new", "old").open(kept) == "planted"
    assert sealing("new").open(kept) is None


def test_a_secret_of_an_old_key_is_renewed_once() -> None:
    both, kept = sealing("new", "old"), sealing("old").close("planted")
    renewed = both.renewed(kept)
    assert renewed is not None
    assert sealing("new").open(renewed) == "planted"
    assert both.renewed(renewed) is None


def test_what_no_key_opens_is_left_as_it_is() -> None:
    assert sealing("new").renewed(sealing("lost").close("planted")) is None
