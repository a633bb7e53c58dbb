"""What sla-watcher says of a lead that marketing keeps warm."""

from shared.contracts.base import Event, Instant, named


@named("nurture.due")
class NurtureDue(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a cadence is due: said once per lead, cadence, episode and step.

    `step` counts from 1, `day` is the policy's. `content` is the most specific piece there is for the lead,
    `fallbacks` the plainer ones, best first. `episode` is the last episode that sales had before, 0 if none.
    """

    cadence: str
    episode: int
    step: int
    day: int
    content: str
    fallbacks: tuple[str, ...] = ()
    due_at: Instant
    started_at: Instant
    policy_version: int
