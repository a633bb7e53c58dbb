"""Ten thousand dossiers under ten rules are scored well within a second and a half."""

import time

from scorer.domain.dossier_json import from_json, to_json
from scorer.domain.episodes import decide
from scorer.domain.scoring import score
from tests.unit.scorer.builders import START, a_lead, after, did, preset

LEADS = 10_000
LIMIT_S = 1.5


def test_ten_thousand_leads_are_scored_within_a_second_and_a_half() -> None:
    card = preset("eighty-sixty")
    leads = [
        did(
            did(a_lead(industry=f"industry-{n % 50}", title_level="director", country=f"c{n}"), "demo_requested"),
            "case_study_downloaded",
        )
        for n in range(LEADS)
    ]
    started = time.perf_counter()
    for lead in leads:
        score(lead, card, START)
    scored_s = time.perf_counter() - started
    started = time.perf_counter()
    kept = [to_json(decide(from_json(data), card, after(1)).dossier) for data in map(to_json, leads)]
    decided_s = time.perf_counter() - started
    print(f"scored {LEADS} in {scored_s:.2f} s; loaded, decided and kept in {decided_s:.2f} s")  # noqa: T201
    assert len(kept) == LEADS
    assert scored_s < LIMIT_S
