"""The policy kinds that intake keeps: doors and fields, their presets, and how secrets are looked up."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from intake.domain.fields import Fields, parse_fields
from intake.domain.policy import Doors, Resolve, SecretRef, lint_doors, parse_doors
from intake.domain.problems import Problem
from shared.runtime.policies import PolicyBody, PolicyDefinition, PolicyInvalid

DOORS_PRESET: Final[dict[str, Any]] = {
    "doors": {
        "site": {"kind": "html", "honeypot": "website_hp"},
        "google-main": {"kind": "google", "key": {"env": "BATON_GOOGLE_KEY"}},
        "api": {"kind": "rest"},
    }
}
FIELDS_PRESET: Final[dict[str, Any]] = {
    "required": [["email", "phone", "channel_ids"]],
    "wanted": ["name", "company", "title", "source"],
    "personal_domains": [],
}
FindSecret: TypeAlias = Callable[[str], str | None]
_READERS: Final = frozenset({"marketer", "operator", "admin"})
_WRITERS: Final = frozenset({"marketer", "admin"})


def doors_of(body: PolicyBody) -> Doors:
    """The doors policy. Raises PolicyInvalid with every problem."""
    found = parse_doors(dict(body))
    if isinstance(found, list):
        raise PolicyInvalid([in_words(problem) for problem in found])
    return found


def fields_of(body: PolicyBody) -> Fields:
    """The fields policy. Raises PolicyInvalid with every problem."""
    found = parse_fields(dict(body))
    if isinstance(found, list):
        raise PolicyInvalid([in_words(problem) for problem in found])
    return found


def definitions(find_secret: Callable[[], FindSecret | None]) -> tuple[PolicyDefinition, ...]:
    """Both kinds. `find_secret` gives the look-up of secrets once the service runs: the lint says which are not set."""

    def lint(doors: Doors) -> list[str]:
        find = find_secret()
        return [in_words(problem) for problem in lint_doors(doors, resolver(find))] if find is not None else []

    return (
        PolicyDefinition("doors", doors_of, DOORS_PRESET, _READERS, _WRITERS, lint),
        PolicyDefinition("fields", fields_of, FIELDS_PRESET, _READERS, _WRITERS),
    )


def resolver(find: FindSecret) -> Resolve:
    """Secrets by the reference that a policy holds."""

    def resolve(ref: SecretRef) -> str | None:
        if ref.env is not None:
            return find(f"env:{ref.env}")
        return find(f"file:{ref.file}" if ref.file is not None else f"secret:{ref.secret}")

    return resolve


def in_words(problem: Problem) -> str:
    """A problem as one line."""
    return f"{problem.path}: {problem.detail}; {problem.fix}"
