"""What an outcome says on the wire: `lead.scored`, and `lead.qualified` where an episode begins."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from scorer.domain.dossier import Dossier, effective
from scorer.domain.episodes import Outcome
from scorer.domain.scorecard import Tier
from shared.contracts import Event, LeadQualified, LeadScored
from shared.contracts.attributes import ATTRIBUTE_NAMES, Attributes
from shared.contracts.scores import ScorePart

_NAMES: Final = frozenset(ATTRIBUTE_NAMES)
_CARED_FOR: Final = frozenset({"nurture", "content"})


def said(
    lead_id: UUID,
    outcome: Outcome,
    at: datetime,
    *,
    causation: UUID | None = None,
    correlation: UUID | None = None,
) -> Iterator[Event]:
    """The events of an outcome. Without causation it was time that moved the score."""
    score = outcome.score
    if score is None:
        return
    tier = score.tier
    if outcome.scored is not None:
        yield LeadScored(
            lead_id=lead_id,
            occurred_at=at,
            recorded_at=at,
            causation=causation,
            correlation=correlation,
            score_milli=score.milli,
            tier=tier.name,
            label=tier.label,
            action=tier.action,
            previous_tier=outcome.scored.previous_tier,
            parts=tuple([ScorePart(rule=rule, points_milli=points_milli) for rule, points_milli in score.reasons]),
            scorecard_version=score.version,
            cause=outcome.scored.cause,
            # whoever cares for the lead chooses by them; of other leads nobody does, and events stay small
            attributes=_attributes(outcome.dossier) if _is_marketings(tier, outcome.dossier) else None,
        )
    if outcome.qualified is not None:
        yield LeadQualified(
            lead_id=lead_id,
            occurred_at=at,
            recorded_at=at,
            causation=causation,
            correlation=correlation,
            episode=outcome.qualified,
            score_milli=score.milli,
            tier=tier.name,
            label=tier.label,
            scorecard_version=score.version,
            attributes=_attributes(outcome.dossier),
        )


def _is_marketings(tier: Tier, dossier: Dossier) -> bool:
    """In marketing's tiers, or above them and never qualified: sales have what qualified."""
    return tier.action in _CARED_FOR or (tier.action == "assign" and not dossier.episodes)


def _attributes(dossier: Dossier) -> Attributes:
    known = effective(dossier).attributes
    return Attributes(**{name: each.value for name, each in known.items() if each.value is not None and name in _NAMES})  # pyright: ignore[reportArgumentType]
