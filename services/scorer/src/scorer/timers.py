"""Door 3: a lead whose tier or qualification changes by the passing of time alone is decided when that comes.

It is decided by the scorecard that decided it last: a newly published one applies to new facts, and time is none.
"""

from scorer import store
from scorer.domain.episodes import decide
from scorer.policies import KIND, live
from scorer.saying import said
from scorer.store import Kept
from shared.runtime.service import Timer
from shared.runtime.work import Work
from shared.store.due import postponing


def fading() -> Timer:
    """The timer of decay and of windows that close."""
    return Timer("fading", store.next_changes, fire, postponing("dossier", "lead_id", "next_change"))


async def fire(work: Work, partition: int, limit: int) -> int:
    """Decide what is due in a lane."""
    connection = await work.raw()
    due = await store.due(connection, partition, work.now, limit)
    versions = {dossier.standing.version for dossier in due.values() if dossier.standing is not None}
    scorecards = {version: live(await work.policies.load(work.session, KIND, version)) for version in versions}
    kept: list[Kept] = []
    for lead_id, dossier in due.items():
        if dossier.standing is None:
            continue
        outcome = decide(dossier, scorecards[dossier.standing.version], work.now)
        kept.append(Kept(lead_id, partition, outcome))
        work.emit(said(lead_id, outcome, work.now))
    await store.keep(connection, kept)
    return len(due)
