"""Rules written in CEL: compiled once when a policy is saved, then asked about many leads.

A rule sees only the variables that were declared for it, under their dotted names (`lead.industry`, `score`).
A missing value is no match: `lead.country != "VN"` says nothing about a lead whose country is unknown;
`has(lead.country)` asks whether it is known. The engine bounds iterations and nesting; the length is bounded here.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, cast

from cel_expr_python import cel

VariableType = Literal["string", "int", "number", "bool", "list", "timestamp", "map"]

MAX_EXPRESSION_CHARS = 2_000

_CEL_TYPES: dict[VariableType, cel.Type] = {
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "number": cel.Type.DYN,  # CEL refuses `score >= 80` on doubles when compiling, and compares it well when running
    "bool": cel.Type.BOOL,
    "list": cel.Type.List(cel.Type.STRING),
    "timestamp": cel.Type.TIMESTAMP,
    "map": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
}
_PROBES: dict[VariableType, object] = {
    "string": "x",
    "int": 1,
    "number": 1.5,
    "bool": True,
    "list": ["x"],
    "timestamp": datetime(2024, 1, 1, tzinfo=UTC),
    "map": {},
}
_REFUSED_AT_SAVE = ("No matching overloads", "invalid regular expression", "Iteration budget exceeded")

_QUOTED = re.compile(
    r'[bB]?[rR]"[^"\n]*"'
    r"|[bB]?[rR]'[^'\n]*'"
    r'|"""(?:\\.|[^\\])*?"""'
    r"|'''(?:\\.|[^\\])*?'''"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'"
    r"|//[^\n]*",
    re.DOTALL,
)
_HAS = re.compile(r"(?<![\w.])has\(\s*([A-Za-z_][\w.]*)\s*\)")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_FRACTION = re.compile(r"(?<![\w.])(\d+)\.(\d+)(?![\w.])")
_COMPLAINT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """What is wrong with an expression, where (line and column from 1), and what to do about it."""

    what: str
    line: int
    column: int
    fix: str = ""

    def __str__(self) -> str:
        place = f"column {self.column}" if self.line == 1 else f"line {self.line}, column {self.column}"
        return f"{place}: {self.what}" + (f"; {self.fix}" if self.fix else "")


class RuleRefused(ValueError):
    """An expression that cannot be saved."""

    def __init__(self, expression: str, problems: tuple[RuleProblem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.expression = expression
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a rule matched; `problem` says why it could not be decided, which counts as no match."""

    matched: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled expression. `uses` are the declared variables it mentions, in name order."""

    expression: str
    uses: tuple[str, ...]
    _program: cel.Expression
    _presence: tuple[tuple[str, str], ...]

    def matches(self, values: Mapping[str, object]) -> bool:
        return self.answer(values).matched

    def answer(self, values: Mapping[str, object]) -> Answer:
        """The rule's yes or no about `values` (by dotted name; absent and None are the same)."""
        bound: dict[str, Any] = {}
        for name in self.uses:
            value = values.get(name)
            if value is not None:
                bound[name] = _bindable(value)
        for flag, name in self._presence:
            bound[flag] = values.get(name) is not None
        return _ask(self._program, bound)


def compile_rule(expression: str, declared_variables: Mapping[str, VariableType]) -> Rule:
    """The rule `expression` over `declared_variables`; raises RuleRefused with every problem and its column."""
    if len(expression) > MAX_EXPRESSION_CHARS:
        what = f"the expression has {len(expression):,} characters"
        raise _refused(expression, what, fix=f"at most {MAX_EXPRESSION_CHARS:,} are allowed: split the rule")
    if not expression.strip():
        raise _refused(expression, "the expression is empty", fix="write a condition, or `true`")
    masked = mask(expression)
    names = {match.group() for match in _NAME.finditer(masked)}
    uses = tuple(sorted(name for name in declared_variables if any(_mentions(found, name) for found in names)))
    presence = _presence_asked(masked, declared_variables, expression)
    flat = _with_presence_flags(expression, masked)
    _check_numbers(expression, flat, declared_variables, uses)
    program = _compiled(expression, flat, declared_variables)
    if program.return_type() != cel.Type.BOOL:
        kind = program.return_type().name().lower()
        raise _refused(expression, f"the result is a {kind}, not true or false", fix="compare it with something")
    rule = Rule(expression, uses, program, presence)
    _probe(rule, declared_variables)
    return rule


def mask(expression: str) -> str:
    """The expression with every text and comment blanked out, character for character, so that columns stay."""
    return _QUOTED.sub(lambda match: '"' + " " * (len(match.group()) - 2) + '"', expression)


def _mentions(found: str, declared: str) -> bool:
    return found == declared or found.startswith(declared + ".")


