"""The timeline's sentences: every step in three languages, in order, with its cause."""

import random
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from analytics.timeline import LANGUAGES, Speech, catalogue, sentence, steps
from shared.contracts import (
    Attributes,
    Considered,
    Decision,
    Event,
    LeadAssigned,
    LeadCaptured,
    LeadScored,
    ScorePart,
    encode,
)
from shared.contracts.topology import CONSUMES
from tests.support.lead_stories import stories

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
LEAD = UUID(int=1)
COMMON: dict[str, Any] = {"lead_id": LEAD, "occurred_at": START, "recorded_at": START}


def speech(language: str) -> Speech:
    return Speech(catalogue(), language, ZoneInfo("Asia/Ho_Chi_Minh"))


def said(event: Event, language: str = "en") -> str:
    return steps([(UUID(int=2), event.wire, encode(event))], speech(language))[0]["words"]


def test_every_event_has_a_sentence_in_every_language() -> None:
    assert set(catalogue()["steps"]) >= set(CONSUMES["analytics"])
    for step in catalogue()["steps"].values():
        for text in (step["text"], *step.get("also", {}).values()):
            assert set(text) == set(LANGUAGES)
            assert len({frozenset(re.findall(r"{(\w+)}", each)) for each in text.values()}) == 1


def test_an_assignment_by_hand_says_by_whom_and_why() -> None:
    decision = Decision(
        number=1, rule="by_hand", strategy="by_hand", policy_version=2, by="huong", reason="customer_wish"
    )
    event = LeadAssigned(
        **COMMON, handoff_id=LEAD, episode=1, owner="lan", team="hanoi", reason="transferred", decision=decision
    )
    assert said(event).endswith("; by huong: the customer's wish")
    assert said(event, "zh").endswith(";操作人 huong:客户要求")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_can_be_said(language: str) -> None:
    told = [(UUID(int=n), event.wire, encode(event)) for n, event in enumerate(stories(7, 40, START), 1)]
    shown = steps(told, speech(language))

    assert {step["kind"] for step in shown} >= {"sla.breached", "opportunity.won", "lead.scored"}
    assert all(step["words"] and "{" not in step["words"] for step in shown)


def test_a_score_says_its_parts() -> None:
    parts = (ScorePart(rule="founder", points_milli=20_000), ScorePart(rule="intern", points_milli=-1_500))
    event = LeadScored(**COMMON, score_milli=18_500, tier="raw", parts=parts, scorecard_version=3)

    assert said(event) == "Score 18.5, tier raw: founder +20.0, intern -1.5 (scorecard version 3)"


def test_a_capture_says_where_it_came_from() -> None:
    attributes = Attributes(source="search", door="site", campaign="spring")

    assert said(LeadCaptured(**COMMON, submission_id=LEAD, attributes=attributes)) == (
        "Captured from search by the door site, campaign spring"
    )


def test_an_assignment_says_who_was_passed_over_and_why() -> None:
    considered = (Considered(rep="ann"), Considered(rep="bob", skipped="on_leave"))
    decision = Decision(number=4, rule="north", strategy="rotation", policy_version=2, considered=considered)
    event = LeadAssigned(
        **COMMON, handoff_id=LEAD, episode=1, owner="ann", team="north", reason="qualified", decision=decision
    )

    assert said(event).endswith(
        "rule north, strategy rotation, 2 considered, policy version 2; passed over: bob (on_leave)"
    )
    assert said(event, "zh").startswith("分配给 north 团队的 ann:达标")


def test_instants_are_said_in_the_zone_and_reasons_in_the_language() -> None:
    event = {"reason": "closed_hours", "wake_at": "2026-05-04T01:00:00Z"}

    assert sentence("lead.waiting", event, speech("vi")) == (
        "Đang chờ người phụ trách: ngoài giờ làm việc; xem lại lúc 2026-05-04 08:00"
    )


def test_steps_of_one_instant_stand_as_they_were_made_and_name_their_cause() -> None:
    first = LeadScored(**COMMON, score_milli=0, tier="raw", scorecard_version=1)
    second = LeadScored(**COMMON, score_milli=1, tier="raw", scorecard_version=1, causation=UUID(int=5))
    told = [(UUID(int=6), second.wire, encode(second)), (UUID(int=5), first.wire, encode(first))]
    random.Random(1).shuffle(told)

    shown = steps(told, speech("en"))

    assert [step["id"] for step in shown] == [UUID(int=5), UUID(int=6)]
    assert [step["cause"] for step in shown] == [None, {"id": str(UUID(int=5)), "kind": "lead.scored"}]
