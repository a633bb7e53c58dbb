"""How many examples a property is held against: its own full number, or a share of it in the quick run."""

from hypothesis import settings

_FULL = 100  # Hypothesis' own number, which the profile `quick` of tests/conftest.py lowers


def examples(full: int) -> settings:
    """The settings of a property: `full` examples, and in the profile `quick` as small a share as it takes of all."""
    return settings(max_examples=max(1, full * settings().max_examples // _FULL), deadline=None)
