"""Event contracts: frozen facts with written wire names, their codec, and who emits and consumes what."""

from shared.contracts.attributes import Attributes
from shared.contracts.base import Event, event_types
from shared.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockRevoked,
    ClockStarted,
    ClockWarned,
)
from shared.contracts.codec import Unreadable, decode, encode
from shared.contracts.handoffs import (
    Considered,
    Decision,
    LeadAccepted,
    LeadAssigned,
    LeadContacted,
    LeadMoved,
    LeadRecycled,
    LeadRejected,
    LeadWaiting,
)
from shared.contracts.leads import LeadCaptured, LeadEngaged, LeadErased, LeadUpdated
from shared.contracts.opportunities import OpportunityLost, OpportunityOpened, OpportunityWon
from shared.contracts.scores import LeadQualified, LeadScored, ScorePart

__all__ = [
    "Attributes",
    "ClockBreached",
    "ClockCancelled",
    "ClockMet",
    "ClockRevoked",
    "ClockStarted",
    "ClockWarned",
    "Considered",
    "Decision",
    "Event",
    "LeadAccepted",
    "LeadAssigned",
    "LeadCaptured",
    "LeadContacted",
    "LeadEngaged",
    "LeadErased",
    "LeadMoved",
    "LeadQualified",
    "LeadRecycled",
    "LeadRejected",
    "LeadScored",
    "LeadUpdated",
    "LeadWaiting",
    "OpportunityLost",
    "OpportunityOpened",
    "OpportunityWon",
    "ScorePart",
    "Unreadable",
    "decode",
    "encode",
    "event_types",
]
