"""Whom a score leaves to marketing: its event brings what content is chosen by, and no other's does."""

from typing import Final
from uuid import UUID

from scorer.domain.dossier import Dossier, ended
from scorer.domain.episodes import decide
from scorer.saying import said
from shared.contracts import Attributes, LeadScored
from tests.unit.scorer.builders import START, a_document, a_lead, after, did, scorecard_of

CARD: Final = scorecard_of(a_document(qualify="score >= 80 && high_value(7) >= 2"))


def told(dossier: Dossier, days: float = 0) -> tuple[str, Attributes | None]:
    (scored,) = [
        event for event in said(UUID(int=1), decide(dossier, CARD, after(days)), START) if type(event) is LeadScored
    ]
    return scored.tier, scored.attributes


def test_a_score_above_marketings_band_brings_the_attributes_of_a_lead_that_does_not_qualify() -> None:
    lead = did(a_lead(industry="manufacturing"), "demo_requested")
    assert told(lead) == ("sql", Attributes(industry="manufacturing"))


def test_a_lead_that_ever_qualified_is_left_to_sales_or_to_where_they_put_it() -> None:
    lead = did(did(a_lead(industry="manufacturing"), "demo_requested"), "price_page_viewed")
    assert told(lead) == ("sql", None)
    over = ended(
        decide(lead, CARD, START).dossier, fact_id="recycled", kind="recycled", occurred_at=after(1), episode=1
    )
    aged = decide(over, CARD, after(8))
    assert aged.scored is not None
    assert told(over, 8) == ("sql", None)
