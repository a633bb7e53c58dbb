"""What a service says of itself, in one snapshot: how far it has read and written, and which leads are parked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.runtime.streams import Position, Stream


@dataclass(frozen=True, slots=True)
class Report:
    """One service's state at the instant `at`, read in one snapshot.

    `consumed` and `emitted` hold the last number of each stream; a stream that is not named stands at its start.
    """

    service: str
    at: datetime
    consumed: Mapping[Stream, Position]
    emitted: Mapping[Stream, Position]
    parked_leads: frozenset[UUID] = frozenset()
    parked_unlisted: int = 0
    """Leads parked beyond what a message can list: their number; `parked_leads` is empty then."""
    parked_digest: str = ""
    """Of those leads, so that a change shows."""
