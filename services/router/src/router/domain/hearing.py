"""The fold of what the other services say. Every interleaving of their streams ends in the same dossier.

First and latest are decided by the instants in the events, never by arrival; an episode waits until the lead is known;
erasure is absorbing. `at` is the event's `recorded_at` unless said otherwise.
"""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from router.domain.changes import closed, send_on, want_owner
from router.domain.dossier import (
    Contact,
    Dossier,
    Engagement,
    Episode,
    Handoff,
    InPool,
    Wanting,
    handoff_by_id,
    hops,
    open_handoff,
    open_opportunity_of,
    owner_of,
)
from router.domain.facts import Fact, HandoffClosed, Recycled, Step, TaskRaised
from router.domain.knowledge import news
from router.domain.policy import Destination, Pool, Recycle
from shared.contracts.attributes import Attributes


def captured(
    dossier: Dossier,
    *,
    at: datetime,
    attributes: Attributes,
    marketing_owner: str | None = None,
    is_test: bool = False,
    legacy: bool = False,
    pool: Pool | None = None,
    left_with: str | None = None,
) -> Step:
    """A new lead. `pool` and `left_with` are for imports that say where the lead was left, e.g. lost last year."""
    if dossier.erased_at is not None:
        # the erasure overtook it; counted, and nothing of it kept
        return Step(replace(dossier, captured_at=at, is_test=is_test, legacy=legacy))
    if is_test:
        return Step(Dossier(lead_id=dossier.lead_id, captured_at=at, is_test=True, legacy=legacy))
    in_pool = InPool(pool=pool, since=at, cause="imported") if pool is not None and not dossier.handoffs else None
    known = replace(
        dossier,
        **news(dossier, at, attributes),
        captured_at=at,
        legacy=legacy,
        marketing_owner=marketing_owner,
        left_with=left_with,
        pooled=dossier.pooled or in_pool,
    )
    return _begin(known)


def updated(dossier: Dossier, *, at: datetime, attributes: Attributes, cleared: tuple[str, ...] = ()) -> Step:
    """Attributes that changed: the latest word counts, attribute by attribute."""
    told = {} if _deaf(dossier) else news(dossier, at, attributes, cleared)
    return Step(replace(dossier, **told) if told else dossier)


def scored(
    dossier: Dossier, *, at: datetime, score_milli: int, tier: str, action: str | None, mql: bool = False
) -> Step:
    """The latest score; the tier's action says which pool an unrouted lead waits in.

    `mql`: the tier is one of which marketing is told. Ever reached counts, however late it is heard.
    """
    if _deaf(dossier):
        return Step(dossier)
    newest = (dossier.scored_at, dossier.score_milli, dossier.tier or "") if dossier.scored_at else None
    if newest is None or newest < (at, score_milli, tier):
        ever = mql or dossier.mql
        return Step(replace(dossier, scored_at=at, score_milli=score_milli, tier=tier, action=action, mql=ever))
    return Step(replace(dossier, mql=True) if mql and not dossier.mql else dossier)


def qualified(
    dossier: Dossier,
    *,
    at: datetime,
    episode: int,
    score_milli: int,
    tier: str | None,
    attributes: Attributes | None = None,
) -> Step:
    """Sales must act. One chain of handoffs per episode; a number seen before changes nothing."""
    if _deaf(dossier) or episode in [seen.number for seen in dossier.episodes]:
        return Step(dossier)
    told = {} if attributes is None else news(dossier, at, attributes)
    episodes = (*dossier.episodes, Episode(number=episode, at=at, score_milli=score_milli, tier=tier))
    if dossier.episodes:
        episodes = tuple(sorted(episodes, key=lambda seen: seen.number))
    return _begin(replace(dossier, **told, episodes=episodes, mql=True))


def engaged(
    dossier: Dossier,
    *,
    engagement_id: UUID,
    kind: str,
    at: datetime,
    campaign: str | None = None,
    high_value: bool = False,
) -> Step:
    """`at` is when it happened. High-value behaviour on an owned lead is a task for its owner."""
    if _deaf(dossier):
        return Step(dossier)
    last = dossier.last_engagement
    newest = last is None or (last.at, last.id) < (at, engagement_id)
    seen = Engagement(id=engagement_id, kind=kind, at=at, campaign=campaign) if newest else last
    heard = replace(dossier, last_engagement=seen)
    work = open_handoff(dossier) or open_opportunity_of(dossier)
    if not high_value or work is None:
        return Step(heard)
    handoff_id = work.id if isinstance(work, Handoff) else work.handoff_id
    return Step(heard, (TaskRaised("high_value_engagement", work.owner, handoff_id, (kind,)),))


def breached(dossier: Dossier, *, handoff_id: UUID, cause: str, since: datetime, at: datetime, policy: Recycle) -> Step:
    """A promise whose breach recycles (`untouched`, `silent`): `since` is its clock's start, `at` its due instant.

    The lead is taken back only if the handoff is still open and nothing disproves the promise: no proven contact after
    the clock's start, no dated next step still to come.
    """
    handoff = handoff_by_id(dossier, handoff_id)
    if _deaf(dossier) or handoff is None or not handoff.is_open or _disproved(dossier, handoff, cause, since, at):
        return Step(dossier)
    destination: Destination = policy.silent if cause == "silent" else policy.untouched
    return taken_back(dossier, handoff, cause=cause, destination=destination, at=at, policy=policy)


