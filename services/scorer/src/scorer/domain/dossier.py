"""The facts of one lead, folded: the same dossier for every order and repetition of the same events.

Attributes keep the latest writer by (instant, fact id); engagements, endings and verdicts are sets by id; erasure
absorbs.
Nothing here reads the clock or a scorecard. What scorer itself has said of the lead stands in `standing`.
"""

from bisect import insort
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from scorer.domain.instants import to_us

Value = str | bool | int | float | tuple[str, ...] | None
EndingKind = Literal["recycled", "rejected", "lost"]
VerdictKind = Literal["activated", "won", "lost", "rejected", "invalid"]

RETAINED_PER_KIND = 64
RETAINED_WRITERS = 16
RETAINED_VERDICTS = 32


class Attribute(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was last said of one attribute; a value of None means it was cleared."""

    occurred_us: int
    fact_id: str
    value: Value


class Engagement(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """One thing the lead did. Order is (instant, id), so the last of a kind is the freshest."""

    occurred_us: int
    id: str
    kind: str
    content: str = ""


class Ending(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """A fact that ends an episode: recycled without an owner, a closing rejection, a lost opportunity."""

    occurred_us: int
    id: str
    kind: EndingKind
    episode: int = 0  # 0: the fact does not say which


class Verdict(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """What sales found in the lead: `activated` and `won` speak for it, `rejected` and `invalid` against."""

    occurred_us: int
    id: str
    kind: VerdictKind
    owner: str = ""


class Episode(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One crossing of the line. `floor_milli` is where its tier began; `ended_by` an ending's id or `left_tier`."""

    number: int
    qualified_us: int
    tier: str
    floor_milli: int
    ended_us: int | None = None
    ended_by: str = ""


Basis = tuple[tuple[str, tuple[int, ...]], ...]


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was last told of the lead, and the facts it stood on (`basis`: rule id and instants that fade)."""

    scored_milli: int
    tier: str
    qualifies: bool
    version: int
    basis: Basis = ()


class Facts(
    msgspec.Struct, frozen=True, omit_defaults=True, rename={"attributes": "a", "engagements": "e", "earlier": "w"}
):
    """Attributes by name, and per kind its latest engagements, ascending.

    At most RETAINED_PER_KIND of a kind are kept: a flood of opened mails never pushes out a request for a demo.
    `earlier` holds what was said of an attribute before, ascending: no score counts it, a backtest needs it.
    """

    attributes: Mapping[str, Attribute] = msgspec.field(default_factory=dict[str, Attribute])
    engagements: Mapping[str, tuple[Engagement, ...]] = msgspec.field(default_factory=dict[str, tuple[Engagement, ...]])
    earlier: Mapping[str, tuple[Attribute, ...]] = msgspec.field(default_factory=dict[str, tuple[Attribute, ...]])


NO_FACTS = Facts()


class Dossier(msgspec.Struct, frozen=True):
    """One lead. `absorbed` holds what merges brought, by merge id; `undone` the merges taken back."""

    own: Facts = NO_FACTS
    captured_us: int | None = None
    is_test: bool = False
    erased_us: int | None = None
    absorbed: Mapping[str, Facts] = msgspec.field(default_factory=dict[str, Facts])
    merged: frozenset[str] = frozenset()
    undone: frozenset[str] = frozenset()
    endings: tuple[Ending, ...] = ()
    standing: Standing | None = None
    episodes: tuple[Episode, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def is_scored(self) -> bool:
        """Whether anything may be said of this lead: captured, no test, not erased, not merged into another."""
        return (
            self.captured_us is not None and not self.is_test and self.erased_us is None and self.merged <= self.undone
        )


EMPTY = Dossier()


def captured(
    dossier: Dossier, *, fact_id: str, occurred_at: datetime, attributes: Mapping[str, Value], is_test: bool = False
) -> Dossier:
    """The lead exists; what it said first is one writer among others."""
    if dossier.erased_us is not None:
        return dossier
    instant_us = to_us(occurred_at)
    first_us = instant_us if dossier.captured_us is None else min(dossier.captured_us, instant_us)
    own = _written(dossier.own, fact_id, instant_us, attributes)
    return replace(dossier, own=own, captured_us=first_us, is_test=dossier.is_test or is_test)


def updated(
    dossier: Dossier,
    *,
    fact_id: str,
    occurred_at: datetime,
    attributes: Mapping[str, Value],
    cleared: Iterable[str] = (),
) -> Dossier:
    """Attributes that changed, and those now unknown."""
    if dossier.erased_us is not None:
        return dossier
    changed = {**dict.fromkeys(cleared), **attributes}
    return replace(dossier, own=_written(dossier.own, fact_id, to_us(occurred_at), changed))


def engaged(
    dossier: Dossier,
    *,
    engagement_id: str,
    kind: str,
    occurred_at: datetime,
    content: str | None = None,
    via: str | None = None,
) -> Dossier:
    """The lead did something; `via` names the merge that carried it here from the lead it was born under."""
    if dossier.erased_us is not None:
        return dossier
    engagement = Engagement(to_us(occurred_at), engagement_id, kind, (content or "").casefold())
    if via is None:
        return replace(dossier, own=_joined(dossier.own, engagement))
    there = _joined(dossier.absorbed.get(via, NO_FACTS), engagement)
    return replace(dossier, absorbed={**dossier.absorbed, via: there})


def absorbed(
    dossier: Dossier,
    *,
    merge_id: str,
    fact_id: str,
    occurred_at: datetime,
    attributes: Mapping[str, Value],
    engagements: Iterable[Engagement] = (),
) -> Dossier:
    """Another lead became part of this one: its engagements join, its attributes fill what is unknown here."""
    if dossier.erased_us is not None:
        return dossier
    there = _written(dossier.absorbed.get(merge_id, NO_FACTS), fact_id, to_us(occurred_at), attributes)
    for engagement in engagements:
        there = _joined(there, engagement)
    return replace(dossier, absorbed={**dossier.absorbed, merge_id: there})


def merged(dossier: Dossier, *, merge_id: str) -> Dossier:
    """This lead became part of another one: nothing is said of it until that is undone."""
    return dossier if dossier.erased_us is not None else replace(dossier, merged=dossier.merged | {merge_id})


def unmerged(dossier: Dossier, *, merge_id: str) -> Dossier:
    """The merge is taken back, on either side: facts return to where they were born."""
    return dossier if dossier.erased_us is not None else replace(dossier, undone=dossier.undone | {merge_id})


def ended(
    dossier: Dossier, *, fact_id: str, kind: EndingKind, occurred_at: datetime, episode: int | None = None
) -> Dossier:
    """Sales let go of the lead: recycled without an owner, rejected for good, or lost."""
    if dossier.erased_us is not None or any(ending.id == fact_id for ending in dossier.endings):
        return dossier
    endings = list(dossier.endings)
    insort(endings, Ending(to_us(occurred_at), fact_id, kind, episode or 0))
    return replace(dossier, endings=tuple(endings))


def judged(dossier: Dossier, *, fact_id: str, kind: VerdictKind, occurred_at: datetime, owner: str = "") -> Dossier:
    """Sales said what they found. It moves no points; a backtest measures scorecards by it."""
    if dossier.erased_us is not None or any(verdict.id == fact_id for verdict in dossier.verdicts):
        return dossier
    verdicts = list(dossier.verdicts)
    insort(verdicts, Verdict(to_us(occurred_at), fact_id, kind, owner))
    latest = tuple(verdicts[-RETAINED_VERDICTS:])
    return dossier if latest == dossier.verdicts else replace(dossier, verdicts=latest)


def erased(dossier: Dossier, *, occurred_at: datetime) -> Dossier:
    """The person is gone: no fact is kept, and none that comes later is taken."""
    instant_us = to_us(occurred_at)
    if dossier.erased_us is not None:
        instant_us = min(instant_us, dossier.erased_us)
    return Dossier(erased_us=instant_us)


def effective(dossier: Dossier) -> Facts:
    """The facts that count: the lead's own and those of merges that stand."""
    if not dossier.absorbed:
        return dossier.own
    facts = NO_FACTS
    for merge_id in sorted(dossier.absorbed.keys() - dossier.undone):
        there = dossier.absorbed[merge_id]
        attributes = dict(facts.attributes)
        for name, attribute in there.attributes.items():
            known = attributes.get(name)
            attributes[name] = attribute if known is None else max(known, attribute, key=_writer)
        facts = _with_engagements(Facts(attributes, facts.engagements), there)
    own = {name: value for name, value in dossier.own.attributes.items() if value.value is not None}
    filled = {**dossier.own.attributes, **facts.attributes, **own}
    return _with_engagements(Facts(filled, facts.engagements, dossier.own.earlier), dossier.own)


def _with_engagements(facts: Facts, more: Facts) -> Facts:
    for kind in more.engagements:
        for engagement in more.engagements[kind]:
            facts = _joined(facts, engagement)
    return facts


def _writer(attribute: Attribute) -> tuple[int, str]:
    return attribute.occurred_us, attribute.fact_id


def _written(facts: Facts, fact_id: str, instant_us: int, values: Mapping[str, Value]) -> Facts:
    said = {
        name: Attribute(instant_us, fact_id, tuple(value) if isinstance(value, (list, tuple)) else value)
        for name, value in values.items()
    }
    known = facts.attributes
    if known.keys().isdisjoint(said):  # nearly always: one fact of the lead says it, once
        return Facts({**known, **said}, facts.engagements, facts.earlier) if said else facts
    attributes, earlier = {**known}, {**facts.earlier}
    for name, new in said.items():
        old = known.get(name)
        if old is None:
            attributes[name] = new
        elif _writer(old) != (instant_us, fact_id):
            attributes[name], before = (new, old) if _writer(old) < (instant_us, fact_id) else (old, new)
            earlier[name] = _with_writer(earlier.get(name, ()), before)
    return Facts(attributes, facts.engagements, earlier)


def _with_writer(earlier: tuple[Attribute, ...], said: Attribute) -> tuple[Attribute, ...]:
    if any(_writer(each) == _writer(said) for each in earlier):
        return earlier
    return tuple(sorted((*earlier, said), key=_writer)[-RETAINED_WRITERS:])


def _joined(facts: Facts, engagement: Engagement) -> Facts:
    known = facts.engagements.get(engagement.kind)
    if known is None:
        return replace(facts, engagements={**facts.engagements, engagement.kind: (engagement,)})
    same = next((each for each in known if each.id == engagement.id), None)
    if same is not None and same >= engagement:
        return facts
    kept = [each for each in known if each is not same]
    insort(kept, engagement)
    latest = tuple(kept[-RETAINED_PER_KIND:])
    return facts if latest == known else replace(facts, engagements={**facts.engagements, engagement.kind: latest})
