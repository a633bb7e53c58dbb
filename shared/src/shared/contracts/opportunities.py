"""What router says of an opportunity. Amounts are integers of the currency's minor unit."""

from uuid import UUID

from shared.contracts.base import Event, named


@named("opportunity.opened")
class OpportunityOpened(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An activated, complete lead became an opportunity."""

    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    stage: str = "initial"
    amount_minor: int | None = None
    currency: str | None = None


@named("opportunity.staged")
class OpportunityStaged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A step forward to proposal or negotiation; won and lost are events of their own. The amount is today's.

    `by`, here and in won and lost, says who did it for the owner, where somebody did.
    """

    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    stage: str
    previous: str
    amount_minor: int | None = None
    currency: str | None = None
    by: str | None = None


@named("opportunity.transferred")
class OpportunityTransferred(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Another owner goes on with an open opportunity: `previous` had it."""

    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    team: str
    previous: str
    reason: str | None = None
    by: str | None = None


@named("opportunity.won")
class OpportunityWon(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Won, for this amount."""

    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    amount_minor: int
    currency: str
    by: str | None = None


@named("opportunity.lost")
class OpportunityLost(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Lost, with a typed reason; the lead goes to re-marketing."""

    opportunity_id: UUID
    handoff_id: UUID
    owner: str
    reason: str
    episode: int | None = None
    by: str | None = None
