"""Every stored Google and form sample becomes the submission that its expected.json says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from intake.domain.body import read_body
from intake.domain.mapping import submissions
from intake.domain.policy import Door
from intake.domain.proof import Unproven, prove_body
from intake.domain.submission import Submission, document
from intake.domain.times import instant
from tests.unit.intake.builders import RECEIVED_AT, SAMPLES, a_door, resolve, the_fields

GOOGLE = {"kind": "google", "key": [{"secret": "key"}, {"secret": "old-key"}, {"secret": "page-key"}]}
# Gravity Forms numbers its questions: what they mean is the door's policy.
GRAVITY = {
    "kind": "generic",
    "id": "id",
    "dedupe": ["form_id", "id"],
    "map": {
        "name": "{1.3} {1.6}",
        "email": "2",
        "phone": "3",
        "company": "4",
        "message": "5",
        "created_at": "date_created",
        "landing_page": "source_url",
    },
    "consent": {"marketing": "7.1"},
}
HTML = {"kind": "html", "defaults": {"country": "VN"}}
CONTENT_TYPES = {".json": "application/json", ".form": "application/x-www-form-urlencoded"}
SAME = {"size": "company_size", "adgroup": "ad_group", "adgroup_id": "ad_group_id"}
EXPECTED = sorted(path for vendor in ("google", "html_forms") for path in (SAMPLES / vendor).glob("*.expected.json"))


def door_of(path: Path) -> Door:
    if path.parent.name == "google":
        return a_door(**GOOGLE)
    return a_door(**(GRAVITY if path.name.startswith("gravity") else HTML))


def texts_in(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in texts_in(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts_in(one)]
    return [str(value)]


def check(submission: Submission, expected: dict[str, Any]) -> None:
    shown: dict[str, Any] = document(submission)
    for key, value in expected.items():
        match key:
            case "vendor_id":
                assert submission.vendor_id == value
            case "gclid" | "fbclid":
                assert shown.get("click_ids", {}).get(key) == value
            case "text_contains":
                assert all(any(part in text for text in texts_in(shown["answers"])) for part in value)
            case "answers_multi":
                assert value in [answer["answer"] for answer in shown["answers"]]
            case "created_at":
                assert submission.created_at == instant(value, "UTC")
            case _:
                assert shown.get(SAME.get(key, key)) == value, key


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: f"{path.parent.name}-{path.name.split('.')[0]}")
def test_the_sample_becomes_what_is_expected(path: Path) -> None:
    expected = json.loads(path.read_bytes())
    [sample] = [
        one
        for one in path.parent.glob(path.name.replace(".expected.json", ".*"))
        if one.suffix in CONTENT_TYPES and ".expected" not in one.name
    ]
    body = read_body(CONTENT_TYPES[sample.suffix], sample.read_bytes())
    door = door_of(path)
    proof = prove_body(door, body, resolve)
    if "status_class" in expected:
        assert isinstance(proof, Unproven)
        assert proof.status == 401
        return
    assert not isinstance(proof, Unproven)
    outcomes = submissions(door, the_fields(), body, RECEIVED_AT)
    assert len(outcomes) == len(expected["leads"])
    for outcome, lead in zip(outcomes, expected["leads"], strict=True):
        assert isinstance(outcome, Submission), outcome
        check(outcome, lead)


def test_a_multipart_post_becomes_a_submission() -> None:
    raw = (SAMPLES / "html_forms" / "multipart.txt").read_bytes()
    body = read_body("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", raw)
    [outcome] = submissions(a_door(**HTML), the_fields(), body, RECEIVED_AT)
    assert isinstance(outcome, Submission)
    assert (outcome.text("name"), outcome.text("email")) == ("Đỗ Thị Hà", "ha@example.vn")
    assert ["A", "B"] in [list(answer.values) for answer in outcome.answers]
    assert ("báo giá.pdf",) in [answer.values for answer in outcome.answers]


def test_gravity_is_deduplicated_by_form_and_entry_and_its_box_is_consent() -> None:
    body = read_body("application/json", (SAMPLES / "html_forms" / "gravity_forms_entry.json").read_bytes())
    [outcome] = submissions(a_door(**GRAVITY), the_fields(), body, RECEIVED_AT)
    assert isinstance(outcome, Submission)
    assert outcome.vendor_key == '["5","3311"]'
    assert outcome.consent == {"marketing": True}
    assert outcome.fields["click_ids"] == {"msclkid": "abc123"}
