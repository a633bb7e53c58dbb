"""Two leads that are one person: each lane touches its own lead only, and what the survivor needs is carried to it."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from router.domain.changes import closed, want_owner
from router.domain.dossier import Dossier, Handoff, Merge, Wanting, hops, open_handoff, open_opportunity_of
from router.domain.facts import CarriedOut, Fact, Offered, OwnerWanted, Step
from router.domain.hearing import begin_again


def merged(dossier: Dossier, *, merge_id: UUID, into: UUID, at: datetime) -> Step:
    """This lead is `into` from now on: its open handoff closes as merged, and its history is carried over."""
    known = any(merge.id == merge_id for merge in dossier.merges)
    if dossier.erased_at is not None or known or merge_id in dossier.unmerged:
        return Step(dossier)
    handoff = open_handoff(dossier)
    episode = handoff.episode if handoff else (dossier.wanting.episode if dossier.wanting else None)
    carried = CarriedOut(
        merge_id,
        into,
        handoffs=dossier.handoffs,
        contacts=dossier.contacts,
        open_handoff=handoff,
        wanting_episode=episode if handoff is None else None,
        hops=0 if episode is None else hops(dossier, episode),
    )
    away = replace(
        dossier, merges=(*dossier.merges, Merge(id=merge_id, into=into, wanting=dossier.wanting)), wanting=None
    )
    if handoff is None:
        return Step(away, (carried,))
    end = closed(away, replace(handoff, merge_id=merge_id), "merged", at)
    return Step(end.dossier, (*end.facts, carried))


def carried_in(dossier: Dossier, bundle: CarriedOut, *, handoff_id: UUID, at: datetime) -> Step:
    """What a loser's lane sent: contacts by id, and its open handoff if the survivor has no owner of its own."""
    if dossier.erased_at is not None or bundle.merge_id in dossier.unmerged:
        return Step(dossier)
    known = {contact.id for contact in dossier.contacts}
    fresh = tuple(replace(made, merge_id=bundle.merge_id) for made in bundle.contacts if made.id not in known)
    heard = replace(dossier, contacts=(*dossier.contacts, *fresh))
    if bundle.merge_id in dossier.carried or not (bundle.handoffs or bundle.open_handoff or bundle.wanting_episode):
        return Step(heard)
    heard = replace(heard, carried=(*dossier.carried, bundle.merge_id), carried_hops=dossier.carried_hops + bundle.hops)
    if open_handoff(heard) or open_opportunity_of(heard):
        return Step(heard)
    if bundle.open_handoff is not None:
        return _passed_over(heard, bundle.open_handoff, bundle.merge_id, handoff_id, at)
    if bundle.wanting_episode is not None and heard.wanting is None:
        return want_owner(heard, Wanting(episode=heard.begun, since=at, cause="merged"))
    return Step(heard)


def unmerged(dossier: Dossier, *, merge_id: UUID, at: datetime) -> Step:
    """The loser is itself again: a handoff that the merge closed is routed again, and what was heard meanwhile begins."""
    if dossier.erased_at is not None or merge_id in dossier.unmerged:
        return Step(dossier)
    undone = next((merge for merge in dossier.merges if merge.id == merge_id), None)
    kept = tuple(merge for merge in dossier.merges if merge.id != merge_id)
    back = replace(dossier, merges=kept, unmerged=(*dossier.unmerged, merge_id))
    if undone is None or kept:
        return Step(back)
    ended = next((handoff for handoff in reversed(back.handoffs) if handoff.merge_id == merge_id), None)
    if ended is not None:
        step = want_owner(
            back, Wanting(episode=ended.episode, since=at, cause="unmerged", previous_handoff_id=ended.id)
        )
    else:
        step = Step(back) if undone.wanting is None else want_owner(back, undone.wanting)
    begun = begin_again(step.dossier)
    return Step(begun.dossier, (*step.facts, *begun.facts))


def restored(dossier: Dossier, *, merge_id: UUID, at: datetime) -> Step:
    """The survivor gives back what the merge brought."""
    if dossier.erased_at is not None or merge_id in dossier.unmerged:
        return Step(dossier)
    contacts = tuple(contact for contact in dossier.contacts if contact.merge_id != merge_id)
    back = replace(dossier, contacts=contacts, unmerged=(*dossier.unmerged, merge_id))
    handoff = open_handoff(back)
    if handoff is None or handoff.merge_id != merge_id:
        return Step(back)
    return closed(back, handoff, "merged", at)


def _passed_over(dossier: Dossier, passed: Handoff, merge_id: UUID, handoff_id: UUID, at: datetime) -> Step:
    """The loser's owner keeps the person: a handoff of the survivor's, as far along as the loser's was."""
    handoff = replace(passed, id=handoff_id, cause="merged", offered_at=at, merge_id=merge_id, episode=dossier.begun)
    after = replace(dossier, handoffs=(*dossier.handoffs, handoff), wanting=None, pooled=None)
    return Step(after, (Offered(handoff, passed.id, hops(dossier, handoff.episode)),))


def wanted(facts: tuple[Fact, ...]) -> bool:
    """Whether a step left the lead in want of an owner."""
    return any(isinstance(fact, OwnerWanted) for fact in facts)
