"""What stands in reports: exact rounding, money as people write it, safe CSV cells, every word in three languages."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.kpis import kpis, spent
from analytics.domain.reports.lateness import OF_THE_LEAD, suggestion, verdict
from analytics.domain.spend import Spend, SpendRefused, read_rows
from analytics.domain.tally import Tally
from analytics.domain.values import Each, Money, Multiple, Ratio, Span
from analytics.reporting import words
from analytics.reporting.kpi_words import kpis_json, kpis_table
from analytics.reporting.making import REPORTS
from analytics.reporting.showing import guarded
from analytics.reporting.spending import NotRows, rows_of
from analytics.settings import Settings, from_environment
from analytics.timeline import LANGUAGES


@pytest.mark.parametrize(("value", "text"), [
    (Ratio(150, 800), "18.75 %"),
    (Ratio(80, 120), "66.67 %"),
    (Ratio(1, 0), "–"),
    (Ratio(1, 16_000), "0.01 %"),
    (Multiple(3, 2), "1.50"),
    (Money(30_000_000, "CNY"), "¥300,000"),
    (Money(-1_050, "CNY"), "-¥10.50"),
    (Money(180_000_000, "VND"), "₫180,000,000"),
    (Money(1_234_567, "KWD"), "KWD 1,234.567"),
    (Each(40_000_000, 35, "CNY"), "¥11,428.57"),
    (Each(5, 2, "VND"), "₫3"),
    (Each(5, 0, "VND"), "–"),
    (Span(80_400_000), "22:20:00"),
])  # fmt: skip
def test_values_read_as_people_write_them(value: Ratio | Money | Each | Span, text: str) -> None:
    assert value.text == text


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "=1", "\n=1"])
def test_a_cell_that_would_run_as_a_formula_is_text(evil: str) -> None:
    assert guarded(evil) == f"'{evil}"


def test_ordinary_cells_stay_as_they_are() -> None:
    assert [guarded(each) for each in ("", "search ads", "搜索", "a=b", "12")] == [
        "",
        "search ads",
        "搜索",
        "a=b",
        "12",
    ]


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(1, 31), max_size=4, unique=True))
def test_the_shares_of_a_month_sum_to_it_exactly(amount_minor: int, cuts: list[int]) -> None:
    row = Spend("k", date(2026, 5, 1), date(2026, 5, 31), None, None, "marketing", amount_minor, "CNY")
    ends = [date(2026, 5, cut) for cut in sorted(cuts)]
    starts = [None, *(each + timedelta(days=1) for each in ends)]
    shares = [row.within(since, until) for since, until in zip(starts, [*ends, None], strict=True)]
    assert sum(shares) == amount_minor == row.within(None, None)
    assert row.within(date(2026, 6, 1), None) == row.within(None, date(2026, 4, 30)) == 0
    assert row.within(date(2026, 6, 1), date(2026, 4, 1)) == 0


@pytest.mark.parametrize(("row", "word"), [
    ({"amount_minor": 1, "currency": "CNY"}, "day"),
    ({"day": "2026-05-04", "month": "2026-05", "amount_minor": 1, "currency": "CNY"}, "either"),
    ({"month": "2026-13", "amount_minor": 1, "currency": "CNY"}, "month"),
    ({"day": "4 May", "amount_minor": 1, "currency": "CNY"}, "day"),
    ({"day": "2026-05-04", "amount_minor": 1, "currency": "yuan"}, "currency"),
    ({"day": "2026-05-04", "amount_minor": 1.5, "currency": "CNY"}, "amount_minor"),
    ({"day": "2026-05-04", "amount": "1.5", "currency": "VND"}, "decimals"),
    ({"day": "2026-05-04", "amount": "1,500", "currency": "VND"}, "separators"),
    ({"day": "2026-05-04", "amount": "NaN", "currency": "CNY"}, "decimals"),
    ({"day": "2026-05-04", "amount": "1e40", "currency": "CNY"}, "large"),
    ({"day": "2026-05-04", "currency": "CNY"}, "either"),
    ({"day": "2026-05-04", "amount_minor": 1, "currency": "CNY", "kind": "other"}, "kind"),
    ({"day": "2026-05-04", "amount_minor": 1, "currency": "CNY", "cost": 3}, "cost"),
    ({"day": "2026-05-04", "amount_minor": 1, "currency": "CNY", "source": 3}, "source"),
])  # fmt: skip
def test_a_row_that_is_no_spend_says_why(row: dict[str, Any], word: str) -> None:
    good = {"day": "2026-05-04", "amount": "12.50", "currency": "CNY"}
    with pytest.raises(SpendRefused) as refused:
        read_rows([good, row])
    assert refused.value.problems[0]["where"] == "row 2"
    assert word in refused.value.problems[0]["what"]


def test_one_item_twice_needs_ids() -> None:
    row = {"day": "2026-05-04", "amount": "12.50", "currency": "CNY", "campaign": "spring"}
    with pytest.raises(SpendRefused, match="1 rows"):
        read_rows([row, {**row, "amount": "3"}])
    assert [each.amount_minor for each in read_rows([{**row, "id": "a"}, {**row, "id": "b"}])] == [1250, 1250]


@pytest.mark.parametrize("body", [
    "day,currency,amount\n2026-05-04,CNY,12.50\n\n",
    "\ufeffday;currency;amount\r\n2026-05-04;CNY;12.50\r\n",
    "day\tcurrency\tamount\n2026-05-04\tCNY\t12.50\n\t\t\n",
])  # fmt: skip
def test_csv_of_any_usual_shape_is_read(body: str) -> None:
    assert [each.amount_minor for each in read_rows(rows_of(body.encode(), "text/csv; charset=utf-8"))] == [1250]


@pytest.mark.parametrize(("body", "kind"), [
    (b"\xff\xfe", "text/csv"), (b"{", "application/json"), (b'{"items": 3}', "application/json"), (b"[3]", ""),
])  # fmt: skip
def test_a_body_without_rows_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(NotRows):
        rows_of(body, kind)


def leaves(texts: Any) -> list[dict[str, str]]:
    if not isinstance(texts, dict):
        return []
    if "en" in texts:
        return [texts]
    return [found for each in texts.values() for found in leaves(each)]


def test_every_text_is_there_in_three_languages() -> None:
    found = leaves(words.texts())
    assert len(found) > 100
    assert all(set(each) == set(LANGUAGES) and all(each.values()) for each in found)
    assert set(words.texts()["reports"]) >= set(REPORTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kpi_has_a_definition_and_says_why_it_is_null(language: str) -> None:
    found = kpis(Tally(), spent([], None, None), "CNY")
    shown = kpis_json(found, Settings(), language)
    assert all(each["title"] and "{" not in each["definition"] for each in shown)
    assert all(each["ratio"] is None and each["reason"] for each in shown)
    by_id = {each["id"]: each["reason"] for each in shown}
    assert by_id["roi"] == by_id["cost_per_lead"] == words.phrase("no_spend", language)
    assert by_id["win_rate"] == words.phrase("zero", language)
    assert {each.id for each in found} == set(words.texts()["kpis"])
    assert len(kpis_table(found, Settings(), language).rows) == len(found)


@pytest.mark.parametrize(("reason", "late", "expected"), [
    ("no_need", True, "late_rep"),
    ("wrong_info", False, "bad_lead"),
    ("wrong_info", True, "both"),
    ("timing", False, "neither"),
    ("a word of the policy's own", True, "late_rep"),
])  # fmt: skip
def test_whose_fault_it_was(reason: str, late: bool, expected: str) -> None:  # noqa: FBT001
    assert verdict(reason, late=late) == expected


def test_every_suggestion_has_its_words() -> None:
    known = words.texts()["words"]["suggestion"]
    for reason in (*OF_THE_LEAD, "no_need"):
        for late in (True, False):
            assert suggestion(verdict(reason, late=late), reason) in known


def test_the_sales_sources_come_from_the_environment() -> None:
    assert from_environment({}).sales_sources == {"own_list", "sales"}
    assert from_environment({"BATON_SALES_SOURCES": "partner, fair"}).sales_sources == {"partner", "fair"}
    assert from_environment({"BATON_SALES_SOURCES": ""}).sales_sources == frozenset()
