"""Whose a lead is and was: what a rep and a manager of some teams read of it."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from router.domain import hearing, ownership
from router.domain.dossier import Dossier, InPool, Opportunity
from router.domain.policy import Pool, Routing
from router.domain.whose import is_anothers, opened_to
from tests.unit.router.builders import LEAD, a_lead, an_id, at, done

POLICY = Routing()
NORTH = frozenset({"north"})


def a_captured() -> Dossier:
    return hearing.captured(Dossier(lead_id=LEAD), at=at(0), attributes=a_lead(), marketing_owner="mai").dossier


def a_wanting() -> Dossier:
    return hearing.qualified(a_captured(), at=at(0), episode=1, score_milli=85_000, tier="sql").dossier


def with_team(team: str, owner: str = "ann") -> Dossier:
    return done(ownership.offer(a_wanting(), handoff_id=an_id("h"), owner=owner, team=team, at=at(0)))


def taken_back(team: str, pool: Pool) -> Dossier:
    held = with_team(team)
    closed = replace(held.handoffs[0], state="closed", ending="recycled", closed_at=at(1))
    return replace(held, handoffs=(closed,), pooled=InPool(pool=pool, since=at(1), cause="untouched"))


def waiting_for(team: str | None, before: Dossier | None = None) -> Dossier:
    wanting = before or a_wanting()
    return done(ownership.park(wanting, reason="no_capacity", team=team, wake_at=None))


def a_deal_of(team: str) -> Dossier:
    """The handoff was the south's; its opportunity was given to somebody of another team."""
    held = taken_back("south", "nurture")
    deal = Opportunity(id=an_id("o"), handoff_id=an_id("h"), owner="ann", team=team, opened_at=at(2))
    return replace(held, opportunities=(deal,), pooled=None)


@dataclass(frozen=True)
class Case:
    says: str
    dossier: Dossier
    opened: str | None
    anothers: bool


CASES = [
    Case("the team has it", with_team("north"), "lead", anothers=False),
    Case("the team had it", taken_back("north", "nurture"), "lead", anothers=False),
    Case("the team has its opportunity", a_deal_of("north"), "lead", anothers=False),
    Case("another team has it", with_team("south"), None, anothers=True),
    Case("another team had it", taken_back("south", "nurture"), None, anothers=True),
    Case("another team had it, and it may be claimed", taken_back("south", "public"), "score", anothers=True),
    Case("it waits for the team", waiting_for("north"), "lead", anothers=False),
    Case("it waits for another team", waiting_for("south"), None, anothers=True),
    Case("it waits, for no team yet", waiting_for(None), None, anothers=False),
    Case("nobody ever had it", a_captured(), None, anothers=False),
    Case("nobody is left", hearing.erased(with_team("south"), at=at(1)).dossier, "lead", anothers=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_a_manager_of_teams_reads_what_is_or_was_theirs_and_the_score_of_what_may_be_claimed(case: Case) -> None:
    assert opened_to(case.dossier, POLICY, teams=NORTH) == case.opened
    assert is_anothers(case.dossier, NORTH) is case.anothers


@pytest.mark.parametrize(
    ("dossier", "opened"),
    [
        (with_team("north", "bob"), "lead"),
        (with_team("north", "ann"), None),
        (waiting_for("north"), None),
        (taken_back("south", "public"), "score"),
        (a_captured(), None),
    ],
)
def test_a_rep_reads_what_is_or_was_theirs_whatever_their_team_waits_for(dossier: Dossier, opened: str | None) -> None:
    assert opened_to(dossier, POLICY, rep="bob") == opened
