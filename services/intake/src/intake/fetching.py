"""Fetches the answers of submissions that carry ids only. The network is never waited for inside a transaction.

What is due stays due until its answers are stored, so whoever looks at the timers sees that it is not done yet.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text

from intake import awaiting, queries
from intake.admission import Item, Request, Seen, read_part
from intake.api.answers import persistently
from intake.awaiting import Waiting
from intake.capture import OtherBody, Raced, capture
from intake.domain.policy import MetaDoor
from intake.domain.proof import Arrival
from intake.domain.submission import Ignored
from intake.graph import Graph, Kind, Place, Trouble
from intake.rules import RuleBook, Rules, rules_of
from shared.runtime.desk import Desk
from shared.runtime.failures import CommitInDoubt, is_passing
from shared.runtime.ids import new_id
from shared.runtime.service import Timer
from shared.runtime.work import Work

log = structlog.get_logger("intake")

_AT_ONCE: Final = 16
_CLAIM_S: Final = 45.0  # longer than all calls for one lead may take together
_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 3_600.0
_BUSY_PAUSE_S: Final = 60.0
_GIVE_UP: Final = timedelta(hours=36)
_FORM_TRIES: Final = 3
_RACES: Final = 10
_BREATH_S: Final = 0.2
_NO_DOOR: Final = "its door is closed, or is of another kind now: open it in the doors policy, then replay"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A lead's answers and its form, None where Graph does not give it."""

    lead: Mapping[str, Any]
    form: Mapping[str, Any] | None


def pause_s(tries: int) -> float:
    """How long to wait after so many failures: 5 s, doubled up to an hour."""
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(tries, 12))


