"""The conditions of the SLA and nurture policies (`when`), written in CEL over score, tier, segment and lead."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from cel_expr_python import cel

from shared.contracts.attributes import ATTRIBUTE_NAMES
from shared.rules import mask
from sla_watcher.domain.promises import Case

_NAME = re.compile(r"[A-Za-z_]\w*")
_VARIABLES: dict[str, cel.Type] = dict.fromkeys(("score", "tier", "segment", "lead"), cel.Type.DYN)
_UNKNOWN_LEAD: dict[str, Any] = dict.fromkeys(ATTRIBUTE_NAMES) | {"tags": []}


def matches(expression: str, case: Case) -> bool:
    """Whether the condition holds. An attribute that is not known is null.

    Raises ValueError for an expression that cannot be evaluated.
    """
    asked = _asked(expression)
    known = case.attributes
    return _holds(
        expression,
        case.score if asked.score else None,
        case.tier if asked.tier else None,
        case.segment if asked.segment else None,
        tuple([(name, known[name]) for name in asked.attributes if name in known]),
    )


def fault(expression: str) -> str | None:
    """What is wrong with a condition, None if nothing is: it must hold or not hold even of a lead nothing is known of."""
    try:
        matches(expression, Case())
    except (ValueError, RuntimeError) as error:
        return str(error).partition("\n")[0]
    return None


def asks_tier_alone(expression: str) -> bool:
    """Whether nothing but the tier can change the answer."""
    asked = _asked(expression)
    return not (asked.score or asked.segment or asked.attributes)


@lru_cache(maxsize=1)
def _language() -> cel.Env:
    return cel.NewEnv(variables=_VARIABLES)


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> cel.Expression:
    return _language().compile(expression)


class _Asked(NamedTuple):
    """What of a case an expression speaks of: nothing else can change its answer."""

    score: bool
    tier: bool
    segment: bool
    attributes: tuple[str, ...]


@lru_cache(maxsize=1024)
def _asked(expression: str) -> _Asked:
    named = set(_NAME.findall(mask(expression)))
    # `lead` may be asked for an attribute in other ways than by a dot, so an expression that has it has them all
    return _Asked("score" in named, "tier" in named, "segment" in named, ATTRIBUTE_NAMES if "lead" in named else ())


# Leads share few answers to what a condition asks; a score has at most 100,001 values, a tier a handful.
@lru_cache(maxsize=4096)
def _holds(
    expression: str, score: float | None, tier: str | None, segment: str | None, known: tuple[tuple[str, object], ...]
) -> bool:
    attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in known}
    data = {"score": score, "tier": tier, "segment": segment, "lead": _UNKNOWN_LEAD | attributes}
    outcome = _compiled(expression).eval(data=data).plain_value()
    if not isinstance(outcome, bool):
        raise ValueError(f"{expression!r} is neither true nor false: {outcome}")  # noqa: TRY004  the expression is at fault
    return outcome
