"""A scorecard: tiers, groups and rules, compiled and ready to score. Built only by `parse`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from scorer.domain.decay import NO_DECAY, Decay
from shared.rules import Rule

Action = Literal["assign", "nurture", "content", "store"]
Label = Literal["MQL", "SQL"]

MAX_SCORE_MILLI = 100_000
MEMO_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Tier:
    """A half-open band from `from_milli` up to the next tier. `claimable_from_milli`: reps may claim from there."""

    name: str
    from_milli: int
    action: Action
    label: Label | None = None
    claimable_from_milli: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are bounded together; in an exclusive group only the highest counts. `within` is its outer group."""

    name: str
    cap_milli: int | None = None
    exclusive: bool = False
    within: str | None = None


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """Points for what a lead is (`when`), for what it did (`kinds`), or for both at once.

    `most` is how many engagements count: 1 unless the rule says `each`. `contents` are lower-case; a trailing `*`
    matches any ending.
    """

    id: str
    group: str
    points_milli: int
    when: Rule | None = None
    kinds: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    most: int = 1
    decay: Decay = NO_DECAY
    title: Mapping[str, str] = field(default_factory=dict[str, str])
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Qualification:
    """The line where sales must act; `windows` pairs each `high_value(N)` variable with its length."""

    expression: str
    rule: Rule
    windows: tuple[tuple[str, int], ...]
    thresholds_milli: tuple[int, ...]
    lead_uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a scorecard that is applied to all may move leads, so that nobody is flooded."""

    leads_per_minute: int = 6000
    crossings_per_minute: int = 30


FitKey = tuple[object, ...]
FitAnswer = tuple[tuple[ScoringRule, ...], tuple[tuple[str, str], ...]]
"""The rules that a lead's attributes leave in play, in the scorecard's order, and those that could not be decided."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """`tiers` ascend, `groups` stand before the group they are within. `requalifying` kinds can start a new episode."""

    version: int
    tiers: tuple[Tier, ...]
    groups: tuple[Group, ...]
    rules: tuple[ScoringRule, ...]
    high_value: frozenset[str]
    qualify: Qualification
    requalifying: frozenset[str]
    rules_by_id: Mapping[str, ScoringRule]
    fit_uses: tuple[str, ...]
    bounds_milli: tuple[int, ...]
    decays: bool
    pace: Pace = Pace()
    # Leads share few combinations of attributes, so each is asked of CEL once. Memos: they change no answer.
    fit_memo: dict[FitKey, FitAnswer] = field(default_factory=dict[FitKey, FitAnswer], compare=False, repr=False)
    line_memo: dict[FitKey, bool] = field(default_factory=dict[FitKey, bool], compare=False, repr=False)


def tier_rank(scorecard: Scorecard, milli: int) -> int:
    """The index of the tier that holds this score; a lower edge belongs to the tier above it."""
    rank = 0
    for index, tier in enumerate(scorecard.tiers):
        if milli >= tier.from_milli:
            rank = index
    return rank
