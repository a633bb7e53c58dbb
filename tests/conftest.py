"""Fixtures every test can use, and the profile of `make check`: `--hypothesis-profile=quick`."""

from hypothesis import settings

pytest_plugins = ["tests.support.postgres", "tests.support.kafka"]
settings.register_profile("quick", max_examples=15)
