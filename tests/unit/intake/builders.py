"""Doors, policies and arrivals for intake's tests."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from intake.domain.fields import Fields, parse_fields
from intake.domain.mapping import submissions
from intake.domain.policy import Door, Doors, SecretRef, parse_doors
from intake.domain.submission import Submission

SAMPLES = Path(__file__).parents[2] / "samples" / "webhooks"
RECEIVED_AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SECRETS = {"key": "made-up-google-key", "old-key": "xfdgdgsgfchgvhgfchg", "page-key": "secret", "unset": ""}


def resolve(ref: SecretRef) -> str | None:
    return SECRETS.get(ref.secret or "", ref.env)


def a_policy(**doors: dict[str, Any]) -> Doors:
    policy = parse_doors({"doors": doors})
    assert isinstance(policy, Doors), policy
    return policy


def a_door(**door: Any) -> Door:
    return a_policy(door=door).doors["door"]


def the_fields(**document: Any) -> Fields:
    fields = parse_fields(document)
    assert isinstance(fields, Fields), fields
    return fields


def one_submission(body: Any, fields: Fields | None = None, **door: Any) -> Submission:
    [outcome] = submissions(a_door(**door), fields or the_fields(), body, RECEIVED_AT)
    assert isinstance(outcome, Submission), outcome
    return outcome
