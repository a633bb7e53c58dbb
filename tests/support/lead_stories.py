"""Random leads and what happens to them, as events: arbitrary enough to meet every order and every gap."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from shared.contracts import (
    Attributes,
    ClockBreached,
    ClockMet,
    ClockRevoked,
    ClockStarted,
    Event,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadEngaged,
    LeadErased,
    LeadMoved,
    LeadPooled,
    LeadPrescreened,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadReturned,
    LeadScored,
    LeadUpdated,
    LeadWaiting,
    OpportunityLost,
    OpportunityOpened,
    OpportunityStaged,
    OpportunityWon,
)

_SOURCES: Final = ("search", "trade show", None)
_INDUSTRIES: Final = ("manufacturing", "retail", None)
_REGIONS: Final = ("north", "south", None)
_TIERS: Final = (("sql", "SQL", "assign"), ("mql", "MQL", "nurture"), ("raw", None, "store"))
_POOLS: Final = ("nurture", "public", None)
_CURRENCIES: Final = ("CNY", "VND")


def an_id(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


class _Teller:
    """Tells one lead's story: events with ids of few handoffs, so that they meet each other."""

    def __init__(self, rng: random.Random, lead_id: UUID, start: datetime) -> None:
        self.rng = rng
        self.start = start
        self.lead_id = lead_id
        self.handoffs = [an_id(rng) for _ in range(3)]
        self.opportunities = [an_id(rng) for _ in range(2)]
        self.clocks = [an_id(rng) for _ in range(3)]

    def envelope(self) -> dict[str, Any]:
        # few distinct instants, so that ties are common
        occurred = self.start + timedelta(hours=self.rng.randrange(60), microseconds=self.rng.choice((0, 1, 1499)))
        late = timedelta(minutes=self.rng.choice((0, 0, 90)))
        return {"lead_id": self.lead_id, "occurred_at": occurred, "recorded_at": occurred + late}

    def attributes(self) -> Attributes:
        pick = self.rng.choice
        return Attributes(source=pick(_SOURCES), industry=pick(_INDUSTRIES), region=pick(_REGIONS))

    def owned(self) -> dict[str, Any]:
        return {"handoff_id": self.rng.choice(self.handoffs), "owner": self.rng.choice(("ann", "bob"))}


def a_story(rng: random.Random, start: datetime) -> list[Event]:
    """One lead's events, oldest told first, in no sensible order of time."""
    teller = _Teller(rng, an_id(rng), start)
    events: list[Event] = []
    if rng.random() < 0.9:
        events.append(_captured(teller))
    events += [_repeatable(teller) for _ in range(rng.randrange(8))]
    for handoff_id in teller.handoffs:
        events += _of_handoff(teller, handoff_id)
    for opportunity_id in teller.opportunities:
        events += _of_opportunity(teller, opportunity_id)
    for clock_id in teller.clocks:
        events += _of_clock(teller, clock_id)
    if rng.random() < 0.15:
        events.append(LeadErased(**teller.envelope(), purge=rng.random() < 0.3))
    rng.shuffle(events)
    return events


def stories(seed: int, leads: int, start: datetime) -> list[Event]:
    """The events of many leads, mixed."""
    rng = random.Random(seed)
    events = [event for _ in range(leads) for event in a_story(rng, start)]
    rng.shuffle(events)
    return events


def _captured(teller: _Teller) -> Event:
    rng = teller.rng
    return LeadCaptured(
        **teller.envelope(),
        submission_id=an_id(rng),
        attributes=teller.attributes(),
        is_test=rng.random() < 0.05,
        legacy=rng.random() < 0.1,
        pool="re-marketing" if rng.random() < 0.1 else None,
    )


