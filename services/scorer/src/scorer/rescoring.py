"""`apply: all`: every lead is decided again under a newly published scorecard, in chunks that flood nobody."""

from datetime import datetime
from typing import Final

from scorer import store, store_rescores
from scorer.domain.dossier import Dossier
from scorer.domain.episodes import decide
from scorer.policies import KIND, live
from scorer.saying import said
from scorer.store import Kept
from scorer.store_rescores import MINUTE, LaneOfRescore, Minute
from shared.contracts import Event
from shared.runtime.service import Timer
from shared.runtime.work import Work
from shared.store.due import postponing

LEADS_AT_ONCE: Final = 200


def rescores() -> Timer:
    """The timer of re-scorings under way."""
    return Timer("rescore", store_rescores.due_lanes, fire, postponing("rescore_lane", "id", "due_at"))


async def fire(work: Work, partition: int, limit: int) -> int:
    """One chunk of one lane; it ends early where this minute allows no more, and goes on with the next."""
    lane = await store_rescores.next_lane(work.session, partition, work.now)
    if lane is None:
        return 0
    published = await work.policy(KIND)
    if published.version != lane.version:
        await _finish(work, lane)
        return 1
    connection = await work.raw()
    scorecard = live(published)
    minute = await store_rescores.minute(work.session, lane.rescore_id, work.now)
    leads_left = scorecard.pace.leads_per_minute - minute.leads
    crossings_left = scorecard.pace.crossings_per_minute - minute.crossings
    wanted = min(limit, LEADS_AT_ONCE)
    dossiers = await store.dossiers_after(connection, partition, lane.after_lead, wanted)
    kept: list[Kept] = []
    events: list[Event] = []
    after_lead, seen, told, crossed = lane.after_lead, 0, 0, 0
    due_at: datetime | None = work.now
    for lead_id, dossier in dossiers:
        if _is_behind(dossier, lane.version):
            outcome = decide(dossier, scorecard, work.now)
            tells, crosses = outcome.scored is not None, outcome.qualified is not None
            if told + tells > leads_left or crossed + crosses > crossings_left:
                due_at = minute.begun_at + MINUTE
                break
            told, crossed = told + tells, crossed + crosses
            kept.append(Kept(lead_id, partition, outcome))
            events += said(lead_id, outcome, work.now)
        after_lead, seen = lead_id, seen + 1
    await store.keep(connection, kept)
    work.emit(events)
    if seen == len(dossiers) < wanted:
        due_at = None
    spent = Minute(minute.begun_at, minute.leads + told, minute.crossings + crossed)
    await store_rescores.keep_minute(work.session, lane.rescore_id, spent)
    await store_rescores.keep_lane(
        work.session, lane, after_lead=after_lead, seen=seen, told=told, crossed=crossed, due_at=due_at, at=work.now
    )
    return 1


async def _finish(work: Work, lane: LaneOfRescore) -> None:
    """Another version is live: this one is applied to nobody any more."""
    await store_rescores.keep_lane(
        work.session,
        lane,
        after_lead=lane.after_lead,
        seen=0,
        told=0,
        crossed=0,
        due_at=None,
        at=work.now,
        superseded=True,
    )


def _is_behind(dossier: Dossier, version: int) -> bool:
    """Scored, and by an older version: a lead that a fact brought to this one since is left alone."""
    return dossier.is_scored and dossier.standing is not None and dossier.standing.version < version