def escalated(
    dossier: Dossier, *, task_id: UUID, handoff_id: UUID, promise: str, due_at: datetime, manager: str | None
) -> Step:
    """The first contact was not made in time: the manager's task, once per clock (`task_id` is made from its id).

    A proven contact in time that was told late has disproved the breach already.
    """
    handoff = handoff_by_id(dossier, handoff_id)
    if _deaf(dossier) or handoff is None:
        return Step(dossier)
    in_time = any(
        made.handoff_id == handoff_id and not made.unproven and made.occurred_at <= due_at for made in dossier.contacts
    )
    if in_time:
        return Step(dossier)
    told = (promise, handoff.owner)
    return Step(dossier, (TaskRaised("escalation", manager, handoff_id, told, handoff.team, task_id=task_id),))


def nurture_due(dossier: Dossier, *, cadence: str, day: int, content: str, due_at: datetime) -> Step:
    """A step of a cadence: what marketing is to send now. Whom sales has is left to sales."""
    if _deaf(dossier) or owner_of(dossier) is not None:
        return Step(dossier)
    told = (cadence, f"day-{day}", content)
    return Step(dossier, (TaskRaised("nurture", dossier.marketing_owner, None, told, due_at=due_at),))


def taken_back(
    dossier: Dossier, handoff: Handoff, *, cause: str, destination: Destination, at: datetime, policy: Recycle
) -> Step:
    """Recycle: close, then send on. Also the rep's own *no potential now*."""
    end = closed(dossier, handoff, "recycled", at)
    lost = hops(end.dossier, handoff.episode)
    sent = send_on(end.dossier, handoff, destination, cause=cause, at=at, policy=policy)
    pool = sent.dossier.pooled.pool if sent.dossier.pooled else None
    recycled = Recycled(handoff.id, handoff.owner, cause, pool, lost, sent.dossier.wanting is None)
    return Step(sent.dossier, (*end.facts, recycled, *sent.facts))


def erased(dossier: Dossier, *, at: datetime) -> Step:
    """The person is gone; all that stays is that the lead was there."""
    if dossier.erased_at is not None:
        return Step(dossier)
    handoff = open_handoff(dossier)
    facts: tuple[Fact, ...] = ()
    if handoff is not None:
        facts = (HandoffClosed(handoff.id, handoff.owner, handoff.team, "erased"),)
    gone = Dossier(
        lead_id=dossier.lead_id,
        captured_at=dossier.captured_at,
        is_test=dossier.is_test,
        legacy=dossier.legacy,
        erased_at=at,
    )
    return Step(gone, facts)


def _deaf(dossier: Dossier) -> bool:
    return dossier.erased_at is not None or dossier.is_test


def reached_mql(before: Dossier, after: Dossier) -> bool:
    """Whether marketing is to be told now: once, when the lead is known and has reached MQL, in whichever order."""
    return not _is_mql(before) and _is_mql(after)


def _is_mql(dossier: Dossier) -> bool:
    """What an import brought along tells nobody; that a legacy lead crosses the line does."""
    return dossier.captured_at is not None and (bool(dossier.episodes) if dossier.legacy else dossier.mql)


def told_marketing(dossier: Dossier, owner: str) -> Step:
    """The lead has become an MQL: a task for its marketing owner."""
    return Step(dossier, (TaskRaised("mql", owner, None, (dossier.tier or "qualified",)),))


def _begin(dossier: Dossier) -> Step:
    """Start what may start now: every episode not begun, once the lead is known and is not merged away."""
    step = Step(dossier)
    if dossier.captured_at is None or dossier.merges:
        return step
    for episode in dossier.episodes:
        if episode.number > dossier.begun:
            begun = _begin_one(replace(step.dossier, begun=episode.number), episode)
            step = Step(begun.dossier, step.facts + begun.facts)
    return step


def _begin_one(dossier: Dossier, episode: Episode) -> Step:
    work = open_handoff(dossier) or open_opportunity_of(dossier)
    if work is not None:
        handoff_id = work.id if isinstance(work, Handoff) else work.handoff_id
        return Step(dossier, (TaskRaised("qualified_again", work.owner, handoff_id),))
    if dossier.wanting is not None:
        return Step(dossier)
    if dossier.status == "invalid":
        return Step(dossier, (TaskRaised("repair", dossier.marketing_owner),))
    last = dossier.handoffs[-1] if dossier.handoffs else None
    wanting = Wanting(
        episode=episode.number,
        since=episode.at,
        cause="reactivated" if last or dossier.pooled else "qualified",
        previous_handoff_id=last.id if last else None,
    )
    return want_owner(dossier, wanting)


def begin_again(dossier: Dossier) -> Step:
    """After an unmerge: the episodes heard meanwhile."""
    return _begin(dossier)


def _disproved(dossier: Dossier, handoff: Handoff, cause: str, since: datetime, at: datetime) -> bool:
    def disproves(contact: Contact) -> bool:
        if contact.handoff_id != handoff.id or contact.unproven:
            return False
        # a silent clock starts at a contact, which is no proof against it; an untouched one starts at the assignment
        in_time = contact.occurred_at > since or (cause == "untouched" and contact.occurred_at >= since)
        return in_time or (contact.next_step_at is not None and contact.next_step_at > at)

    return any(disproves(contact) for contact in dossier.contacts)
