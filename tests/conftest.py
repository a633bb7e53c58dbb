"""Fixtures every test can use."""

pytest_plugins = ["tests.support.postgres", "tests.support.kafka"]
