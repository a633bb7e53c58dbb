"""What if: kept decisions, replayed in the order of their numbers under another routing policy.

Up to the window's start everything goes as it went, so that the desks stand as they stood. From then on the other
policy decides. What people did by hand stays as they did it. Open work lasts as long as it lasted. As long as nothing
differs, leads are looked at when they were; after the first difference the waiting are looked at again whenever
capacity comes back or their time comes. So the same policy gives no difference at all.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from router.domain.assign import Assigned, Lead, Ways, decide, teams_of, ways
from router.domain.desk import Desk, Hours, local_day, released, taken
from router.domain.past import Freed, Item, Left, Look, Past, Switched
from router.domain.roster import Rosters
from router.domain.rules import Policy

_SHOWN = 100


class Rules(NamedTuple):
    """What decides: `asked` in the window (None: what was in force then), and what was in force at each version."""

    asked: Policy | None
    version: Callable[[int], Policy]
    hours: Callable[[datetime], Hours]


class Held(NamedTuple):
    """Who has a lead in the replay. `until_past`: until the kept record says so; else the end is on the agenda."""

    rep: str
    team: str
    until_past: bool


class Wait(NamedTuple):
    """A lead that waits in the replay."""

    since: datetime
    lead: Lead
    look: Look


@dataclass(slots=True)
class Side:
    """One of the two ways it went: leads and greatest open work by rep, waiting in seconds from `begin` on."""

    begin: datetime
    leads: Counter[str] = field(default_factory=Counter[str])
    open: Counter[str] = field(default_factory=Counter[str])
    peak: Counter[str] = field(default_factory=Counter[str])
    waited_s: int = 0
    waiting: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])

    def got(self, rep: str, lead_id: UUID, at: datetime, *, counted: bool) -> None:
        self.open[rep] += 1
        self.peak[rep] = max(self.peak[rep], self.open[rep])
        self.leads[rep] += counted
        self.left(lead_id, at)

    def left(self, lead_id: UUID, at: datetime) -> None:
        """It waits no more."""
        since = self.waiting.pop(lead_id, None)
        if since is not None:
            self.waited_s += self._in_window_s(since, at)

    def ended(self, to: datetime) -> int:
        """Seconds waited, with those who wait still at the end."""
        return self.waited_s + sum(self._in_window_s(since, to) for since in self.waiting.values())

    def _in_window_s(self, since: datetime, until: datetime) -> int:
        return max(0, int((until - max(since, self.begin)).total_seconds()))


@dataclass(slots=True)
class Replay:
    """The replay under way."""

    rules: Rules
    begin: datetime
    to: datetime
    desks: dict[str, Desk]
    lasted: Mapping[tuple[UUID, datetime], timedelta]
    spans: Mapping[UUID, list[datetime]]
    kept: Side
    would: Side
    held: dict[UUID, Held] = field(default_factory=dict[UUID, Held])
    waits: dict[UUID, Wait] = field(default_factory=dict[UUID, Wait])
    past_owner: dict[UUID, str] = field(default_factory=dict[UUID, str])
    passed_on: set[tuple[UUID, str]] = field(default_factory=set[tuple[UUID, str]])
    instead: dict[tuple[UUID, str], str] = field(default_factory=dict[tuple[UUID, str], str])
    agenda: list[tuple[datetime, int, UUID, bool]] = field(default_factory=list[tuple[datetime, int, UUID, bool]])
    places: "count[int]" = field(default_factory=count)
    looks: int = 0
    differences: int = 0
    changed: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    def step(self, item: Item) -> None:
        """Go on by one item of the past."""
        self._come_to(item.at)
        match item:
            case Look():
                self._look(item)
            case Freed():
                self._freed(item)
            case Switched():
                self._switched(item)
            case Left():
                self._left(item)

    def finish(self) -> None:
        """What is on the agenda until the window's end."""
        self._come_to(self.to)

    def _look(self, look: Look) -> None:
        counted = look.at >= self.begin
        self.looks += counted
        from_whom = self.past_owner.get(look.lead_id)
        self._keep(look, counted=counted)
        left = None
        if from_whom is not None:  # open work that somebody passed on: it is given back after the decision
            self.passed_on.add((look.lead_id, from_whom))
            left = self.held.pop(look.lead_id, None)
        elif counted and look.lead_id in self.held and not look.given:
            self._compare(look, self.held[look.lead_id].rep)  # the replay gave it away before
            return
        owner = self._owner(look, counted=counted)
        if left is not None:
            self._let_go(left, look.at)
        if counted:
            self._compare(look, owner)

    def _owner(self, look: Look, *, counted: bool) -> str | None:
        if look.given and look.owner is not None:
            self._end(look.lead_id, look.at)
            self._give(look, look.owner, look.team or "", look.at)
            return look.owner
        return self._decide(look, self._policy(look), look.at, as_it_was=not counted)

    def _keep(self, look: Look, *, counted: bool) -> None:
        if look.owner is None:
            self.kept.waiting.setdefault(look.lead_id, look.at)
            return
        self.kept.got(look.owner, look.lead_id, look.at, counted=counted)
        self.past_owner[look.lead_id] = look.owner

    def _compare(self, look: Look, owner: str | None) -> None:
        if look.owner is not None and owner is not None:
            self.instead[look.lead_id, look.owner] = owner
        if owner == look.owner:
            return
        self.differences += 1
        if len(self.changed) < _SHOWN:
            self.changed.append({"lead_id": look.lead_id, "at": look.at, "kept": look.owner, "would": owner})

    def _decide(self, look: Look, policy: Policy, at: datetime, *, as_it_was: bool = False) -> str | None:
        lead = look.lead if as_it_was else self._seen(look)
        found = look.ways if look.ways is not None and _has(policy, look.ways) else ways(lead, policy)
        if as_it_was and look.owner is None:
            self.waits[look.lead_id] = Wait(at, lead, look)
            self.would.waiting.setdefault(look.lead_id, at)
            return None
        for team in teams_of(found, policy):
            self.desks.setdefault(team, Desk(team))
        if look.team in self.desks and look.number is not None and at == look.at:
            self.desks[look.team] = replace(self.desks[look.team], next_number=look.number)
        outcome = decide(lead, found, self.desks, Rosters(policy, at, self.rules.hours(at)))
        if isinstance(outcome, Assigned) and (not as_it_was or outcome.owner == look.owner):
            self.desks[outcome.team] = outcome.desk
            self._give(look, outcome.owner, outcome.team, at, taken_on=False)
            return outcome.owner
        if as_it_was and look.owner is not None:
            self._give(look, look.owner, look.team or "", at)
            return look.owner
        self.would.waiting.setdefault(look.lead_id, at)
        self.waits.setdefault(look.lead_id, Wait(at, lead, look))
        wake_at = getattr(outcome, "wake_at", None)
        if wake_at is not None and wake_at > at:
            heapq.heappush(self.agenda, (wake_at, next(self.places), look.lead_id, False))
        return None

    def _seen(self, look: Look) -> Lead:
        """The lead as the replay would see it: who had it before is who had it in the replay."""
        before, avoid = look.lead.previous_owner, look.lead.avoid
        if before is None and not avoid:
            return look.lead
        swapped = frozenset(self.instead.get((look.lead_id, rep), rep) for rep in avoid)
        return replace(
            look.lead,
            previous_owner=None if before is None else self.instead.get((look.lead_id, before), before),
            avoid=swapped,
        )

    def _give(self, look: Look, rep: str, team: str, at: datetime, *, taken_on: bool = True) -> None:
        if taken_on:
            policy = self._policy(look)
            day = local_day(policy.routing.teams[team], at) if team in policy.routing.teams else at.date()
            desk = taken(self.desks.get(team, Desk(team)), rep, day)
            self.desks[team] = replace(desk, next_number=(look.number or desk.next_number) + 1)
        self.waits.pop(look.lead_id, None)
        self.would.got(rep, look.lead_id, at, counted=look.at >= self.begin)
        as_then = look.owner is not None and at == look.at
        self.held[look.lead_id] = Held(rep, team, until_past=as_then)
        if not as_then:
            self._plan_end(look, at)

    def _policy(self, look: Look) -> Policy:
        asked = self.rules.asked if look.at >= self.begin else None
        return asked or self.rules.version(look.version)

    def _plan_end(self, look: Look, at: datetime) -> None:
        """Given away at another time than then: its work lasts as long as it lasted."""
        begun = next((begun for begun in self.spans.get(look.lead_id, ()) if begun >= look.at), None)
        lasted = self.lasted.get((look.lead_id, begun)) if begun is not None else None
        if lasted is not None:
            heapq.heappush(self.agenda, (at + lasted, next(self.places), look.lead_id, True))

    def _freed(self, freed: Freed) -> None:
        self.kept.open[freed.rep] -= 1
        if (freed.lead_id, freed.rep) in self.passed_on:
            self.passed_on.discard((freed.lead_id, freed.rep))
            return
        if self.past_owner.get(freed.lead_id) != freed.rep:  # it was open before the desks were kept
            self._let_go(Held(freed.rep, freed.team, until_past=True), freed.at)
            return
        del self.past_owner[freed.lead_id]
        held = self.held.get(freed.lead_id)
        if held is not None and held.until_past:
            self._end(freed.lead_id, freed.at)

    def _end(self, lead_id: UUID, at: datetime) -> None:
        held = self.held.pop(lead_id, None)
        if held is not None:
            self._let_go(held, at)

    def _let_go(self, held: Held, at: datetime) -> None:
        self.would.open[held.rep] -= 1
        home = self.rules.asked.team_of.get(held.rep, held.team) if self.rules.asked else held.team
        if home in self.desks:
            self.desks[home] = released(self.desks[home], held.rep)
        self._look_again(at)

    def _switched(self, switched: Switched) -> None:
        desk = self.desks.get(switched.team)
        if desk is not None:
            off = desk.switched_off - {switched.rep} if switched.available else desk.switched_off | {switched.rep}
            self.desks[switched.team] = replace(desk, switched_off=off)
        self._look_again(switched.at)

    def _left(self, left: Left) -> None:
        """What people did by hand stays as they did it, also where the lead waits in the replay alone."""
        self.kept.left(left.lead_id, left.at)
        self.would.left(left.lead_id, left.at)
        self.waits.pop(left.lead_id, None)

    def _come_to(self, at: datetime) -> None:
        while self.agenda and self.agenda[0][0] <= at:
            due, _, lead_id, is_end = heapq.heappop(self.agenda)
            if is_end:
                self._end(lead_id, due)
            elif self.differences and lead_id in self.waits:
                self._again(self.waits[lead_id], due)

    def _look_again(self, at: datetime) -> None:
        """Once something differed, whoever waits is looked at when capacity comes back; best score first."""
        if not self.differences:
            return
        for wait in sorted(self.waits.values(), key=lambda wait: (-wait.lead.score_milli, wait.since)):
            if self._again(wait, at) is None:
                break

    def _again(self, wait: Wait, at: datetime) -> str | None:
        return self._decide(wait.look, self._policy(wait.look), at)


