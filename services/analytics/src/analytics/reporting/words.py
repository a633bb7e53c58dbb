"""The reports' words in three languages."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from analytics.timeline import catalogue


@cache
def texts() -> Mapping[str, Any]:
    """All texts that come with the reports."""
    return yaml.safe_load(files("analytics.reporting").joinpath("reports.yaml").read_text("utf-8"))


def title(name: str, language: str) -> str:
    """A report's title."""
    return str(texts()["reports"][name][language])


def word(kind: str, code: str, language: str) -> str:
    """A word of a picklist, the code itself where there is none: reasons and promises may be a policy's own."""
    for words in (texts()["words"], catalogue()["words"]):
        known = words.get(kind, {}).get(code)
        if known is not None:
            return str(known[language])
    return code


def heading(name: str, of: str, kind: str, language: str) -> str:
    """A column's heading."""
    known = texts()["columns"].get(name)
    head = str(known[language]) if known else name
    if not of:
        return head
    return f"{head}: {word(kind, of, language)}" if kind else f"{head} ({of})"


def phrase(name: str, language: str) -> str:
    """A single text."""
    return str(texts()[name][language])


def of_kpi(kpi: str, part: str, language: str, **filled: str) -> str | None:
    """A KPI's title, definition or reason."""
    text = texts()["kpis"][kpi].get(part)
    return None if text is None else str(text[language]).format(**filled)


def sql_rule(name: str, language: str) -> str:
    """What makes an SQL, in words."""
    return str(texts()["sql_rules"][name][language])
