"""A dossier's facts in time order under one scorecard: when the lead would have crossed the line.

It is decided by the very code that decides live, at every instant at which a fact came or time alone moved it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from scorer.domain.dossier import Attribute, Dossier, Ending, Engagement, Facts, effective
from scorer.domain.episodes import decide
from scorer.domain.instants import from_us, to_us
from scorer.domain.scorecard import Scorecard

MAX_STEPS = 2000
"""Instants decided per lead and scorecard: a lead with more is cut short, and counted as such."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What a merge brought of an attribute: it counts while the lead itself says nothing of it."""

    attribute: Attribute


Fact = Attribute | Filling | Engagement | Ending


@dataclass(frozen=True, slots=True)
class Replayed:
    """When it crossed, ascending; how many instants were decided; whether that was not all of them."""

    crossings_us: tuple[int, ...]
    steps: int = 0
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """A lead's life up to an instant: what was known at each moment at which something became known."""

    moments: tuple[tuple[int, Dossier], ...] = ()
    until_us: int = 0


def history(dossier: Dossier, until_us: int) -> History:
    """What was known when, from the capture on; nothing of a lead that nothing may be said of.

    As far as the dossier holds it: the latest engagements of each kind, the latest writings of each attribute.
    Endings lose their episode's number, since another scorecard counts others: each ends the one then open.
    """
    captured_us = dossier.captured_us
    if captured_us is None or not dossier.is_scored or captured_us >= until_us:
        return History(until_us=until_us)
    known = _Known()
    moments: list[tuple[int, Dossier]] = []
    at_us = captured_us
    for instant_us, name, fact in sorted(_facts(dossier), key=lambda entry: (entry[0], entry[1])):
        if instant_us >= until_us:
            break
        if instant_us > at_us:
            moments.append((at_us, known.dossier(captured_us)))
            at_us = instant_us
        known.take(name, fact)
    moments.append((at_us, known.dossier(captured_us)))
    return History(tuple(moments), until_us)


def replay(past: History, scorecard: Scorecard) -> Replayed:
    """Decide the lead at each moment and at each change that time brings between two, up to the history's end."""
    crossings: list[int] = []
    steps = 0
    last = Dossier()
    for index, (moment_us, known) in enumerate(past.moments):
        end_us = past.moments[index + 1][0] if index + 1 < len(past.moments) else past.until_us
        at_us: int | None = moment_us
        while at_us is not None and at_us < end_us:
            if steps == MAX_STEPS:
                return Replayed(tuple(crossings), steps, cut_short=True)
            steps += 1
            told = replace(known, standing=last.standing, episodes=last.episodes)
            outcome = decide(told, scorecard, from_us(at_us))
            last = outcome.dossier
            if outcome.qualified is not None:
                crossings.append(at_us)
            at_us = None if outcome.next_change is None else to_us(outcome.next_change)
    return Replayed(tuple(crossings), steps)


@dataclass(slots=True)
class _Known:
    """What is known so far; each moment takes its own copy."""

    attributes: dict[str, Attribute] = field(default_factory=dict[str, Attribute])
    filled: dict[str, Attribute] = field(default_factory=dict[str, Attribute])
    engagements: dict[str, tuple[Engagement, ...]] = field(default_factory=dict[str, tuple[Engagement, ...]])
    endings: tuple[Ending, ...] = ()

    def take(self, name: str, fact: Fact) -> None:
        match fact:
            case Attribute():
                self.attributes[name] = fact
            case Filling():
                self.filled[name] = fact.attribute
            case Engagement():
                self.engagements[name] = (*self.engagements.get(name, ()), fact)
            case Ending():
                self.endings = (*self.endings, replace(fact, episode=0))

    def dossier(self, captured_us: int) -> Dossier:
        said = {name: attribute for name, attribute in self.attributes.items() if attribute.value is not None}
        facts = Facts({**self.attributes, **self.filled, **said}, dict(self.engagements))
        return Dossier(own=facts, captured_us=captured_us, endings=self.endings)


def _facts(dossier: Dossier) -> Iterator[tuple[int, str, Fact]]:
    """Every fact with its instant; the name keeps attributes and kinds apart, and ties in one order."""
    facts, own = effective(dossier), dossier.own
    for name, attribute in own.attributes.items():
        for each in (*own.earlier.get(name, ()), attribute):
            yield each.occurred_us, name, each
    for name, attribute in facts.attributes.items():
        if attribute != own.attributes.get(name):
            yield attribute.occurred_us, name, Filling(attribute)
    for kind, engagements in facts.engagements.items():
        for engagement in engagements:
            yield engagement.occurred_us, kind, engagement
    for ending in dossier.endings:
        yield ending.occurred_us, "", ending
