"""The SLA policy: what it may say, which promise holds for whom, and what is refused."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
import yaml

from sla_watcher import expressions
from sla_watcher.domain import (
    PRESETS,
    Case,
    Hours,
    InvalidPromises,
    MetBy,
    Origin,
    Promise,
    SlaPolicy,
    Terms,
    Then,
    arm,
    parse_sla,
)

POLICY = """
promises:
  - {name: first_contact, from: assigned, when: 'score >= 80', within: 2h, hours: business, warn_at: [0.9, 0.5], met_by: attempt}
  - {name: untouched, from: assigned, within: 48h, hours: elapsed, then: recycle}
  - {name: owner_found, from: qualified, within: 15m, hours: business}
"""
HANDOFF = {Origin.ASSIGNED, Origin.CONTACTED}


def parsed(raw: object) -> SlaPolicy:
    return parse_sla(raw, check=expressions.fault, calendars={"office", "night"})


def refusals(*promises: Mapping[str, object], **policy: object) -> list[str]:
    with pytest.raises(InvalidPromises) as refused:
        parsed({"promises": list(promises), **policy})
    return [str(problem) for problem in refused.value.problems]


def a_promise(**changes: object) -> dict[str, object]:
    promise = {"name": "first_contact", "from": "assigned", "within": "2h", "hours": "business"} | changes
    return {key: value for key, value in promise.items() if value is not ...}


def test_a_policy_is_read() -> None:
    first, untouched, owner_found = parsed(yaml.safe_load(POLICY)).promises
    assert first == Promise(
        Terms(
            promise="first_contact",
            origin=Origin.ASSIGNED,
            within=timedelta(hours=2),
            hours=Hours.BUSINESS,
            warn_percent=(50, 90),
            met_by=MetBy.ATTEMPT,
        ),
        when="score >= 80",
    )
    assert (untouched.terms.within, untouched.terms.then) == (timedelta(hours=48), Then.RECYCLE)
    assert (owner_found.terms.origin, owner_found.terms.within) == (Origin.QUALIFIED, timedelta(minutes=15))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_presets_are_valid(preset: str) -> None:
    names = [promise.terms.promise for promise in parsed(PRESETS[preset]).promises]
    assert {"first_contact", "untouched", "silent", "owner_found"} == set(names)


@pytest.mark.parametrize(
    ("score", "within", "hours"),
    [
        (80.0, timedelta(hours=2), Hours.BUSINESS),
        (79.999, timedelta(hours=24), Hours.ELAPSED),
    ],
)
def test_the_first_line_that_holds_is_the_promise(score: float, within: timedelta, hours: Hours) -> None:
    armed = arm(parsed(PRESETS["eighty-sixty"]), Case(score=score), HANDOFF, expressions.matches)
    assert [terms.promise for terms in armed] == ["first_contact", "untouched", "silent"]
    assert (armed[0].within, armed[0].hours) == (within, hours)


def test_a_promise_may_depend_on_tier_segment_and_attributes() -> None:
    policy = parsed(
        {
            "promises": [
                a_promise(when='tier == "sql" && segment == "key" && lead.region in ["north"] && "x" in lead.tags')
            ]
        }
    )
    case = Case(tier="sql", segment="key", attributes={"region": "north", "tags": ("x", "y")})
    assert len(arm(policy, case, HANDOFF, expressions.matches)) == 1
    assert arm(policy, Case(tier="sql"), HANDOFF, expressions.matches) == ()


@pytest.mark.parametrize(
    ("promise", "team", "company", "used"),
    [
        ("night", "office", "always", "night"),
        (None, "office", "always", "office"),
        (None, None, "office", "office"),
        (None, None, None, None),
    ],
)
def test_the_calendar_is_the_promises_else_the_teams_else_the_policys(
    promise: str | None, team: str | None, company: str | None, used: str | None
) -> None:
    policy = SlaPolicy((Promise(Terms("p", Origin.ASSIGNED, timedelta(1), Hours.BUSINESS, calendar=promise)),), company)
    (terms,) = arm(policy, Case(calendar=team), HANDOFF, expressions.matches)
    assert terms.calendar == used


@pytest.mark.parametrize(
    ("changes", "path", "fix"),
    [
        ({"name": "First contact"}, "promises[0].name: 'First contact' is no name", "first_contact"),
        ({"from": "captured"}, "promises[0].from: 'captured' is not known", "assigned, qualified, contacted"),
        ({"from": ...}, "promises[0].from: nothing is not known", "assigned"),
        ({"within": "2 weeks"}, "promises[0].within: '2 weeks' is no time to keep", "15m, 2h or 7d"),
        ({"within": "0m"}, "promises[0].within: '0m' is no time to keep", "15m"),
        ({"within": "999999d"}, "promises[0].within: '999999d'", "366d"),
        ({"within": 2}, "promises[0].within: 2 is no time", "2h"),
        ({"hours": "office"}, "promises[0].hours: 'office' is not known", "business, elapsed"),
        ({"calendar": "moon"}, "promises[0].calendar: no calendar is named 'moon'", "night, office"),
        ({"warn_at": [0.5, 1.5]}, "promises[0].warn_at[1]: 1.5 is no share", "0.5"),
        ({"warn_at": 0.5}, "promises[0].warn_at: expected a list", "[]"),
        ({"met_by": "mail"}, "promises[0].met_by: 'mail'", "attempt, reached"),
        ({"then": "shout"}, "promises[0].then: 'shout'", "recycle, remind_then_nurture, none"),
        ({"remind_for": "1d"}, "promises[0].remind_for: nobody is reminded", "remind_then_nurture"),
        ({"from": "qualified", "met_by": "reached"}, "promises[0].met_by: a promise from", "leave met_by out"),
        ({"from": "qualified", "then": "recycle"}, "promises[0].then: there is no handoff", "leave then out"),
        ({"from": "contacted"}, "promises[0].hours: silence is measured", "elapsed"),
        ({"when": "score >="}, "promises[0].when: ", "score >= 80"),
        ({"when": "points > 3"}, "promises[0].when: ", "score, tier, segment and lead"),
        ({"when": "lead.income > 3"}, "promises[0].when: ", "score, tier"),
        ({"when": "score + 1.0"}, "promises[0].when: 'score + 1.0' is neither true nor false", "score, tier"),
        ({"when": 3}, "promises[0].when: expected an expression, found 3", "score, tier"),
        ({"wehn": "true"}, "promises[0].wehn: unknown key", "name, from, when"),
    ],
)
def test_a_fault_names_its_place_and_its_cure(changes: Mapping[str, object], path: str, fix: str) -> None:
    (said,) = refusals(a_promise(**changes))
    assert said.startswith(path)
    assert fix in said.rpartition("; ")[2]


def test_a_line_that_can_never_hold_is_refused() -> None:
    assert refusals(a_promise(), a_promise(when="score > 3")) == [
        "promises[1]: first_contact always holds before this line is reached; give the earlier one a when"
    ]


def test_alternatives_start_alike() -> None:
    said = refusals(a_promise(when="score > 3"), a_promise(**{"from": "qualified"}))
    assert said == ["promises[1].from: first_contact starts differently above; use another name"]


def test_every_faulty_promise_is_named_at_once() -> None:
    assert len(refusals(a_promise(name=""), a_promise(), a_promise(within=""))) == 2


@pytest.mark.parametrize("raw", [None, {}, {"promises": {}}, {"promises": [], "calendar": "moon"}, {"clocks": []}])
def test_a_policy_of_another_shape_is_refused(raw: object) -> None:
    with pytest.raises(InvalidPromises):
        parsed(raw)
