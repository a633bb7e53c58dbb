"""A lead's routing dossier: everything the router knows of one lead, kept as one row, and where the lead is now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from router.domain.policy import Pool
from shared.contracts.attributes import Attributes, values

Status = Literal["new", "contacted", "interested", "activated", "invalid"]
HandoffState = Literal["offered", "accepted", "working", "closed"]
Ending = Literal["converted", "rejected", "returned", "recycled", "transferred", "merged", "erased"]
Stage = Literal["initial", "proposal", "negotiation", "won", "lost"]
LOST_AGAINST_WILL: frozenset[str] = frozenset({"recycled", "returned"})
NOTHING_KNOWN: Final = Attributes()
NOBODY: Final = frozenset[str]()


class Episode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One crossing of the line where sales must act, as the scorer said it."""

    number: int
    at: datetime
    score_milli: int = 0
    tier: str | None = None


class Handoff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One passing of the lead to one owner. `verdict` is sales' last word; `ending` is how it closed."""

    id: UUID
    episode: int
    owner: str
    team: str
    cause: str
    offered_at: datetime
    state: HandoffState = "offered"
    step: Literal["sdr", "rep"] = "rep"
    accepted_at: datetime | None = None
    verdict: Literal["accepted", "rejected"] | None = None
    reason: str | None = None
    rating: int | None = None
    ending: Ending | None = None
    closed_at: datetime | None = None
    merge_id: UUID | None = None

    @property
    def is_open(self) -> bool:
        return self.state != "closed"


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One attempt to reach the lead. Unproven: told too late to change what was promised."""

    id: UUID
    handoff_id: UUID
    by: str
    channel: str
    result: str
    occurred_at: datetime
    recorded_at: datetime
    next_step_at: datetime | None = None
    unproven: bool = False
    merge_id: UUID | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One checklist field. The text of a free field lives in the notes; here is only that it was answered."""

    value: str | None = None
    by: str
    at: datetime


class Opportunity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    id: UUID
    handoff_id: UUID
    owner: str
    team: str
    opened_at: datetime
    stage: Stage = "initial"
    amount_minor: int | None = None
    currency: str | None = None
    reason: str | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class Wanting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The lead needs an owner. `reason` is why it still has none, once assignment was tried."""

    episode: int
    since: datetime
    cause: str
    step: Literal["sdr", "rep"] = "rep"
    reason: str | None = None
    team: str | None = None
    wake_at: datetime | None = None
    previous_handoff_id: UUID | None = None


class InPool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    pool: Pool
    since: datetime
    cause: str


class Engagement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The last thing the lead did; it travels with the handoff."""

    id: UUID
    kind: str
    at: datetime
    campaign: str | None = None


class Merge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Merged away; `wanting` is what the lead wanted then, for an unmerge."""

    id: UUID
    into: UUID
    wanting: Wanting | None = None


class Dossier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The fold of what was heard and the result of every command. One row per lead."""

    lead_id: UUID
    captured_at: datetime | None = None
    is_test: bool = False
    legacy: bool = False
    marketing_owner: str | None = None
    left_with: str | None = None
    erased_at: datetime | None = None
    attributes: Attributes = NOTHING_KNOWN
    attributes_since: datetime | None = None
    """When the oldest of the attributes was told; most leads tell all of them at once."""
    told_apart: Mapping[str, datetime] = msgspec.field(default={}, name="attributes_at")
    """When each of the others was told, and each that was cleared."""
    scored_at: datetime | None = None
    score_milli: int = 0
    tier: str | None = None
    action: str | None = None
    mql: bool = False
    status: Status = "new"
    status_at: datetime | None = None
    episodes: tuple[Episode, ...] = ()
    begun: int = 0
    handoffs: tuple[Handoff, ...] = ()
    contacts: tuple[Contact, ...] = ()
    checklist: Mapping[str, Answer] = {}
    opportunities: tuple[Opportunity, ...] = ()
    wanting: Wanting | None = None
    pooled: InPool | None = None
    last_engagement: Engagement | None = None
    merges: tuple[Merge, ...] = ()
    unmerged: tuple[UUID, ...] = ()
    carried: tuple[UUID, ...] = ()
    carried_hops: int = 0

    @property
    def attributes_at(self) -> dict[str, datetime]:
        """When each attribute was told, by name: the latest word counts."""
        return told_at(self.attributes, self.attributes_since, self.told_apart)


