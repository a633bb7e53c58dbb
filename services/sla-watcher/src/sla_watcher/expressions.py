"""The conditions of the SLA policy (`when`), written in CEL over score, tier, segment and lead."""

from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from shared.contracts.attributes import ATTRIBUTE_NAMES
from sla_watcher.domain.promises import Case

_VARIABLES: dict[str, cel.Type] = dict.fromkeys(("score", "tier", "segment", "lead"), cel.Type.DYN)
_UNKNOWN_LEAD: dict[str, Any] = dict.fromkeys(ATTRIBUTE_NAMES) | {"tags": []}


def matches(expression: str, case: Case) -> bool:
    """Whether the condition holds. An attribute that is not known is null.

    Raises ValueError for an expression that cannot be evaluated.
    """
    outcome = _evaluated(expression, case)
    if not isinstance(outcome, bool):
        raise ValueError(f"{expression!r} is neither true nor false: {outcome}")  # noqa: TRY004  the expression is at fault
    return outcome


def fault(expression: str) -> str | None:
    """What is wrong with a condition, None if nothing is: it must hold or not hold even of a lead nothing is known of."""
    try:
        matches(expression, Case())
    except (ValueError, RuntimeError) as error:
        return str(error).partition("\n")[0]
    return None


@lru_cache(maxsize=1)
def _language() -> cel.Env:
    return cel.NewEnv(variables=_VARIABLES)


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> cel.Expression:
    return _language().compile(expression)


def _evaluated(expression: str, case: Case) -> object:
    attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in case.attributes.items()}
    data = {
        "score": case.score,
        "tier": case.tier,
        "segment": case.segment,
        "lead": _UNKNOWN_LEAD | attributes,
    }
    return _compiled(expression).eval(data=data).plain_value()