def replayed(past: Past, rules: Rules, begin: datetime, to: datetime) -> Replay:
    """The past, and what it would have been from `begin` to `to`."""
    lasted, spans = _lasted(past)
    replay = Replay(rules, begin, to, dict(past.desks), lasted, spans, Side(begin), Side(begin))
    for desk in past.desks.values():
        for rep, load in desk.loads.items():
            for side in (replay.kept, replay.would):
                side.open[rep] = side.peak[rep] = load.open
    for item in past.items:
        replay.step(item)
    replay.finish()
    return replay


def _lasted(past: Past) -> tuple[dict[tuple[UUID, datetime], timedelta], dict[UUID, list[datetime]]]:
    """How long each piece of work stayed open, by lead and beginning; and the beginnings of each lead."""
    lasted: dict[tuple[UUID, datetime], timedelta] = {}
    spans: dict[UUID, list[datetime]] = {}
    open_since: dict[UUID, datetime] = {}
    for item in past.items:
        match item:
            case Look(owner=str()):
                open_since[item.lead_id] = item.at
                spans.setdefault(item.lead_id, []).append(item.at)
            case Freed() if item.lead_id in open_since:
                begun = open_since.pop(item.lead_id)
                lasted[item.lead_id, begun] = item.at - begun
            case _:
                continue
    return lasted, spans


def _has(policy: Policy, found: Ways) -> bool:
    """Whether the ways that are fixed are there under this policy."""
    reps = all(rep in policy.team_of for rep, _ in found.preferred)
    return reps and (found.choice is None or found.choice.team in policy.routing.teams)
