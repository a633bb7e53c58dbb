"""What is to be said of a lead now: its score where a fact or a tier moved, and each crossing of the line once."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from scorer.domain.change import change_after
from scorer.domain.dossier import Dossier, Ending, Episode, Facts, Standing, effective
from scorer.domain.instants import to_us
from scorer.domain.qualify import qualifies
from scorer.domain.scorecard import Scorecard
from scorer.domain.scoring import Hit, Score, basis_of, explained, hits, total_of

Cause = Literal["fact", "decay", "scorecard"]

LEFT_TIER = "left_tier"


class Scored(msgspec.Struct, frozen=True, gc=False):
    """`lead.scored` is to be emitted; the score itself stands in the outcome."""

    previous_tier: str | None
    cause: Cause


class Outcome(msgspec.Struct, frozen=True):
    """The dossier to keep, what to emit, and when to ask again though no fact arrives.

    `qualified` is the number of the episode that begins. For a lead nothing is said of (not captured yet, a test,
    erased, merged into another) all but the dossier is None.
    """

    dossier: Dossier
    score: Score | None = None
    scored: Scored | None = None
    qualified: int | None = None
    next_change: datetime | None = None


def decide(dossier: Dossier, scorecard: Scorecard, at: datetime) -> Outcome:
    """Call it after facts were folded, at `next_change`, and when a scorecard is to apply to all."""
    if not dossier.is_scored:
        return Outcome(dossier)
    facts = effective(dossier)
    found = hits(dossier, facts, scorecard)
    at_us = to_us(at)
    score = explained(found, scorecard, at, at_us)
    holds = qualifies(scorecard, facts, score.milli, at_us)
    before = dossier.standing
    basis = basis_of(found) if scorecard.decays else ()
    scored = _scored(before, score, holds=holds, found=found, scorecard=scorecard, at_us=at_us)
    standing = Standing(
        scored_milli=score.milli if scored or before is None else before.scored_milli,
        tier=score.tier.name,
        qualifies=holds,
        version=scorecard.version,
        basis=basis,
    )
    episodes = _closed(dossier, scorecard, score, at_us)
    qualified = None
    if holds and _is_armed(episodes, facts, scorecard):
        qualified = len(episodes) + 1
        episodes = (*episodes, Episode(qualified, at_us, score.tier.name, score.tier.from_milli))
    return Outcome(
        dossier=replace(dossier, standing=standing, episodes=episodes),
        score=score,
        scored=scored,
        qualified=qualified,
        next_change=change_after(found, facts, scorecard, at_us, milli=score.milli, qualifying=holds),
    )


def _scored(
    before: Standing | None, score: Score, *, holds: bool, found: list[Hit], scorecard: Scorecard, at_us: int
) -> Scored | None:
    """The first time always; then when the tier or the qualification moved, or a fact moved the points."""
    if before is None:
        return Scored(None, "fact")
    cause = _cause(before, score, found=found, scorecard=scorecard, at_us=at_us)
    if cause is None and before.tier == score.tier.name and before.qualifies == holds:
        return None
    return Scored(before.tier, cause or "decay")


def _cause(before: Standing, score: Score, *, found: list[Hit], scorecard: Scorecard, at_us: int) -> Cause | None:
    """Who moved the points: another scorecard, or facts (then yesterday's facts would give another score now)."""
    if before.version != scorecard.version:
        return "scorecard" if before.scored_milli != score.milli or before.tier != score.tier.name else None
    if not scorecard.decays:
        return "fact" if before.scored_milli != score.milli else None
    if before.basis == basis_of(found):
        return None
    return "fact" if total_of(before.basis, scorecard, at_us) != score.milli else None


def _closed(dossier: Dossier, scorecard: Scorecard, score: Score, at_us: int) -> tuple[Episode, ...]:
    """The episodes, the last one closed if sales let the lead go or it fell below the tier it qualified in."""
    if not dossier.episodes or dossier.episodes[-1].ended_us is not None:
        return dossier.episodes
    episode = dossier.episodes[-1]
    ending = _ending(dossier, episode)
    if ending is not None:
        closed = replace(episode, ended_us=ending.occurred_us, ended_by=ending.id)
    elif _has_left(episode, scorecard, score):
        closed = replace(episode, ended_us=at_us, ended_by=LEFT_TIER)
    else:
        return dossier.episodes
    return (*dossier.episodes[:-1], closed)


def _ending(dossier: Dossier, episode: Episode) -> Ending | None:
    """The first fact that ends this episode: named by it, or at or after its start. One fact ends one episode."""
    spent = {each.ended_by for each in dossier.episodes}
    for ending in dossier.endings:
        concerns = ending.episode == episode.number if ending.episode else ending.occurred_us >= episode.qualified_us
        if concerns and ending.id not in spent:
            return ending
    return None


def _has_left(episode: Episode, scorecard: Scorecard, score: Score) -> bool:
    """Below the tier of that name today; where the scorecard has none of that name, below where it began then."""
    floor_milli = next((tier.from_milli for tier in scorecard.tiers if tier.name == episode.tier), episode.floor_milli)
    return score.milli < floor_milli


def _is_armed(episodes: tuple[Episode, ...], facts: Facts, scorecard: Scorecard) -> bool:
    """Never qualified yet; or the last episode is over and something that qualifies was done after its end."""
    if not episodes:
        return True
    over_us = episodes[-1].ended_us
    if over_us is None:
        return False
    return any(
        row[-1].occurred_us > over_us
        for kind, row in facts.engagements.items()
        if row and kind in scorecard.requalifying
    )