def _repeatable(teller: _Teller) -> Event:
    rng, common = teller.rng, teller.envelope()
    tier, label, action = rng.choice(_TIERS)
    tell: Sequence[Callable[[], Event]] = (
        lambda: LeadUpdated(**common, attributes=teller.attributes(), cleared=rng.choice(((), ("industry",)))),
        lambda: LeadEngaged(**common, engagement_id=an_id(rng), kind="demo_requested"),
        lambda: LeadScored(
            **common, score_milli=rng.randrange(100_000), tier=tier, label=label, action=action, scorecard_version=1
        ),
        lambda: LeadQualified(
            **common, episode=rng.randrange(1, 3), score_milli=85_000, tier=tier, label=label, scorecard_version=1
        ),
        lambda: LeadWaiting(**common, episode=rng.randrange(1, 3), reason="no_team"),
        lambda: LeadAccepted(**common, **teller.owned()),
        lambda: LeadContacted(
            **common,
            **teller.owned(),
            contact_id=an_id(rng),
            channel="phone",
            result="reached",
            unproven=rng.random() < 0.2,
        ),
        lambda: LeadPooled(**common, pool=rng.choice(("nurture", "public")), previous="raw", ends_episode=False),
        lambda: LeadMoved(**common, status=rng.choice(("invalid", "new")), previous=rng.choice(("invalid", "new"))),
    )
    return rng.choice(tell)()


def _of_handoff(teller: _Teller, handoff_id: UUID) -> list[Event]:
    rng, owner, events = teller.rng, teller.rng.choice(("ann", "bob", "cid")), list[Event]()
    if rng.random() < 0.7:
        team = "north" if owner == "ann" else "south"
        previous = rng.choice((None, None, *teller.handoffs))
        events.append(
            LeadAssigned(
                **teller.envelope(),
                handoff_id=handoff_id,
                episode=rng.randrange(1, 3),
                owner=owner,
                team=team,
                reason="qualified",
                previous_handoff_id=previous if previous != handoff_id else None,
            )
        )
    ends: dict[str, Any] = {"handoff_id": handoff_id, "owner": owner, "pool": rng.choice(_POOLS)}
    if rng.random() < 0.2:
        events.append(LeadRejected(**teller.envelope(), **ends, reason="timing", ends_episode=rng.random() < 0.5))
    if rng.random() < 0.2:
        events.append(LeadRecycled(**teller.envelope(), **ends, cause="untouched"))
    if rng.random() < 0.1:
        events.append(LeadReturned(**teller.envelope(), **ends, reason="no_time"))
    if rng.random() < 0.1:
        events.append(LeadPrescreened(**teller.envelope(), handoff_id=handoff_id, owner=owner, episode=1))
    return events


def _of_opportunity(teller: _Teller, opportunity_id: UUID) -> list[Event]:
    rng, currency = teller.rng, teller.rng.choice(_CURRENCIES)
    common: dict[str, Any] = {**teller.owned(), "opportunity_id": opportunity_id}
    events: list[Event] = []
    if rng.random() < 0.3:
        amount = rng.choice((None, rng.randrange(1, 10**9)))
        given: dict[str, Any] = {"amount_minor": amount, "currency": currency} if amount else {}
        events.append(OpportunityOpened(**teller.envelope(), **common, **given))
    for stage in ("proposal", "negotiation"):
        if rng.random() < 0.2:
            amount = rng.choice((None, rng.randrange(1, 10**9)))
            revised: dict[str, Any] = {"amount_minor": amount, "currency": currency} if amount else {}
            events.append(OpportunityStaged(**teller.envelope(), **common, stage=stage, previous="initial", **revised))
    if rng.random() < 0.2:
        amount = rng.randrange(1, 10**9)
        events.append(OpportunityWon(**teller.envelope(), **common, amount_minor=amount, currency=currency))
    if rng.random() < 0.1:
        events.append(OpportunityLost(**teller.envelope(), **common, reason="price"))
    return events


def _of_clock(teller: _Teller, clock_id: UUID) -> list[Event]:
    rng, common = teller.rng, teller.envelope()
    handoff_id = rng.choice((None, *teller.handoffs))
    terms: dict[str, Any] = {
        "clock_id": clock_id,
        "promise": rng.choice(("first_contact", "untouched")),
        "due_at": common["occurred_at"],
        "handoff_id": handoff_id,
        "owner": "ann" if handoff_id else None,
        "team": "north" if handoff_id else None,
    }
    met: dict[str, Any] = {"met_at": common["occurred_at"], "elapsed_s": 60}
    events: list[Event] = []
    if rng.random() < 0.3:
        events.append(ClockStarted(**common, **terms, started_at=common["occurred_at"]))
    if rng.random() < 0.4:
        events.append(ClockBreached(**teller.envelope(), **terms))
    if rng.random() < 0.2:
        events.append(ClockRevoked(**teller.envelope(), **terms, **met))
    if rng.random() < 0.2:
        events.append(ClockMet(**teller.envelope(), **terms, **met))
    return events
