"""What a manager bound to teams may change of the routing policy: what stands under these teams, and nothing else."""

from typing import Any

import pytest

from router.policies import PRESET, keeps_to

TEAMS: dict[str, Any] = PRESET["teams"]
HANOI: dict[str, Any] = TEAMS["hanoi"]
MINE = frozenset({"hanoi"})


def changed(**more: Any) -> dict[str, Any]:
    return {**PRESET, **more}


@pytest.mark.parametrize(
    "document",
    [
        changed(),
        changed(teams={**TEAMS, "hanoi": {**HANOI, "manager": "lan"}}),
        changed(teams={**TEAMS, "hanoi": {**HANOI, "reps": HANOI["reps"][:1]}}),
    ],
)
def test_the_own_team_is_changed(document: dict[str, Any]) -> None:
    assert keeps_to(MINE, PRESET, document)


@pytest.mark.parametrize(
    "document",
    [
        changed(teams={**TEAMS, "shanghai": {**TEAMS["shanghai"], "manager": "lan"}}),
        changed(teams={"hanoi": HANOI}),
        changed(teams={"shanghai": TEAMS["shanghai"]}),
        changed(teams={**TEAMS, "danang": HANOI}),
        changed(teams=None),
        changed(teams=[]),
        changed(rules=[]),
        changed(fallback="shanghai"),
        changed(accounts={"a.example": "minh"}),
        {name: value for name, value in PRESET.items() if name != "recycle"},
    ],
)
def test_what_is_others_or_everybodys_is_not(document: dict[str, Any]) -> None:
    assert not keeps_to(MINE, PRESET, document)
