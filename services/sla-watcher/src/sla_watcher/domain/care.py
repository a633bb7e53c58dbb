"""What is known of a lead in marketing's care, and the spells of nurture that follow from all that is known.

Facts come in any order across topics: `spells` replays the whole set by its instants, so every order ends alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace

from sla_watcher.domain.cadences import Profile
from sla_watcher.domain.facts import LeadFacts

_GIVEN_BACK: Final = frozenset({"rejected", "recycled", "returned"})


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The lead's score came where a cadence holds; `cadence` None: it fell below."""

    at: datetime
    cadence: str | None
    score_milli: int = 0
    profile: Profile = ()


class Pooled(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The lead went to the nurture pool, whose cadence this is; None: to another pool."""

    at: datetime
    cadence: str | None
    profile: Profile = ()


class Consent(msgspec.Struct, frozen=True, gc=False):
    at: datetime
    granted: bool


class Care(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Entries and consents come from one topic each, so in order; the pools from several."""

    entries: tuple[Entry, ...] = ()
    pooled: tuple[Pooled, ...] = ()
    consents: tuple[Consent, ...] = ()


class Spell(msgspec.Struct, frozen=True, gc=False):
    """A cadence in one episode of a lead: from when, and since when it is open, or why it is not."""

    cadence: str
    episode: int
    started_at: datetime
    open_since: datetime | None
    stopped_at: datetime | None = None
    reason: str | None = None
    profile: Profile = ()


def entered(care: Care, entry: Entry) -> Care:
    """A score where a cadence holds: an entry where another or none held before, else news of the same one."""
    last = care.entries[-1] if care.entries else None
    if last is None or last.cadence != entry.cadence:
        return replace(care, entries=(*care.entries, entry))
    renewed = replace(last, score_milli=entry.score_milli, profile=entry.profile or last.profile)
    return care if renewed == last else replace(care, entries=(*care.entries[:-1], renewed))


def fallen(care: Care, at: datetime, score_milli: int) -> Care:
    """A score where no cadence holds: an end where it is lower than where one held; above it, sales are near."""
    last = care.entries[-1] if care.entries else None
    if last is None or last.cadence is None or score_milli >= last.score_milli:
        return care
    return replace(care, entries=(*care.entries, Entry(at, None, score_milli)))


def pooled(care: Care, into: Pooled) -> Care:
    return care if into in care.pooled else replace(care, pooled=(*care.pooled, into))


def consented(care: Care, consent: Consent) -> Care:
    """Only a change counts, and the first only where it is a withdrawal."""
    before = care.consents[-1].granted if care.consents else True
    return care if consent.granted == before else replace(care, consents=(*care.consents, consent))


def spells(known: LeadFacts, care: Care, *, since: datetime | None = None) -> list[Spell]:
    """Every spell that the facts call for. What entered a tier up to `since` came from an import and starts nothing."""
    if known.erased_at is not None:
        return []
    lead = _Lead()
    for at, _, _, change in sorted(_changes(known, care, since), key=lambda each: each[:3]):
        lead.take(at, change)
    return lead.found()


class _Taken(NamedTuple):
    episode: int
    word: str
    handoff_id: UUID | None = None
    profile: Profile = ()


class _GivenBack(NamedTuple):
    handoff_id: UUID


class _Found(NamedTuple):
    """The lead was found invalid."""


_Change = Entry | Pooled | Consent | _Taken | _GivenBack | _Found


def _changes(
    known: LeadFacts, care: Care, since: datetime | None
) -> Iterator[tuple[datetime, int, tuple[int, str], _Change]]:
    """Each change with what orders those of one instant: an end before what follows from it, an owner last."""
    for end in known.endings:
        if end.reason in _GIVEN_BACK:
            yield end.at, 0, (end.handoff_id.int, end.reason), _GivenBack(end.handoff_id)
    for at in known.invalid_at:
        yield at, 1, (0, ""), _Found()
    for number, consent in enumerate(care.consents):
        yield consent.at, 2, (number, ""), consent
    for number, entry in enumerate(care.entries):
        if since is None or entry.at > since:
            yield entry.at, 3, (number, ""), entry
    for into in care.pooled:
        yield into.at, 4, (0, into.cadence or ""), into
    for each in known.qualifications.values():
        yield each.at, 5, (each.episode, ""), _Taken(each.episode, "qualified")
    for each in known.handoffs.values():
        taken = _Taken(each.episode, "assigned", each.handoff_id, each.profile)
        yield each.assigned_at, 6, (each.handoff_id.int, ""), taken


@dataclass(slots=True)
class _Lead:
    """A lead while its changes are replayed."""

    episode: int = 0
    owned: bool = False
    handoff_id: UUID | None = None
    barred: bool = False
    withdrawn: bool = False
    profile: Profile = ()
    spells: dict[tuple[str, int], Spell] = field(default_factory=dict[tuple[str, int], Spell])
    running: tuple[str, int] | None = None
    by_tier: bool = False

    def take(self, at: datetime, change: _Change) -> None:
        match change:
            case _Taken():
                self._taken(at, change)
            case _GivenBack():
                self.owned = self.owned and change.handoff_id != self.handoff_id
            case _Found():
                self.barred = True
                self._stop(at, "invalid")
            case Consent():
                self.withdrawn = not change.granted
                if self.withdrawn:
                    self._stop(at, "consent_withdrawn")
            case Entry():
                self._entered(at, change)
            case Pooled():
                self._pooled(at, change)
            case _:
                assert_never(change)

    def found(self) -> list[Spell]:
        """The spells that lasted at all."""
        return [
            replace(each, profile=self.profile)
            for each in self.spells.values()
            if each.open_since is not None or each.stopped_at != each.started_at
        ]

    def _taken(self, at: datetime, taken: _Taken) -> None:
        self._stop(at, taken.word)
        self.owned, self.barred = True, False
        self.handoff_id = taken.handoff_id or self.handoff_id
        self.episode = max(self.episode, taken.episode)
        self.profile = taken.profile or self.profile

    def _entered(self, at: datetime, entry: Entry) -> None:
        self.profile = entry.profile or self.profile
        if entry.cadence is None:
            if self.by_tier:
                self._stop(at, "left_tier")
            return
        if self.running is not None and self.by_tier and self.running[0] != entry.cadence:
            self._stop(at, "other_cadence")
        if self.running is None and not self.owned and not self.barred:
            self._start(at, entry.cadence)
            self.by_tier = True

    def _pooled(self, at: datetime, into: Pooled) -> None:
        self.profile = into.profile or self.profile
        self.owned = False
        if into.cadence is None:
            self._stop(at, "moved")
            return
        self.barred = False
        if self.running is None:
            self._start(at, into.cadence)
        self.by_tier = False

    def _start(self, at: datetime, cadence: str) -> None:
        if self.withdrawn:
            return
        key = self.running = (cadence, self.episode)
        before = self.spells.get(key)
        started_at = at if before is None else before.started_at
        self.spells[key] = Spell(cadence, self.episode, started_at, open_since=at)

    def _stop(self, at: datetime, reason: str) -> None:
        if self.running is not None:
            self.spells[self.running] = replace(
                self.spells[self.running], open_since=None, stopped_at=at, reason=reason
            )
            self.running = None
