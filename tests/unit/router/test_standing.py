"""The score that an assignment carries is the crossing's, however the topics interleave."""

from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID

import pytest

from router.cases import standing
from router.domain import hearing
from router.domain.dossier import Dossier

NOW = datetime(2026, 11, 3, 7, tzinfo=UTC)
SCORES = ((45_000, "raw"), (75_000, "mql"), (85_000, "sql"))


@pytest.mark.parametrize("heard", list(permutations(range(3))))
@pytest.mark.parametrize("after", range(4))
def test_several_scores_of_one_instant_leave_the_crossings_own(heard: tuple[int, ...], after: int) -> None:
    dossier = Dossier(lead_id=UUID(int=1), captured_at=NOW)
    for place, which in enumerate((*heard, None)):
        if place == after:
            dossier = hearing.qualified(dossier, at=NOW, episode=1, score_milli=85_000, tier="sql").dossier
            assert standing(dossier) == (85_000, "sql")
        if which is not None:
            score, tier = SCORES[which]
            dossier = hearing.scored(dossier, at=NOW, score_milli=score, tier=tier, action=None).dossier
    assert standing(dossier) == (85_000, "sql")
