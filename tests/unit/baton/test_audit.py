"""When an audit may say clean."""

from typing import Any

import pytest

from baton.audit import Audit


@pytest.mark.parametrize(
    ("reconciliation", "clean"),
    [
        ({"watermark": "2026-11-16T09:00:00Z", "captured": 3, "in_flight": 0, "unexplained": 0}, True),
        ({"watermark": "2026-11-16T09:00:00Z", "captured": 3, "in_flight": 0, "unexplained": 1}, False),
        ({"watermark": None, "captured": 0, "in_flight": 0, "unexplained": 0}, True),
        ({"watermark": None, "captured": 0, "in_flight": 960, "unexplained": 0}, False),
    ],
)
def test_nothing_is_clean_that_was_not_looked_at(reconciliation: dict[str, Any], *, clean: bool) -> None:
    assert Audit(reconciliation).clean is clean
