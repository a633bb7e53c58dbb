"""Scorecard documents: what is refused, where, and how to mend it."""

from typing import Any

import pytest

from scorer.domain.parse import parse
from tests.unit.scorer.builders import a_document, scorecard_of


def errors(**changes: Any) -> list[str]:
    return [str(problem) for problem in parse(a_document(**changes), 1).errors]


def warnings(**changes: Any) -> list[str]:
    parsed = parse(a_document(**changes), 1)
    return [str(problem) for problem in parsed.problems if problem.severity == "warning"]


def a_rule(**changes: Any) -> list[dict[str, Any]]:
    rule: dict[str, Any] = {"id": "demo", "group": "behaviour", "points": 80, "kind": "demo_requested"}
    return [{key: value for key, value in (rule | changes).items() if value is not None}]


def tiers(*rows: tuple[str, float, float | None]) -> list[dict[str, Any]]:
    return [
        {"name": name, "from": low, "action": "store"} | ({} if high is None else {"to": high})
        for name, low, high in rows
    ]


def test_a_sound_document_has_no_problem() -> None:
    assert errors() == []
    assert warnings() == []


def test_every_problem_is_found_in_one_pass() -> None:
    found = errors(rules=[{"id": "a", "group": "fitt", "points": "ten"}], qualify="scor >= 80")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rules": a_rule(when='lead.industri == "x"')}, "rules[0].when: line 1, column 1: there is no lead.industri"),
        ({"rules": a_rule(when='lead.industry == "x"\n && lead.country > 3')}, "line 2, column 18"),
        ({"rules": a_rule(group="behavior")}, "rules[0].group: there is no group behavior; did you mean behaviour?"),
        ({"rules": [*a_rule(), *a_rule()]}, "rules[1].id: demo stands twice in rules"),
        ({"rules": a_rule(kind=None)}, "rules[0]: neither `when` nor `kind`"),
        ({"rules": a_rule(pionts=3)}, "rules[0].pionts: no such key; did you mean points?"),
        ({"rules": a_rule(points=1.2345)}, "rules[0].points: 1.2345 has more than three decimals"),
        ({"rules": a_rule(points=float("nan"))}, "rules[0].points: nan is no usable number"),
        ({"rules": a_rule(points=True)}, "rules[0].points: True is no usable number"),
        ({"rules": a_rule(max=3)}, "rules[0].max: each kind counts once here"),
        ({"rules": a_rule(decay="linear(0)")}, "rules[0].decay: 0.0 days"),
        ({"rules": a_rule(decay="slowly")}, "rules[0].decay: 'slowly' is no decay"),
        ({"tiers": tiers(("raw", 10, None), ("sql", 80, None))}, "a gap from 0 to 10"),
        ({"tiers": tiers(("raw", 0, 50), ("sql", 60, None))}, "gap between raw (to 50) and sql"),
        ({"tiers": tiers(("raw", 0, 70), ("sql", 60, None))}, "overlap between raw (to 70) and sql"),
        ({"tiers": tiers(("raw", 0, None), ("sql", 0, None))}, "both start at 0"),
        ({"tiers": tiers(("raw", 0, None), ("raw", 60, None))}, "raw stands twice in tiers"),
        ({"tiers": tiers(("raw", 0, None), ("sql", 101, None))}, "tiers.sql: starts above 100"),
        ({"tiers": []}, "tiers: there is no tier"),
        ({"groups": [{"name": "fit", "within": "x"}, {"name": "behaviour"}]}, "groups[0].within: there is no group x"),
        ({"groups": [{"name": "fit", "within": "fit"}, {"name": "behaviour"}]}, "fit lies within itself"),
        ({"qualify": None}, "qualify: missing"),
        ({"qualify": "score * 2.0 >= 160.0"}, "qualify: score is not compared with a plain number"),
        ({"qualify": "5.0 + score >= 80.0"}, "qualify: score is not compared with a plain number"),
        ({"qualify": "score >= 80.0 + 5.0"}, "qualify: score is not compared with a plain number"),
        ({"qualify": 'score >= "80"'}, "column 7"),
        ({"qualify": 'tier == "squl"'}, "there is no tier squl; did you mean sql?"),
        (
            {"qualify": "high_value(7) >= 2", "high_value": []},
            "qualify counts high-value engagements and none is named",
        ),
        ({"qualify": "high_value(7)"}, "the result is a int"),
        ({"rules": "none"}, "rules: the text 'none' stands here; write a list"),
    ],
)
def test_an_error_says_where_what_and_how(changes: dict[str, Any], expected: str) -> None:
    assert any(expected in error for error in errors(**changes)), errors(**changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rules": a_rule(points=20)}, "tiers.mql: no lead can reach it: all rules together give 20"),
        ({"groups": [{"name": "fit", "cap": 20}, {"name": "behaviour", "cap": 30}]}, "tiers.sql: no lead can reach it"),
        ({"rules": a_rule(kind="demo_request")}, "demo_request is no kind Baton knows; did you mean demo_requested?"),
        ({"rules": [*a_rule(), *a_rule(id="demo-2")]}, "rules.demo-2: matches exactly what demo matches"),
        ({"rules": a_rule(points=0)}, "0 points change nothing"),
        (
            {
                "rules": [*a_rule(), *a_rule(id="demo-2", points=3)],
                "groups": [{"name": "behaviour", "exclusive": True}],
            },
            "rules.demo-2: can never count",
        ),
    ],
)
def test_lint_warns_of_what_the_author_can_hardly_have_meant(changes: dict[str, Any], expected: str) -> None:
    assert any(expected in warning for warning in warnings(**changes)), warnings(**changes)


def test_a_document_that_is_no_table_is_refused() -> None:
    assert parse(["no"], 1).scorecard is None
    assert parse(None, 1).scorecard is None


def test_both_ways_to_write_a_decay_mean_the_same() -> None:
    written = scorecard_of(a_document(rules=a_rule(decay="half_life(14)")))
    keyed = scorecard_of(a_document(rules=a_rule(decay={"half_life": 14})))
    assert written.rules[0].decay == keyed.rules[0].decay


def test_the_default_decay_is_for_rules_that_name_none() -> None:
    card = scorecard_of(a_document(decay="window(30)", rules=[*a_rule(), *a_rule(id="b", decay="none")]))
    assert [rule.decay.kind for rule in card.rules] == ["window", "none"]
