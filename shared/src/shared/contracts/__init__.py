"""Event contracts: frozen facts with written wire names, their codec, and who emits and consumes what."""

from shared.contracts.attributes import Attributes
from shared.contracts.base import Event, event_types
from shared.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockExcused,
    ClockMet,
    ClockPaused,
    ClockResumed,
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
    LeadPooled,
    LeadPrescreened,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadWaiting,
)
from shared.contracts.leads import LeadCaptured, LeadConsented, LeadEngaged, LeadErased, LeadUpdated
from shared.contracts.nurture import NurtureDue
from shared.contracts.opportunities import (
    OpportunityLost,
    OpportunityOpened,
    OpportunityStaged,
    OpportunityTransferred,
    OpportunityWon,
)
from shared.contracts.scores import LeadQualified, LeadScored, ScorePart

__all__ = [
    "Attributes",
    "ClockBreached",
    "ClockCancelled",
    "ClockExcused",
    "ClockMet",
    "ClockPaused",
    "ClockResumed",
    "ClockRevoked",
    "ClockStarted",
    "ClockWarned",
    "Considered",
    "Decision",
    "Event",
    "LeadAccepted",
    "LeadAssigned",
    "LeadCaptured",
    "LeadConsented",
    "LeadContacted",
    "LeadEngaged",
    "LeadErased",
    "LeadMoved",
    "LeadPooled",
    "LeadPrescreened",
    "LeadQualified",
    "LeadRecycled",
    "LeadRejected",
    "LeadReturned",
    "LeadScored",
    "LeadUpdated",
    "LeadWaiting",
    "NurtureDue",
    "OpportunityLost",
    "OpportunityOpened",
    "OpportunityStaged",
    "OpportunityTransferred",
    "OpportunityWon",
    "ScorePart",
    "Unreadable",
    "decode",
    "encode",
    "event_types",
]
