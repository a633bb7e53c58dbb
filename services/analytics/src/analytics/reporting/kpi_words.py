"""KPIs as the API shows them: title, written definition, value, and why there is none."""

from collections.abc import Iterable
from typing import Any

from analytics.domain.kpis import Kpi, Mean, Value
from analytics.domain.reports.table import Cells, Table, columns
from analytics.domain.values import Each, Multiple, Ratio, Span
from analytics.reporting import words
from analytics.reporting.showing import cell_csv, cell_json
from analytics.settings import Settings

_HEADS = ("kpi", "currency", "value", "numerator", "denominator", "p50", "p90", "definition")


def kpis_json(found: Iterable[Kpi], settings: Settings, language: str) -> list[dict[str, Any]]:
    """Each KPI with its words. Numerators of money and durations are whole minor units and milliseconds."""
    return [_kpi_json(each, settings, language) for each in found]


def _kpi_json(kpi: Kpi, settings: Settings, language: str) -> dict[str, Any]:
    shown = _value_json(kpi.value, language)
    if kpi.by_currency:
        shown |= {
            "currency": _main_currency(kpi),
            "by_currency": [{"currency": each, **_value_json(value, language)} for each, value in kpi.by_currency],
        }
    reason = words.of_kpi(kpi.id, "reason", language)
    if reason is None and shown["ratio"] is None:
        reason = words.phrase("no_spend" if _is_unspent(kpi) else "zero", language)
    return {"id": kpi.id, **_said(kpi, settings, language), "unit": _unit(kpi), **shown, **kpi.also, "reason": reason}


def _is_unspent(kpi: Kpi) -> bool:
    """Whether it is null because nobody told what was spent."""
    return kpi.value is None or isinstance(kpi.value, Multiple)


def _main_currency(kpi: Kpi) -> str:
    return next((each for each, value in kpi.by_currency if value == kpi.value), kpi.by_currency[0][0])


def _said(kpi: Kpi, settings: Settings, language: str) -> dict[str, str | None]:
    basis = settings.basis
    filled = {
        "in_time_h": f"{basis.in_time_s / 3600:g}",
        "sql": words.sql_rule(basis.sql, language),
        "sales_sources": ", ".join(sorted(settings.sales_sources)) or "–",
    }
    return {part: words.of_kpi(kpi.id, part, language, **filled) for part in ("title", "definition")}


def _unit(kpi: Kpi) -> str | None:
    match kpi.value:
        case None:
            return None
        case Multiple():
            return "multiple"
        case Ratio():
            return "ratio"
        case Each():
            return "money"
        case Mean():
            return "ms"


def _value_json(value: Value | None, language: str) -> dict[str, Any]:
    match value:
        case None:
            return {"numerator": None, "denominator": None, "ratio": None, "text": "–"}
        case Mean(total_ms, count, p50_ms, p90_ms):
            ratio = total_ms / count if count else None
            return {"numerator": total_ms, "denominator": count, "ratio": ratio, "text": value.text,
                    "p50_ms": p50_ms, "p90_ms": p90_ms}  # fmt: skip
        case _:
            return dict(cell_json(value, language))


def kpis_table(found: Iterable[Kpi], settings: Settings, language: str) -> Table:
    """One line a KPI, one a currency where it is about money."""
    rows: list[Cells] = []
    for kpi in found:
        said = _said(kpi, settings, language)
        for currency, value in kpi.by_currency or (("", kpi.value),):
            shown = _value_json(value, language)
            p50, p90 = (shown.get(name, kpi.also.get(name)) for name in ("p50_ms", "p90_ms"))
            rows.append(
                {
                    "kpi": said["title"],
                    "currency": currency,
                    "value": shown["text"] if value is None or isinstance(value, Mean) else cell_csv(value, language),
                    "numerator": shown["numerator"],
                    "denominator": shown["denominator"],
                    "p50": None if p50 is None else Span(p50),
                    "p90": None if p90 is None else Span(p90),
                    "definition": said["definition"],
                }
            )
    return Table("kpis", columns(*_HEADS), rows)