@dataclass(slots=True)
class Fetcher:
    """The background of one process that fetches; `wake` tells it that something may be due."""

    book: RuleBook
    graph: Graph = field(default_factory=Graph)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Something may be due."""
        self.woken.set()

    def timer(self) -> Timer:
        """The timer door: it shows what is due, and has it fetched outside its own transaction."""

        async def fire(_work: Work, _partition: int, _limit: int) -> int:
            self.wake()
            return 0

        return Timer("answers awaited", awaiting.next_due, fire)

    async def run(self, desk: Desk) -> None:
        """Fetch for ever."""
        try:
            while True:
                await self.woken.wait()
                self.woken.clear()
                await self._all_due(desk)
        finally:
            await self.graph.close()

    async def _all_due(self, desk: Desk) -> None:
        try:
            while await self.round(desk):
                pass
        except Exception as error:
            if not (isinstance(error, Raced | CommitInDoubt) or is_passing(error)):
                raise
            log.warning("answers are not fetched now", error=type(error).__name__)
            await asyncio.sleep(_BREATH_S)

    async def round(self, desk: Desk) -> int:
        """Fetch some of what is due; how many were looked at."""
        rules = await self.book.current(desk)
        async with desk.work() as work:
            due = await awaiting.doors_due(work.session, work.now)
            room = {door: self._room(rules, door) for door in due}
            taken = await awaiting.claim(work.session, room, work.now, _AT_ONCE, _CLAIM_S)
        ends = await asyncio.gather(*(self._one(desk, rules, one) for one in taken), return_exceptions=True)
        failures = [end for end in ends if isinstance(end, BaseException)]
        if failures:
            raise failures[0]
        return len(taken)

    def _room(self, rules: Rules, name: str) -> int:
        """So many leads of a door may be asked for now."""
        door = rules.door(name)
        return self.graph.room(name, door.graph.calls_per_minute) if isinstance(door, MetaDoor) else _AT_ONCE

    async def _one(self, desk: Desk, rules: Rules, one: Waiting) -> None:
        try:
            found = await self._fetched(rules, one)
            if isinstance(found, Fetched):
                await self._keep(desk, one, found)
                return
            trouble = found
        except Exception as error:
            if isinstance(error, Raced | CommitInDoubt) or is_passing(error):
                raise
            # whatever it is, it must stay with the submission that caused it
            words = f"what was fetched could not be kept ({type(error).__name__})"
            trouble = Trouble(Kind.FOREVER, words)
        await _settle(desk, one, trouble)

    async def _fetched(self, rules: Rules, one: Waiting) -> Fetched | Trouble:
        door = rules.door(one.door)
        if not isinstance(door, MetaDoor):
            return Trouble(Kind.FOREVER, _NO_DOOR)
        tokens = (rules.resolve(ref) for ref in door.graph.token)
        token = next((one for one in tokens if one is not None and one.strip()), None)
        if token is None:
            return Trouble(Kind.TOKEN, "the secret of graph.token is not set")
        graph = door.graph
        place = Place(one.door, graph.base_url, graph.version, token.strip())
        notice = orjson.loads(one.raw)
        self.graph.used(one.door)
        lead = await self.graph.lead(place, str(notice["leadgen_id"]))
        if isinstance(lead, Trouble):
            return lead
        form = await self.graph.form(place, str(lead.get("form_id") or notice.get("form_id") or ""))
        if isinstance(form, Trouble):
            if one.tries < _FORM_TRIES:
                return form
            form = None  # its slugs stay slugs, made readable as well as they can be
        return Fetched(lead, form)

    async def _keep(self, desk: Desk, one: Waiting, found: Fetched) -> None:
        """Store the answers and emit what they mean, in one transaction, however often it must be tried."""
        ids = new_id()
        for race in range(_RACES):
            try:
                await persistently(desk, lambda work: _stored(desk, work, one, found, ids))
            except Raced:
                if race == _RACES - 1:
                    raise
                await asyncio.sleep(_BREATH_S)
            else:
                return


async def _stored(desk: Desk, work: Work, one: Waiting, found: Fetched, lead_id: UUID) -> None:
    row = await queries.the_submission(work.session, one.submission_id, lock=True)
    if row is None or row.state != "awaiting":
        await awaiting.done(work.session, one.submission_id)
        return
    rules = await rules_of(work, desk)
    door = rules.door(one.door)
    if not isinstance(door, MetaDoor):
        await awaiting.park(work.session, one, _NO_DOOR, work.now)
        return
    raw = orjson.dumps({"notification": orjson.loads(one.raw), "lead": found.lead, "form": found.form})
    request = Request(one.door, Arrival(raw), "application/json", one.received_at)
    place = Item(one.submission_id, lead_id, one.door, Seen(b"", None), Ignored(""), "", b"", True, one.received_at)
    # its place and its id are the fetched submission's
    await work.session.execute(text("delete from submission where submission_id = :id"), {"id": one.submission_id})
    items = read_part(rules, door, request, [place])
    [placed] = await capture(work, desk.partitions, [items], replayed=one.submission_id)
    if isinstance(placed, OtherBody):
        raise placed
    await awaiting.done(work.session, one.submission_id)
    await queries.count_again(work.session, one.door, "awaiting", -1, work.now)
    await queries.count_again(work.session, one.door, "accepted", -1, work.now)
    await awaiting.went_well(work.session, one.door, work.now)


async def _settle(desk: Desk, one: Waiting, trouble: Trouble) -> None:
    """Have it tried again later, or park it; the door's trouble is noted."""

    async def act(work: Work) -> None:
        until = one.since + _GIVE_UP
        if trouble.kind is Kind.TOKEN:
            await awaiting.was_refused(work.session, one.door, trouble.why, work.now)
        if trouble.kind is Kind.FOREVER:
            await awaiting.park(work.session, one, trouble.why, work.now)
        elif work.now >= until:
            hours = _GIVE_UP // timedelta(hours=1)
            why = f"its answers could not be fetched for {hours} h; the last try: {trouble.why}; replay it to try again"
            await awaiting.park(work.session, one, why, work.now)
        else:
            due_at = next_try(work.now, one.tries, until, trouble)
            if trouble.kind is Kind.BUSY:
                await awaiting.pause(work.session, one.door, due_at)
            why = f"its answers could not be fetched: {trouble.why}; it is tried again"
            await awaiting.again(work.session, one, due_at, trouble.kind.value, why)

    await persistently(desk, act)
    if trouble.kind is Kind.TOKEN:
        desk.meters.door_token_refused.labels(one.door).inc()
    log.warning("answers are not fetched", door=one.door, kind=trouble.kind.value, why=trouble.why, attempt=one.tries)


def next_try(now: datetime, tries: int, until: datetime, trouble: Trouble) -> datetime:
    """When it is tried again: never after the last instant at which it may be."""
    pause = pause_s(tries)
    if trouble.kind is Kind.BUSY:
        pause = max(pause, _BUSY_PAUSE_S)
    return min(now + timedelta(seconds=pause), until)
