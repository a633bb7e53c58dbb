"""Watches the doors: what awaits its answers, whose token is refused, which door is silent against its habit."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from intake import awaiting, queries
from intake.awaiting import DoorFetch, DoorWait
from intake.domain.silence import WEEKS, Mark, silence
from intake.intake import Intake
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing

log = structlog.get_logger("intake")

_EVERY_S: Final = 30.0
_LATE: Final = timedelta(minutes=15)
_KEPT: Final = timedelta(weeks=WEEKS + 2)
_LEADS: Final = ("captured", "further")
ALARMS: Final = ("token", "awaiting", "silent")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something at a door that a person should look at."""

    alarm: str
    detail: str


@dataclass(frozen=True, slots=True)
class DoorHealth:
    """How a door is."""

    last_lead_at: datetime | None
    waiting: DoorWait | None
    fetch: DoorFetch | None
    alarms: tuple[Alarm, ...]


async def healths(session: AsyncConnection, doors: Sequence[str], now: datetime) -> dict[str, DoorHealth]:
    """How these doors are."""
    last = last_leads(await queries.tallies(session))
    waits, fetches = await awaiting.waits(session), await awaiting.fetches(session)
    marks = await _marks(session)
    return {
        door: DoorHealth(
            last.get(door),
            waits.get(door),
            fetches.get(door),
            tuple(_alarms(last.get(door), waits.get(door), fetches.get(door), marks.get(door, []), now)),
        )
        for door in doors
    }


def last_leads(rows: Sequence[queries.Tally]) -> dict[str, datetime]:
    """When each door's last lead came."""
    last: dict[str, datetime] = {}
    for row in rows:
        if row.state in _LEADS and row.arrivals > 0:
            last[row.door] = max(last.get(row.door, row.last_at), row.last_at)
    return last


def _alarms(
    last: datetime | None, wait: DoorWait | None, fetch: DoorFetch | None, marks: Sequence[Mark], now: datetime
) -> list[Alarm]:
    found: list[Alarm] = []
    if fetch is not None and fetch.refused_since is not None:
        since = fetch.refused_since.isoformat(timespec="minutes")
        found.append(Alarm("token", f"{fetch.refused_why}; since {since}, set the secret of graph.token anew"))
    if wait is not None and now - wait.since >= _LATE:
        minutes = (now - wait.since) // timedelta(minutes=1)
        found.append(Alarm("awaiting", f"{wait.submissions} without their answers, the oldest for {minutes} min"))
    quiet = silence(last, marks, now)
    if quiet is not None:
        found.append(Alarm("silent", quiet.detail))
    return found


async def watch_doors(desk: Desk, intake: Intake) -> None:
    """Look every half minute, for ever."""
    while True:
        try:
            await look(desk, intake)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("the doors were not looked at", error=type(error).__name__)
        await asyncio.sleep(_EVERY_S)


async def look(desk: Desk, intake: Intake) -> None:
    """Mark how many leads have come by this hour, and set the meters."""
    rules = await intake.book.current(desk)
    async with desk.work() as work:
        await _mark(work.session, work.now)
        found = await healths(work.session, list(rules.doors.doors), work.now)
    for door, health in found.items():
        _measure(desk, door, health, desk.clock())


def _measure(desk: Desk, door: str, health: DoorHealth, now: datetime) -> None:
    wait = health.waiting
    desk.meters.door_awaiting.labels(door).set(0 if wait is None else wait.submissions)
    desk.meters.door_awaiting_age.labels(door).set(0 if wait is None else max(0.0, (now - wait.since).total_seconds()))
    standing = {one.alarm for one in health.alarms}
    for alarm in ALARMS:
        desk.meters.door_alarm.labels(door, alarm).set(alarm in standing)


async def _mark(session: AsyncConnection, now: datetime) -> None:
    values = {"hour": now.replace(minute=0, second=0, microsecond=0), "old": now - _KEPT, "states": list(_LEADS)}
    await session.execute(
        text(
            "insert into door_mark (door, hour, leads) select door, :hour, sum(count) from arrival_tally"
            " where state = any(cast(:states as text[])) group by door order by door"
            " on conflict (door, hour) do update set leads = excluded.leads where door_mark.leads <> excluded.leads"
        ),
        values,
    )
    await session.execute(text("delete from door_mark where hour < :old"), values)


async def _marks(session: AsyncConnection) -> Mapping[str, list[Mark]]:
    rows = await session.execute(text("select door, hour, leads from door_mark order by door, hour"))
    found: dict[str, list[Mark]] = {}
    for row in rows:
        found.setdefault(row[0], []).append((row[1], row[2]))
    return found
