"""The short fault campaign: three rounds in each mode, and the auditor itself held against a ledger that lies."""

from pathlib import Path

import pytest

from tests.chaos.campaign import Outcome, Plan, campaign
from tests.chaos.ledger import Ledger, read

pytestmark = [pytest.mark.timeout(600), pytest.mark.chaos, pytest.mark.xdist_group("chaos")]
ROUNDS = {
    "embedded": ("kill", "cut-commits+lose-answers", "kill-postgres"),
    "kafka": ("kill", "wipe-broker+cut-commits", "kill-broker+kill-postgres"),
}


async def _run(mode: str) -> Outcome:
    said: list[str] = []
    plan = Plan(mode, rounds=3, seed=1, rate=20, leads=30, faults=ROUNDS[mode], twice=("scorer",), steady_names=True)
    outcome = await campaign(plan, said.append)
    assert outcome.violations == [], "\n".join([*said, *outcome.violations, f"see {outcome.home}"])
    return outcome


async def test_three_rounds_in_one_process_lose_and_double_nothing() -> None:
    outcome = await _run("embedded")
    assert outcome.leads == 90
    assert outcome.commits_cut > 0


@pytest.mark.kafka
async def test_three_rounds_on_kafka_lose_and_double_nothing() -> None:
    outcome = await _run("kafka")
    assert outcome.leads == 90
    assert outcome.heals_s


def test_the_ledger_gives_back_what_was_noted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.note("asked", email="a@example.com")
    ledger.note("lead", submission_id="s", lead_id=None, email="a@example.com", door="site")
    ledger.note("contact", key="k", lead_id="l", handoff_id="h")
    ledger.note("complaint", what="refused: 500")
    ledger.close()
    found = read(tmp_path / "ledger")
    assert found.submissions == {"s": None}
    assert found.emails == found.asked == {"a@example.com"}
    assert found.contacts == {"k": ("l", "h")}
    assert found.complaints == ["refused: 500"]
