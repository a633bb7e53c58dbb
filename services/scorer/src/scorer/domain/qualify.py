"""The qualification line: CEL over score, tier, the lead's attributes and `high_value(days)`."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping

from scorer.domain.dossier import Facts
from scorer.domain.instants import DAY_US
from scorer.domain.reader import Reader, suggest
from scorer.domain.scorecard import MEMO_SIZE, Qualification, Scorecard, Tier, tier_rank
from shared.rules import RuleRefused, VariableType, compile_rule, mask

_WINDOW = re.compile(r"(?<![\w.])high_value\(\s*(\d{1,4})\s*\)")
_SCORE = re.compile(r"(?<![\w.])score(?![\w.])")
_NUMBER = r"(\d+(?:\.\d+)?)"
_ABOVE = re.compile(rf"(?<![\w.])score\s*(?:<=|>=|==|!=|<|>)\s*{_NUMBER}(?!\s*[\w.+\-*/%])")
_BELOW = re.compile(rf"(?<![\w.+\-*/%]){_NUMBER}\s*(?:<=|>=|==|!=|<|>)\s*score(?![\w.])(?!\s*[+\-*/%])")
_TIER = re.compile(r"(?<![\w.])tier\s*[!=]=\s*[\"']([^\"']*)[\"']")


def parse_qualify(
    read: Reader, value: object, declared: Mapping[str, VariableType], tiers: tuple[Tier, ...]
) -> Qualification | None:
    """The compiled line; each `high_value(N)` becomes a variable of the same width, so that columns stay."""
    if value is None:
        read.refuse("qualify", "missing", "say when sales must act: qualify: 'score >= 80'")
        return None
    expression = read.text("qualify", value)
    masked = mask(expression)
    windows = {f"high_value_{int(days)}": int(days) for days in _WINDOW.findall(masked)}
    if any(days == 0 for days in windows.values()):
        read.refuse("qualify", "high_value(0) never counts anything", "write at least one day")
    names: dict[str, VariableType] = {**declared, "score": "number", "tier": "string"}
    names |= dict.fromkeys(windows, "int")
    try:
        rule = compile_rule(_with_windows(expression, masked), names)
    except RuleRefused as refused:
        for problem in refused.problems:
            what = f"line {problem.line}, column {problem.column}: {problem.what}"
            read.refuse("qualify", what, problem.fix or "correct the expression")
        return None
    known = {tier.name for tier in tiers}
    for name in _TIER.findall(expression):
        if name not in known:
            read.refuse("qualify", f"there is no tier {name}", suggest(name, known))
    spans = tuple((name, days * DAY_US) for name, days in sorted(windows.items()))
    lead_uses = tuple(sorted(name for name in rule.uses if name.startswith("lead.")))
    return Qualification(expression, rule, spans, _thresholds(read, masked), lead_uses)


def qualifies(scorecard: Scorecard, facts: Facts, score_milli: int, at_us: int) -> bool:
    counts = {name: high_value_count(scorecard, facts, at_us - span_us) for name, span_us in scorecard.qualify.windows}
    return line_holds(scorecard, facts, score_milli, counts)


def line_holds(scorecard: Scorecard, facts: Facts, score_milli: int, counts: Mapping[str, int]) -> bool:
    """The line's answer with these counts of high-value engagements, by the variable of their window."""
    line = scorecard.qualify
    values: dict[str, object] = dict(counts)
    for name in line.lead_uses:
        attribute = facts.attributes.get(name[5:])
        values[name] = None if attribute is None else attribute.value
    # the score is compared with the bounds alone, so all scores between two of them are one question
    band = bisect_left(scorecard.bounds_milli, score_milli), bisect_right(scorecard.bounds_milli, score_milli)
    key = (band, *values.values())
    answer = scorecard.line_memo.get(key)
    if answer is None:
        tier = scorecard.tiers[tier_rank(scorecard, score_milli)].name
        answer = line.rule.matches({**values, "score": score_milli / 1000, "tier": tier})
        if len(scorecard.line_memo) >= MEMO_SIZE:
            scorecard.line_memo.clear()
        scorecard.line_memo[key] = answer
    return answer


def high_value_count(scorecard: Scorecard, facts: Facts, after_us: int) -> int:
    """High-value engagements younger than `after_us`; each one counts, also of the same kind."""
    count = 0
    for kind, engagements in facts.engagements.items():
        if kind in scorecard.high_value:
            count += len([each for each in engagements if each.occurred_us > after_us])
    return count


def high_value_ends_us(scorecard: Scorecard, facts: Facts) -> set[int]:
    """When each high-value engagement falls out of each window."""
    return {
        engagement.occurred_us + span_us
        for kind, engagements in facts.engagements.items()
        if kind in scorecard.high_value
        for engagement in engagements
        for _, span_us in scorecard.qualify.windows
    }


def _with_windows(expression: str, masked: str) -> str:
    flat = expression
    for match in _WINDOW.finditer(masked):
        name = f"high_value_{int(match.group(1))}".ljust(match.end() - match.start())
        flat = flat[: match.start()] + name + flat[match.end() :]
    return flat


def _thresholds(read: Reader, masked: str) -> tuple[int, ...]:
    """The scores at which the answer can change: the search for the next change needs them all."""
    found = [*_ABOVE.finditer(masked), *_BELOW.finditer(masked)]
    plain = [match for match in found if not masked[: match.start()].rstrip().endswith(("+", "-", "*", "/", "%"))]
    if len(_SCORE.findall(masked)) != len(plain):
        read.refuse("qualify", "score is not compared with a plain number", "write it like `score >= 80`")
    return tuple(read.milli("qualify", float(match.group(1))) for match in plain)
