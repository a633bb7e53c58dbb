"""What a well-formed scorecard does that its author can hardly have meant."""

from collections.abc import Iterator

from scorer.domain.problems import Problem
from scorer.domain.reader import suggest
from scorer.domain.scorecard import MAX_SCORE_MILLI, Group, Scorecard, ScoringRule
from scorer.domain.vocabulary import ENGAGEMENT_KINDS


def lint(scorecard: Scorecard) -> tuple[Problem, ...]:
    return (
        *_unreachable_tiers(scorecard),
        *_qualification(scorecard),
        *_kinds(scorecard),
        *_rules(scorecard),
    )


def highest_milli(scorecard: Scorecard) -> int:
    """The most a lead can score: every positive rule at once, under the caps and exclusions."""
    sums = {group.name: 0 for group in scorecard.groups}
    best = dict(sums)
    for rule in scorecard.rules:
        points = max(rule.points_milli * rule.most, 0)
        sums[rule.group] += points
        best[rule.group] = max(best[rule.group], points)
    total = 0
    for group in scorecard.groups:
        reached = _capped(group, best[group.name] if group.exclusive else sums[group.name])
        if group.within is None:
            total += reached
        else:
            sums[group.within] += reached
    return min(total, MAX_SCORE_MILLI)


def _capped(group: Group, milli: int) -> int:
    return milli if group.cap_milli is None else min(milli, group.cap_milli)


def _unreachable_tiers(scorecard: Scorecard) -> Iterator[Problem]:
    highest = highest_milli(scorecard)
    for tier in scorecard.tiers:
        if tier.from_milli > MAX_SCORE_MILLI:
            yield Problem(f"tiers.{tier.name}", "starts above 100", "scores end at 100: lower it")
        elif tier.from_milli > highest:
            what = f"no lead can reach it: all rules together give {highest / 1000:g}"
            yield Problem(f"tiers.{tier.name}", what, "add points, raise a cap or lower the tier", "warning")
        if tier.claimable_from_milli is not None and tier.claimable_from_milli < tier.from_milli:
            yield Problem(f"tiers.{tier.name}", "claimable_from lies below the tier", "start it inside the band")


def _qualification(scorecard: Scorecard) -> Iterator[Problem]:
    highest = highest_milli(scorecard)
    if scorecard.qualify.windows and not scorecard.high_value:
        yield Problem("high_value", "qualify counts high-value engagements and none is named", "list their kinds")
    for threshold in scorecard.qualify.thresholds_milli:
        if threshold > highest:
            what = f"{threshold / 1000:g} is above what any lead can score ({highest / 1000:g})"
            yield Problem("qualify", what, "add points, raise a cap or lower the line", "warning")


def _kinds(scorecard: Scorecard) -> Iterator[Problem]:
    used = [(f"rules.{rule.id}.kind", kind) for rule in scorecard.rules for kind in rule.kinds]
    used += [("high_value", kind) for kind in sorted(scorecard.high_value)]
    for path, kind in used:
        if kind not in ENGAGEMENT_KINDS:
            yield Problem(path, f"{kind} is no kind Baton knows", suggest(kind, ENGAGEMENT_KINDS), "warning")


def _rules(scorecard: Scorecard) -> Iterator[Problem]:
    exclusive = {group.name for group in scorecard.groups if group.exclusive}
    first: dict[object, ScoringRule] = {}
    for rule in scorecard.rules:
        if rule.points_milli == 0:
            yield Problem(
                f"rules.{rule.id}.points", "0 points change nothing", "give it points or remove it", "warning"
            )
        trigger = (rule.when.expression.strip() if rule.when else None, frozenset(rule.kinds), frozenset(rule.contents))
        earlier = first.setdefault(trigger, rule)
        if earlier is rule:
            continue
        if rule.group == earlier.group and rule.group in exclusive:
            lower = min(rule, earlier, key=lambda each: each.points_milli)
            what = f"can never count: {rule.id} and {earlier.id} match the same leads and the highest counts"
            yield Problem(f"rules.{lower.id}", what, "remove one", "warning")
        else:
            yield Problem(f"rules.{rule.id}", f"matches exactly what {earlier.id} matches", "join them", "warning")