def _presence_asked(masked: str, declared: Mapping[str, VariableType], expression: str) -> tuple[tuple[str, str], ...]:
    asked = {(match.group(1), match.start(1)) for match in _HAS.finditer(masked)}
    for name, offset in asked:
        if name not in declared:
            raise RuleRefused(expression, (_unknown(name, declared, *_place(masked, offset)),))
    return tuple(sorted((_flag(name), name) for name, _ in asked))


def _flag(name: str) -> str:
    return "has_" + name.replace(".", "_")


def _with_presence_flags(expression: str, masked: str) -> str:
    """`has(lead.x)` as a variable of the same width: the engine takes no has() of a dotted variable."""
    flat = expression
    for match in _HAS.finditer(masked):
        flag = _flag(match.group(1)).ljust(match.end() - match.start())
        flat = flat[: match.start()] + flag + flat[match.end() :]
    return flat


@lru_cache(maxsize=64)
def _environment(declared: tuple[tuple[str, VariableType], ...], number: VariableType) -> cel.Env:
    kinds = {name: _CEL_TYPES[number if kind == "number" else kind] for name, kind in declared}
    flags = {_flag(name): cel.Type.BOOL for name in kinds}
    return cel.NewEnv(variables=flags | kinds)


def _compiled(
    expression: str, flat: str, declared: Mapping[str, VariableType], number: VariableType = "number"
) -> cel.Expression:
    try:
        return _environment(tuple(sorted(declared.items())), number).compile(flat)
    except RuntimeError as complaint:
        raise RuleRefused(expression, _problems(str(complaint), expression, declared)) from None


def _check_numbers(expression: str, flat: str, declared: Mapping[str, VariableType], uses: tuple[str, ...]) -> None:
    """Numbers run as dynamic values, so their types are checked once more as if all numbers were whole."""
    if not any(declared[name] == "number" for name in uses):
        return
    whole = flat
    for match in _FRACTION.finditer(mask(flat)):
        digits = match.group(1) + "0" + match.group(2)
        whole = whole[: match.start()] + "1".ljust(len(digits)) + whole[match.end() :]
    _compiled(expression, whole, declared, number="int")


def _problems(complaint: str, expression: str, declared: Mapping[str, VariableType]) -> tuple[RuleProblem, ...]:
    found = [
        _problem(what, int(line), int(column), expression, declared)
        for line, column, what in _COMPLAINT.findall(complaint)
    ]
    return tuple(found) or (RuleProblem(complaint.splitlines()[0].removesuffix(" [CANCELLED]"), 1, 1),)


def _problem(what: str, line: int, column: int, expression: str, declared: Mapping[str, VariableType]) -> RuleProblem:
    undeclared = _UNDECLARED.match(what)
    if undeclared is None:
        return RuleProblem(what.partition(" expecting {")[0].removesuffix(" [INVALID_ARGUMENT]"), line, column)
    name = undeclared.group(1)
    text = mask(expression).splitlines()[line - 1]
    start = text.rfind(name, 0, column - 1 + len(name))
    return _unknown(name, declared, line, start + 1 if start >= 0 else column)


def _unknown(name: str, declared: Mapping[str, VariableType], line: int, column: int) -> RuleProblem:
    near = difflib.get_close_matches(name, declared, n=1)
    fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(declared))}"
    return RuleProblem(f"there is no {name}", line, column, fix)


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _refused(expression: str, what: str, *, fix: str) -> RuleRefused:
    return RuleRefused(expression, (RuleProblem(what, 1, 1, fix),))


def _probe(rule: Rule, declared: Mapping[str, VariableType]) -> None:
    """Some mistakes (a bad regular expression, endless nesting) show only when a rule runs: run it once when saved."""
    answer = rule.answer({name: _PROBES[declared[name]] for name in rule.uses})
    if answer.problem and any(sign in answer.problem for sign in _REFUSED_AT_SAVE):
        raise _refused(rule.expression, answer.problem, fix="simplify the rule or correct the types")


def _bindable(value: object) -> object:
    """Values as the engine takes them; any other type it refuses itself, and the answer says so."""
    match value:
        case Decimal():
            return float(value)
        case tuple():
            return list(cast("tuple[object, ...]", value))
        case _:
            return value


def _ask(program: cel.Expression, bound: Mapping[str, Any]) -> Answer:
    try:
        value = program.eval(data=bound)
    except (RuntimeError, TypeError, ValueError) as failure:
        return Answer(matched=False, problem=str(failure))
    result = value.value()
    if result is True:
        return _MATCHED
    return _NOT_MATCHED if result is False else Answer(matched=False, problem=str(result))


_MATCHED = Answer(matched=True)
_NOT_MATCHED = Answer(matched=False)
