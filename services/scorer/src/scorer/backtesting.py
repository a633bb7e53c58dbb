"""Backtests as work in chunks: a timer of every lane, each chunk one transaction that a kill undoes as a whole."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from scorer import store, store_backtests
from scorer.domain.comparing import Difference, Window, compare
from scorer.domain.instants import to_us
from scorer.domain.scorecard import Scorecard
from scorer.policies import KIND, live, read
from scorer.store_backtests import Backtest
from shared.http.problems import Problem
from shared.runtime.ids import new_id
from shared.runtime.service import Timer
from shared.runtime.work import Work
from shared.store.due import postponing

MAX_RUNNING: Final = 4
LEADS_AT_ONCE: Final = 200
STEPS_AT_ONCE: Final = 1500
"""Decisions per chunk: some tens of milliseconds, for which the lane waits."""
MAX_LISTED: Final = 2_500
"""Leads listed by id per lane; the counts go on."""
_ALWAYS_US: Final = -(2**62)


def backtests() -> Timer:
    """The timer of backtests under way."""
    return Timer("backtest", store_backtests.due_lanes, fire, postponing("backtest_lane", "id", "due_at"))


async def start(
    work: Work,
    body: Mapping[str, Any],
    *,
    partitions: int,
    by: str,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
) -> UUID:
    """Keep a backtest of this scorecard against the live one; the lanes begin at once.

    Raises Problem 409 where too many are under way. The body is one that parses.
    """
    if await store_backtests.running(work.session) >= MAX_RUNNING:
        raise Problem(409, f"{MAX_RUNNING} backtests are under way: wait for one", code="too-many-backtests")
    asked = Backtest(
        backtest_id=new_id(),
        body=orjson.dumps(body).decode(),
        digest=digest_of(body),
        live_version=(await work.policy(KIND)).version,
        from_at=from_at,
        to_at=work.now if to_at is None else min(to_at, work.now),
        leads=await store_backtests.leads_known(work.session),
        created_by=by,
        created_at=work.now,
    )
    await store_backtests.begin(work.session, asked, partitions)
    return asked.backtest_id


def digest_of(body: Mapping[str, Any]) -> str:
    """By which the same scorecard is known again, in whatever order its keys stand."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


@lru_cache(maxsize=2 * MAX_RUNNING)
def drafted(body: str) -> Scorecard:
    """The scorecard that is tried; compiled once, not in every chunk."""
    return read(orjson.loads(body))


async def fire(work: Work, partition: int, limit: int) -> int:
    """One chunk of one backtest."""
    lane = await store_backtests.next_lane(work.session, partition, work.now)
    if lane is None:
        return 0
    asked = lane.backtest
    connection = await work.raw()
    wanted = min(limit, LEADS_AT_ONCE)
    dossiers = await store.dossiers_after(connection, partition, lane.after_lead, wanted)
    now_live = live(await work.policies.load(work.session, KIND, asked.live_version))
    draft = drafted(asked.body)
    window = Window(
        from_us=_ALWAYS_US if asked.from_at is None else to_us(asked.from_at),
        until_us=to_us(asked.to_at) + 1,  # people mean `to` to be within
        now_us=to_us(asked.created_at),
    )
    differing: list[tuple[UUID, Difference]] = []
    steps = done = 0
    for lead_id, dossier in dossiers:
        difference, decided = compare(lane.sums, dossier, now_live, draft, window)
        if difference is not None:
            differing.append((lead_id, difference))
        steps += decided
        done += 1
        if steps >= STEPS_AT_ONCE:
            break
    room = MAX_LISTED - lane.listed
    await store_backtests.keep_differences(connection, asked.backtest_id, differing[: max(room, 0)])
    await store_backtests.keep_lane(
        work.session,
        lane,
        after_lead=dossiers[done - 1][0] if done else lane.after_lead,
        at=work.now,
        finished=done == len(dossiers) < wanted,
        listed=lane.listed + len(differing),
    )
    return 1
