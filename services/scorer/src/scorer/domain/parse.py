"""From a scorecard document (interfaces: tiers, groups, rules, high_value, qualify) to a compiled scorecard."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from scorer.domain.decay import NO_DECAY, Decay
from scorer.domain.dossier import RETAINED_PER_KIND
from scorer.domain.instants import DAY_US
from scorer.domain.lint import lint
from scorer.domain.problems import Problem
from scorer.domain.qualify import parse_qualify
from scorer.domain.reader import Reader, suggest
from scorer.domain.scorecard import Action, Group, Label, Pace, Qualification, Scorecard, ScoringRule, Tier
from scorer.domain.vocabulary import LEAD_ATTRIBUTES
from shared.rules import Rule, RuleRefused, VariableType, compile_rule

_DOCUMENT = ("name", "description", "tiers", "groups", "rules", "high_value", "qualify", "requalify", "decay", "apply")
_TIER = ("name", "from", "to", "action", "label", "claimable_from")
_GROUP = ("name", "cap", "exclusive", "within", "title")
_RULE = ("id", "group", "points", "when", "kind", "content", "each", "max", "decay", "title", "reason")
_PACE = ("leads_per_minute", "crossings_per_minute")
_DECAY_TEXT = re.compile(r"^\s*(linear|half_life|window)\s*\(\s*(\d+(?:\.\d+)?)\s*\)\s*$")

MAX_RULES = 500
MAX_PER_MINUTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Parsed:
    """The scorecard, or None where there are errors; the problems hold warnings too."""

    scorecard: Scorecard | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")


@dataclass(frozen=True, slots=True)
class _Known:
    """What a rule may refer to, and the decay of rules that name none."""

    declared: Mapping[str, VariableType]
    groups: frozenset[str]
    decay: Decay


def parse(document: object, version: int, attributes: Mapping[str, VariableType] = LEAD_ATTRIBUTES) -> Parsed:
    """Everything that is wrong with the document at once, and the scorecard if nothing forbids it."""
    read = Reader()
    table = read.table("", document, _DOCUMENT)
    declared: dict[str, VariableType] = {f"lead.{name}": kind for name, kind in attributes.items()}
    default_decay = _decay(read, "decay", table.get("decay"), NO_DECAY)
    tiers = _tiers(read, table.get("tiers"))
    groups = _groups(read, table.get("groups"))
    known = _Known(declared, frozenset(group.name for group in groups), default_decay)
    rules = _rules(read, table.get("rules"), known)
    high_value = frozenset(read.names("high_value", table.get("high_value")))
    pace = _pace(read, table.get("apply"))
    qualify = parse_qualify(read, table.get("qualify"), declared, tiers)
    if read.problems or qualify is None:
        return Parsed(None, tuple(read.problems))
    requalify = "high_value" if qualify.windows else "any"
    if table.get("requalify") is not None:
        requalify = read.choice("requalify", table.get("requalify"), ("high_value", "any"))
    scorecard = _compiled(
        version,
        tiers=tiers,
        groups=groups,
        rules=rules,
        high_value=high_value,
        qualify=qualify,
        requalify=requalify,
        pace=pace,
    )
    return _checked(scorecard, read)


def _checked(scorecard: Scorecard, read: Reader) -> Parsed:
    problems = (*read.problems, *lint(scorecard))
    failed = any(problem.severity == "error" for problem in problems)
    return Parsed(None if failed else scorecard, problems)


def _compiled(
    version: int,
    *,
    tiers: tuple[Tier, ...],
    groups: tuple[Group, ...],
    rules: tuple[ScoringRule, ...],
    high_value: frozenset[str],
    qualify: Qualification,
    requalify: str,
    pace: Pace,
) -> Scorecard:
    scored_kinds = frozenset(kind for rule in rules if rule.points_milli > 0 for kind in rule.kinds)
    uses = {name for rule in rules if rule.when is not None for name in rule.when.uses}
    return Scorecard(
        version=version,
        tiers=tiers,
        groups=groups,
        rules=rules,
        high_value=high_value,
        qualify=qualify,
        requalifying=high_value if requalify == "high_value" else high_value | scored_kinds,
        rules_by_id={rule.id: rule for rule in rules},
        fit_uses=tuple(sorted(uses)),
        bounds_milli=tuple(sorted({tier.from_milli for tier in tiers} | set(qualify.thresholds_milli))),
        decays=any(rule.decay.kind != "none" for rule in rules),
        pace=pace,
    )


def _pace(read: Reader, value: object) -> Pace:
    if value is None:
        return Pace()
    table = read.table("apply", value, _PACE)
    bounds: dict[str, int] = {}
    for name in [each for each in _PACE if each in table]:
        bound = read.number(f"apply.{name}", table[name])
        if bound != int(bound) or not 1 <= bound <= MAX_PER_MINUTE:
            read.refuse(f"apply.{name}", f"{bound} is out of range", f"write a whole number from 1 to {MAX_PER_MINUTE}")
        bounds[name] = int(bound)
    return Pace(**bounds)


def _tiers(read: Reader, value: object) -> tuple[Tier, ...]:
    found: list[tuple[Tier, int | None, str]] = []
    for index, item in enumerate(read.items("tiers", value)):
        path = f"tiers[{index}]"
        table = read.table(path, item, _TIER)
        claimable = table.get("claimable_from")
        label = table.get("label")
        tier = Tier(
            name=read.text(f"{path}.name", table.get("name")),
            from_milli=read.milli(f"{path}.from", table.get("from")),
            action=cast(
                "Action", read.choice(f"{path}.action", table.get("action"), ("assign", "nurture", "content", "store"))
            ),
            label=None if label is None else cast("Label", read.choice(f"{path}.label", label, ("MQL", "SQL"))),
            claimable_from_milli=None if claimable is None else read.milli(f"{path}.claimable_from", claimable),
        )
        to_milli = None if table.get("to") is None else read.milli(f"{path}.to", table.get("to"))
        found.append((tier, to_milli, path))
    found.sort(key=lambda entry: entry[0].from_milli)
    _check_bands(read, found)
    return tuple(tier for tier, _, _ in found)


def _check_bands(read: Reader, found: list[tuple[Tier, int | None, str]]) -> None:
    """Half-open bands must cover 0 to 100 without a gap or an overlap."""
    if not found:
        read.refuse("tiers", "there is no tier", "add at least {name: raw, from: 0, action: store}")
        return
    lowest, _, path = found[0]
    if lowest.from_milli > 0:
        read.refuse(f"{path}.from", f"a gap from 0 to {_points(lowest.from_milli)}", "let the lowest tier start at 0")
    _check_repeats(read, "tiers", [(tier.name, f"{path}.name") for tier, _, path in found])
    for (tier, to_milli, path), (above, _, above_path) in pairwise(found):
        if tier.from_milli == above.from_milli:
            what = f"{tier.name} and {above.name} both start at {_points(tier.from_milli)}"
            read.refuse(f"{above_path}.from", what, "one of them can never be reached: move it")
        elif to_milli is not None and to_milli != above.from_milli:
            word = "gap" if to_milli < above.from_milli else "overlap"
            what = f"{word} between {tier.name} (to {_points(to_milli)}) and {above.name}"
            read.refuse(f"{path}.to", what, f"set it to {_points(above.from_milli)}, or leave `to` out")


def _groups(read: Reader, value: object) -> tuple[Group, ...]:
    groups: list[tuple[Group, str]] = []
    for index, item in enumerate(read.items("groups", value)):
        path = f"groups[{index}]"
        table = read.table(path, item, _GROUP)
        within = table.get("within")
        cap = table.get("cap")
        group = Group(
            name=read.text(f"{path}.name", table.get("name")),
            cap_milli=None if cap is None else read.milli(f"{path}.cap", cap),
            exclusive=read.flag(f"{path}.exclusive", table.get("exclusive")),
            within=None if within is None else read.text(f"{path}.within", within),
        )
        if group.cap_milli is not None and group.cap_milli < 0:
            read.refuse(f"{path}.cap", "a cap below 0", "write the most this group may give, 0 or more")
        groups.append((group, path))
    _check_repeats(read, "groups", [(group.name, f"{path}.name") for group, path in groups])
    return _outermost_last(read, groups)


def _outermost_last(read: Reader, groups: list[tuple[Group, str]]) -> tuple[Group, ...]:
    by_name = {group.name: group for group, _ in groups}
    depth: dict[str, int] = {}
    for group, path in groups:
        seen = [group.name]
        outer = group.within
        while outer is not None:
            if outer not in by_name:
                read.refuse(f"{path}.within", f"there is no group {outer}", suggest(outer, by_name))
                break
            if outer in seen:
                read.refuse(f"{path}.within", f"{group.name} lies within itself", "break the circle")
                break
            if by_name[outer].exclusive:
                read.refuse(f"{path}.within", f"{outer} is exclusive", "an exclusive group holds rules only")
            seen.append(outer)
            outer = by_name[outer].within
        depth[group.name] = len(seen)
    return tuple(sorted((group for group, _ in groups), key=lambda group: -depth[group.name]))


def _rules(read: Reader, value: object, known: _Known) -> tuple[ScoringRule, ...]:
    items = read.items("rules", value)
    if len(items) > MAX_RULES:
        read.refuse("rules", f"{len(items)} rules", f"at most {MAX_RULES} are allowed")
        return ()
    rules = [_rule(read, f"rules[{index}]", item, known) for index, item in enumerate(items)]
    _check_repeats(read, "rules", [(rule.id, f"rules[{index}].id") for index, rule in enumerate(rules)])
    return tuple(rules)


def _rule(read: Reader, path: str, item: object, known: _Known) -> ScoringRule:
    table = read.table(path, item, _RULE)
    group = read.text(f"{path}.group", table.get("group"))
    if table.get("group") is not None and group not in known.groups:
        read.refuse(f"{path}.group", f"there is no group {group}", suggest(group, known.groups))
    kinds = read.names(f"{path}.kind", table.get("kind"))
    when = table.get("when")
    if when is None and not kinds:
        read.refuse(path, "neither `when` nor `kind`", "say who or what scores: when: 'lead.industry == \"retail\"'")
    if not kinds:
        for key in ("content", "each", "max"):
            if key in table:
                read.refuse(f"{path}.{key}", "counts only engagements", "add `kind`, or leave it out")
    return ScoringRule(
        id=read.text(f"{path}.id", table.get("id")),
        group=group,
        points_milli=read.milli(f"{path}.points", table.get("points")),
        when=None if when is None else _when(read, f"{path}.when", when, known.declared),
        kinds=kinds,
        contents=tuple(text.casefold() for text in read.names(f"{path}.content", table.get("content"))),
        most=_most(read, path, table),
        decay=_decay(read, f"{path}.decay", table.get("decay"), known.decay),
        title=_title(read, f"{path}.title", table.get("title")),
        reason=read.text(f"{path}.reason", table.get("reason"), default=" ").strip(),
    )


def _when(read: Reader, path: str, value: object, declared: Mapping[str, VariableType]) -> Rule | None:
    try:
        return compile_rule(read.text(path, value), declared)
    except RuleRefused as refused:
        for problem in refused.problems:
            what = f"line {problem.line}, column {problem.column}: {problem.what}"
            read.refuse(path, what, problem.fix or "correct the expression")
        return None


def _most(read: Reader, path: str, table: Mapping[str, object]) -> int:
    if not read.flag(f"{path}.each", table.get("each")):
        if "max" in table:
            read.refuse(f"{path}.max", "each kind counts once here", "add `each: true`, or leave `max` out")
        return 1
    if table.get("max") is None:
        return RETAINED_PER_KIND
    most = read.number(f"{path}.max", table.get("max"))
    if most != int(most) or not 1 <= most <= RETAINED_PER_KIND:
        read.refuse(f"{path}.max", f"{most} is out of range", f"write a whole number from 1 to {RETAINED_PER_KIND}")
        return 1
    return int(most)


def _decay(read: Reader, path: str, value: object, default: Decay) -> Decay:
    """`none`, `linear(30)` or `{linear: 30}`; lengths in days."""
    kind: object = None
    days: object = None
    match value:
        case None:
            return default
        case "none":
            return NO_DECAY
        case str():
            written = _DECAY_TEXT.match(value)
            if written is not None:
                kind, days = written.group(1), float(written.group(2))
        case {**pairs} if len(pairs) == 1:
            kind, days = next(iter(cast("dict[object, object]", pairs).items()))
        case _:
            pass
    if kind not in {"linear", "half_life", "window"}:
        read.refuse(path, f"{value!r} is no decay", "write none, linear(30), half_life(14) or window(7), in days")
        return NO_DECAY
    length = read.number(path, days)
    if not 0 < length <= 3650:
        read.refuse(path, f"{length} days", "write more than 0 and at most 3650 days")
        return NO_DECAY
    return Decay(cast("str", kind), int(length * DAY_US))  # pyright: ignore[reportArgumentType]


def _title(read: Reader, path: str, value: object) -> Mapping[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"en": value}
    table = read.table(path, value, ("en", "zh", "vi"))
    return {language: read.text(f"{path}.{language}", text) for language, text in table.items()}


def _check_repeats(read: Reader, what: str, named: list[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for name, path in named:
        if name in seen and name != "?":
            read.refuse(path, f"{name} stands twice in {what}", "give each its own name")
        seen.add(name)


def _points(milli: int) -> str:
    return f"{milli / 1000:g}"