def told_at(known: Attributes, since: datetime | None, apart: Mapping[str, datetime]) -> dict[str, datetime]:
    """When each attribute was told: those that are not told apart, at `since`."""
    return {**apart} if since is None else {**dict.fromkeys(values(known), since), **apart}


NURTURED: Final = ("nurture", "assign")
"""Actions of the tier under which marketing keeps a lead without an owner: above the bar but not qualified is warmer
than what is nurtured, not colder."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where the lead is now: exactly one. `detail` is the waiting reason, the owner, or the lead merged into."""

    kind: Literal["unknown", "test", "erased", "merged", "handoff", "opportunity", "waiting", "won", "invalid", "pool"]
    detail: str | None = None

    def __str__(self) -> str:
        """The name in reconciliation: pools by their own name, waiting with its reason."""
        if self.kind == "pool":
            return str(self.detail)
        return f"waiting:{self.detail}" if self.kind == "waiting" else self.kind


def place(dossier: Dossier) -> Place:
    """Where is it now."""
    return _out_of_routing(dossier) or _with_an_owner(dossier) or _without_an_owner(dossier)


def _out_of_routing(dossier: Dossier) -> Place | None:
    if dossier.erased_at is not None:
        return Place("erased")
    if dossier.is_test:
        return Place("test")
    if dossier.merges:
        return Place("merged", str(dossier.merges[-1].into))
    return Place("unknown") if dossier.captured_at is None else None


def _with_an_owner(dossier: Dossier) -> Place | None:
    handoff = open_handoff(dossier)
    if handoff is not None:
        return Place("handoff", handoff.owner)
    opportunity = open_opportunity_of(dossier)
    return None if opportunity is None else Place("opportunity", opportunity.owner)


def _without_an_owner(dossier: Dossier) -> Place:
    if dossier.wanting is not None:
        return Place("waiting", dossier.wanting.reason or "routing")
    if dossier.status == "invalid":
        return Place("invalid")
    if dossier.pooled is not None:
        return Place("pool", dossier.pooled.pool)
    if dossier.opportunities and dossier.opportunities[-1].stage == "won":
        return Place("won")
    return Place("pool", "nurture" if dossier.action in NURTURED else "raw")


def open_handoff(dossier: Dossier) -> Handoff | None:
    for handoff in reversed(dossier.handoffs):
        if handoff.state != "closed":
            return handoff
    return None


def open_opportunity_of(dossier: Dossier) -> Opportunity | None:
    for found in reversed(dossier.opportunities):
        if found.closed_at is None:
            return found
    return None


def owner_of(dossier: Dossier) -> tuple[str, str] | None:
    """Owner and team of the open work, if any: compare before and after to know whose capacity was freed."""
    work = open_handoff(dossier) or open_opportunity_of(dossier)
    return None if work is None else (work.owner, work.team)


def handoff_by_id(dossier: Dossier, handoff_id: UUID) -> Handoff | None:
    return next((handoff for handoff in dossier.handoffs if handoff.id == handoff_id), None)


def previous_owner(dossier: Dossier) -> str | None:
    """Who had the lead last as a rep, unless it was taken from them or given back by them; else whom an import named."""
    last = next((handoff for handoff in reversed(dossier.handoffs) if handoff.step == "rep"), None)
    if last is None:
        return dossier.left_with
    return None if last.ending in LOST_AGAINST_WILL else last.owner


def hops(dossier: Dossier, episode: int) -> int:
    """How many owners the episode has lost."""
    if not dossier.handoffs:
        return dossier.carried_hops
    lost = [each for each in dossier.handoffs if each.episode == episode and each.ending in LOST_AGAINST_WILL]
    return len(lost) + dossier.carried_hops


def avoided(dossier: Dossier, episode: int) -> frozenset[str]:
    """Owners who lost the lead in this episode: it does not go back to them by itself."""
    if not dossier.handoffs:
        return NOBODY
    return frozenset(
        [
            handoff.owner
            for handoff in dossier.handoffs
            if handoff.episode == episode and handoff.ending in LOST_AGAINST_WILL
        ]
    )


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Dossier)


def to_json(dossier: Dossier) -> bytes:
    """The row. Defaults are left out; equal dossiers give equal bytes."""
    return _ENCODER.encode(dossier)


def from_json(row: bytes | str) -> Dossier:
    return _DECODER.decode(row)
