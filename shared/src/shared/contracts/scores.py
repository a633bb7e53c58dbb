"""What scorer says of a lead. Points are integers of a thousandth (`_milli`), so that parts sum exactly."""

import msgspec

from shared.contracts.attributes import Attributes
from shared.contracts.base import Event, named


class ScorePart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One reason: the rule and what it gave; caps and clamps are parts of their own."""

    rule: str
    points_milli: int


@named("lead.scored")
class LeadScored(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The score at `occurred_at` under `scorecard_version`; the parts sum to it exactly.

    `attributes` come along where the lead is marketing's, so that content can be chosen: in the tiers of marketing's
    actions, and above them as long as the lead has never qualified.
    """

    score_milli: int
    tier: str
    label: str | None = None
    action: str | None = None
    previous_tier: str | None = None
    parts: tuple[ScorePart, ...] = ()
    scorecard_version: int
    cause: str = "fact"
    attributes: Attributes | None = None


@named("lead.qualified")
class LeadQualified(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The lead crossed the line where sales must act; `episode` counts the crossings from 1."""

    episode: int
    score_milli: int
    tier: str
    label: str | None = None
    scorecard_version: int
    attributes: Attributes = msgspec.field(default_factory=Attributes)
