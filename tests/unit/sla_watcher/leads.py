"""Builders for the facts of one lead, and a watch that runs its clocks the way the service does."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from shared.calendars import Compiled, compile_calendar, parse_calendars
from sla_watcher import expressions
from sla_watcher.domain import (
    PRESETS,
    Case,
    Clock,
    Contact,
    Ending,
    Fact,
    Handoff,
    LeadFacts,
    Origin,
    Qualification,
    State,
    Terms,
    Transition,
    arm,
    elapse,
    learn,
    next_at,
    parse_sla,
    reconcile,
)

LEAD = UUID(int=1)
POLICY = parse_sla(PRESETS["eighty-sixty"], check=expressions.fault, calendars={"office", "always"})
ON_HANDOFF = frozenset({Origin.ASSIGNED, Origin.CONTACTED})
CALENDARS: dict[str, Compiled] = {
    name: compile_calendar(calendar)
    for name, calendar in parse_calendars(
        {"calendars": {"office": {"zone": "Asia/Ho_Chi_Minh", "open": {"mon-fri": ["09:00-18:00"]}}, "always": {}}}
    ).items()
}


def at(text: str) -> datetime:
    """Local time in the week of Monday, 2026-11-02, as in `mon 09:30`, `mon+1 09:30` for the week after."""
    day, clock = text.split()
    name, _, weeks = day.partition("+")
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(name) + 7 * int(weeks or 0)
    hour, minute = map(int, clock.split(":"))
    local = datetime(2026, 11, 2, hour, minute, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    return (local + timedelta(days=days)).astimezone(UTC)


def named(name: str) -> UUID:
    return uuid5(LEAD, name)


def terms_for(score: float = 85.0, **case: str) -> tuple[Terms, ...]:
    return arm(POLICY, Case(score=score, **case), ON_HANDOFF, expressions.matches)  # pyright: ignore[reportArgumentType]


def a_handoff(assigned: str, name: str = "h1", score: float = 85.0, episode: int = 1) -> Handoff:
    return Handoff(
        handoff_id=named(name),
        episode=episode,
        owner="ann",
        team="north",
        assigned_at=at(assigned),
        manager="mia",
        terms=terms_for(score),
    )


def a_qualification(crossed: str, episode: int = 1) -> Qualification:
    terms = arm(POLICY, Case(score=85), {Origin.QUALIFIED}, expressions.matches)
    return Qualification(episode, at(crossed), terms)


def a_contact(
    occurred: str,
    name: str = "h1",
    result: str = "no_answer",
    recorded: str | None = None,
    next_step: str | None = None,
    *,
    unproven: bool = False,
) -> Contact:
    return Contact(
        contact_id=named(f"{name} {occurred} {next_step}"),
        handoff_id=named(name),
        occurred_at=at(occurred),
        recorded_at=at(recorded or occurred),
        result=result,
        next_step_at=at(next_step) if next_step else None,
        unproven=unproven,
    )


def an_ending(ended: str, reason: str = "rejected", name: str = "h1") -> Ending:
    return Ending(at(ended), reason, named(name))


@dataclass
class Watch:
    """One lead under watch: facts come in, time passes, and what was said is remembered with its instant."""

    known: LeadFacts = field(default_factory=lambda: LeadFacts(LEAD))
    clocks: dict[UUID, Clock] = field(default_factory=dict[UUID, Clock])
    said: list[tuple[datetime | None, Transition]] = field(default_factory=list[tuple[datetime | None, Transition]])

    def learn(self, *facts: Fact) -> "Watch":
        for fact in facts:
            self.known = learn(self.known, fact)
        changed, transitions = reconcile(self.known, self.clocks, CALENDARS)
        self.clocks |= {clock.clock_id: clock for clock in changed}
        self.said += [(None, transition) for transition in transitions]
        return self

    def tick(self, now: datetime) -> "Watch":
        for clock in tuple(self.clocks.values()):
            after, transition = elapse(clock, now)
            self.clocks[clock.clock_id] = after
            if transition is not None:
                self.said.append((now, transition))
        return self

    def until(self, now: datetime) -> "Watch":
        """Every timer on its instant, as the service's loop does."""
        while (due := min(filter(None, map(next_at, self.clocks.values())), default=now)) < now:
            self.tick(due)
        return self.tick(now)

    def clock(self, promise: str) -> Clock:
        (found,) = (clock for clock in self.clocks.values() if clock.promise == promise)
        return found

    def states(self, promise: str) -> list[State]:
        found = (clock for clock in self.clocks.values() if clock.promise == promise)
        return [clock.state for clock in sorted(found, key=lambda clock: clock.started_at)]

    def heard(self, promise: str) -> list[str]:
        """The transitions of a promise, by name, in the order in which they were said."""
        return [type(said).__name__ for _, said in self.said if said.clock.promise == promise]


def watched(*facts: Fact) -> Watch:
    return Watch().learn(*facts)


def one_by_one(facts: Iterable[Fact]) -> Watch:
    watch = Watch()
    for fact in facts:
        watch.learn(fact)
    return watch
