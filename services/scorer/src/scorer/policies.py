"""The policy kind `scorecard`: read, linted, seeded with the preset, and stamped with the version it is live as."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

from scorer.domain.lint import lint
from scorer.domain.parse import parse
from scorer.domain.scorecard import Scorecard
from shared.runtime.policies import PolicyBody, PolicyDefinition, PolicyInvalid, Published

KIND = "scorecard"
_UNPUBLISHED = 0


@cache
def preset() -> PolicyBody:
    """The scorecard that seeds an empty store, as `policy/scorecard/eighty-sixty.yaml` has it."""
    return cast("PolicyBody", yaml.safe_load(files("scorer").joinpath("presets/eighty-sixty.yaml").read_text("utf-8")))


def read(body: Any) -> Scorecard:
    """The scorecard of a document, of no version yet.

    Raises PolicyInvalid with every problem, each with its place in the document and how to mend it.
    """
    parsed = parse(body, _UNPUBLISHED)
    if parsed.scorecard is None:
        raise PolicyInvalid([str(problem) for problem in parsed.errors])
    return parsed.scorecard


def warnings(scorecard: Scorecard) -> Sequence[str]:
    """What its author can hardly have meant."""
    return [str(problem) for problem in lint(scorecard)]


def live(published: Published) -> Scorecard:
    """The scorecard as published: events and dossiers name this version."""
    return replace(cast("Scorecard", published.value), version=published.version)


def scorecards() -> PolicyDefinition:
    """The kind as the runtime keeps it."""
    return PolicyDefinition(
        kind=KIND,
        parse=read,
        preset=preset(),
        read_roles=frozenset({"admin", "marketer", "manager", "viewer", "analyst", "operator"}),
        write_roles=frozenset({"admin", "marketer"}),
        lint=warnings,
        drafted=True,
    )
