"""What differs between two scorecards, as a list that words are made from. Titles and reasons score nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from scorer.domain.decay import Decay
from scorer.domain.instants import DAY_US
from scorer.domain.scorecard import Group, Scorecard, ScoringRule, Tier

What = Literal["tier", "group", "rule", "line", "high_value", "requalify"]
Shown = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was: `before` and `after` by field, None where it is not there at all."""

    what: What
    name: str
    before: Mapping[str, Shown] | None
    after: Mapping[str, Shown] | None


def differences(live: Scorecard, draft: Scorecard) -> tuple[Change, ...]:
    """From live to draft. Only fields that changed are named, of new and removed ones all."""
    return (
        *_named(
            "tier", {each.name: _tier(each) for each in live.tiers}, {each.name: _tier(each) for each in draft.tiers}
        ),
        *_named(
            "group",
            {each.name: _group(each) for each in live.groups},
            {each.name: _group(each) for each in draft.groups},
        ),
        *_named("rule", {each.id: _rule(each) for each in live.rules}, {each.id: _rule(each) for each in draft.rules}),
        *_single("line", live.qualify.expression.strip(), draft.qualify.expression.strip()),
        *_single("high_value", _listed(live.high_value), _listed(draft.high_value)),
        *_single("requalify", _listed(live.requalifying), _listed(draft.requalifying)),
    )


def _named(
    what: What, live: Mapping[str, Mapping[str, Shown]], draft: Mapping[str, Mapping[str, Shown]]
) -> Iterator[Change]:
    for name in [*live, *(name for name in draft if name not in live)]:
        before, after = live.get(name), draft.get(name)
        if before == after:
            continue
        if before is None or after is None:
            kept_before = None if before is None else _filled(before)
            yield Change(what, name, kept_before, None if after is None else _filled(after))
        else:
            moved = [field for field in before if before[field] != after[field]]
            yield Change(
                what, name, {field: before[field] for field in moved}, {field: after[field] for field in moved}
            )


def _single(what: What, before: str, after: str) -> Iterator[Change]:
    if before != after:
        yield Change(what, "", {"is": before or None}, {"is": after or None})


def _filled(fields: Mapping[str, Shown]) -> Mapping[str, Shown]:
    return {field: value for field, value in fields.items() if value not in (None, "", False)}


def _tier(tier: Tier) -> Mapping[str, Shown]:
    claimable = tier.claimable_from_milli
    return {
        "from": tier.from_milli / 1000,
        "action": tier.action,
        "label": tier.label,
        "claimable": None if claimable is None else claimable / 1000,
    }


def _group(group: Group) -> Mapping[str, Shown]:
    return {
        "cap": None if group.cap_milli is None else group.cap_milli / 1000,
        "exclusive": group.exclusive,
        "within": group.within,
    }


def _rule(rule: ScoringRule) -> Mapping[str, Shown]:
    return {
        "points": rule.points_milli / 1000,
        "group": rule.group,
        "when": rule.when.expression.strip() if rule.when else None,
        "kinds": _listed(rule.kinds) or None,
        "contents": _listed(rule.contents) or None,
        "most": rule.most if rule.most > 1 else None,
        "decay": _decay(rule.decay),
    }


def _decay(decay: Decay) -> str | None:
    return None if decay.kind == "none" else f"{decay.kind}({decay.span_us / DAY_US:g})"


def _listed(names: frozenset[str] | tuple[str, ...]) -> str:
    return ", ".join(sorted(names))
