"""What intake says of a lead."""

from uuid import UUID

from shared.contracts.attributes import Attributes
from shared.contracts.base import Event, named


@named("lead.captured")
class LeadCaptured(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A new lead, once per lead. `legacy` leads keep their dates and start no clocks.

    An import may say where it was left: in which `pool` it lies (lost last year: re-marketing), and with whom it was,
    so that a re-activated lead comes back to its `previous_owner`.
    """

    submission_id: UUID
    attributes: Attributes
    marketing_owner: str | None = None
    is_test: bool = False
    legacy: bool = False
    pool: str | None = None
    previous_owner: str | None = None


@named("lead.updated")
class LeadUpdated(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Attributes that changed; `attributes` holds only those, `cleared` names those now unknown."""

    attributes: Attributes
    cleared: tuple[str, ...] = ()
    submission_id: UUID | None = None


@named("lead.engaged")
class LeadEngaged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a lead did. `kind` is a word such as `demo_requested`; `submitted` is a further submission."""

    engagement_id: UUID
    kind: str
    content: str | None = None
    source: str | None = None
    campaign: str | None = None
    door: str | None = None
    submission_id: UUID | None = None


@named("lead.erased")
class LeadErased(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The person is gone. `purge` (the demo's leads alone) also takes the lead out of every figure."""

    purge: bool = False


@named("lead.consented")
class LeadConsented(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Consent for one purpose (a word such as `marketing`) was given, or withdrawn."""

    purpose: str
    granted: bool
