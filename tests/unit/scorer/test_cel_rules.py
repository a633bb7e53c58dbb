"""CEL behind compile_rule: refused at save with the column, no match where a value is missing."""

import pytest

from shared.rules import MAX_EXPRESSION_CHARS, RuleRefused, VariableType, compile_rule

DECLARED: dict[str, VariableType] = {
    "lead.industry": "string",
    "lead.country": "string",
    "lead.tags": "list",
    "lead.size": "int",
    "score": "number",
}
BUSY = "".join(f"[1,2,3,4,5,6,7,8,9,10].all({name}, " for name in "abcde") + "a + b > 0" + ")" * 5


@pytest.mark.parametrize(
    ("expression", "matched"),
    [
        ('lead.industry in ["manufacturing"]', True),
        ('lead.industry == "制造业"', False),
        ("score >= 80", True),
        ("score >= 80.25 && score < 81", True),
        ("80 <= score", True),
        ('"vip" in lead.tags', True),
        ("lead.tags.exists(tag, tag.startsWith('v'))", True),
        ('has(lead.country) && lead.country != "VN"', False),
        ("!has(lead.country)", True),
        ("!has( lead.country ) || lead.size > 3", True),
        ('lead.industry == "has(lead.nothing)"', False),
        ('lead.country != "VN"', False),  # unknown is no match, whichever way it is asked
    ],
)
def test_a_rule_answers(expression: str, matched: bool) -> None:  # noqa: FBT001
    values = {"lead.industry": "manufacturing", "lead.tags": ("vip",), "lead.size": 9, "score": 80.25}
    assert compile_rule(expression, DECLARED).matches(values) is matched


@pytest.mark.parametrize(
    ("expression", "line", "column", "what"),
    [
        ('lead.industri == "x"', 1, 1, "there is no lead.industri"),
        ('lead.industry == "制造业" && foo', 1, 27, "there is no foo"),
        ('lead.industry == "x"\n  && lead.contry == "y"', 2, 6, "there is no lead.contry"),
        ("has(lead.contry)", 1, 5, "there is no lead.contry"),
        ('lead.size >= "x"', 1, 11, "no matching overload"),
        ('score >= "x"', 1, 7, "no matching overload"),
        ("score >= 80 &&", 1, 15, "Syntax error"),
        ("lead.size", 1, 1, "not true or false"),
        ("", 1, 1, "empty"),
        ('lead.industry.matches("(")', 1, 1, "invalid regular expression"),
        ("(" * 50 + "true" + ")" * 50, 1, 1, "recursion"),
        (BUSY, 1, 1, "Iteration budget"),
        ("true " * MAX_EXPRESSION_CHARS, 1, 1, "characters"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_column(expression: str, line: int, column: int, what: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        compile_rule(expression, DECLARED)
    problem = refused.value.problems[0]
    assert (problem.line, problem.column) == (line, column)
    assert what in problem.what


def test_every_problem_of_a_rule_is_named() -> None:
    with pytest.raises(RuleRefused) as refused:
        compile_rule("foo == 1 && bar == 2", DECLARED)
    assert [problem.what for problem in refused.value.problems] == ["there is no foo", "there is no bar"]


def test_a_missing_value_is_reported_and_no_match() -> None:
    answer = compile_rule('lead.industry == "x"', DECLARED).answer({"lead.industry": None})
    assert not answer.matched
    assert answer.problem is not None
    assert "lead.industry" in answer.problem


def test_a_value_of_the_wrong_type_is_reported_and_no_match() -> None:
    for value in (5, ["x"], 1.5):
        answer = compile_rule('lead.industry == "x"', DECLARED).answer({"lead.industry": value})
        assert answer.problem is not None
    assert not compile_rule("score > 3", DECLARED).matches({"score": "many"})


def test_a_rule_names_what_it_uses() -> None:
    rule = compile_rule('lead.industry.startsWith("m") && "lead.size" in lead.tags', DECLARED)
    assert rule.uses == ("lead.industry", "lead.tags")
