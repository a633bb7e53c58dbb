"""Normal forms: addresses, numbers, companies, domains, URLs, times, folding."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.domain import normal
from intake.domain.text import fold
from intake.domain.times import instant


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ann@X.COM ", "ann@x.com"),
        ("ann+tag@x.com", "ann+tag@x.com"),
        ("mailto:ann@x.com", "ann@x.com"),
        ("cafe\u0301@x.com", "caf\u00e9@x.com"),
        ("jane@example.com", "jane@example.com"),
        ("ann@localhost", None),
        ("ann@@x.com", None),
        ("ann@[127.0.0.1]", None),
        ("", None),
        ("a" * 300 + "@x.com", None),
    ],
)
def test_e_mail_addresses(text: str, address: str | None) -> None:
    assert normal.email(text) == address


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0912 345 678", "VN", "+84912345678"),
        ("84912345678", "VN", "+84912345678"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("+84 912 345 678", None, "+84912345678"),
        ("＋84912345678", None, "+84912345678"),
        ("p:+61400000123", None, "+61400000123"),
        ("0912345678 / 0987654321", "VN", "+84912345678"),
        ("0912 345 678", None, None),
        ("12345", "VN", None),
        ("n/a", "VN", None),
        ("", "VN", None),
    ],
)
def test_phone_numbers(text: str, country: str | None, number: str | None) -> None:
    assert normal.phone(text, country) == number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Công ty TNHH May Phú An", "MAY PHU AN"),
        ("Công ty Cổ phần Ví Dụ", "Ví Dụ JSC"),
        ("苏州精工机械有限公司", "苏州精工机械"),
        ("宁波海天电子股份有限公司", "宁波海天电子"),
        ("Acme Co., Ltd.", "ACME"),
        ("Kestrel Foods Pte. Ltd.", "Kestrel Foods"),
        ("Müller GmbH & Co. KG", "Muller"),
    ],
)
def test_companies_are_equal_without_their_legal_forms(one: str, other: str) -> None:
    assert normal.company(one) == normal.company(other) != ""


def test_a_name_of_nothing_but_a_legal_form_stays_and_parts_of_names_are_kept() -> None:
    assert normal.company("Co., Ltd") != ""
    assert normal.company("Co Loa Foods") == "co loa foods"


@pytest.mark.parametrize(
    ("address", "website", "domain"),
    [
        ("a@sales.acme.co.uk", None, "acme.co.uk"),
        ("a@acme.com.vn", None, "acme.com.vn"),
        ("a@gmail.com", "https://www.acme.vn/contact", "acme.vn"),
        ("a@qq.com", None, None),
        ("a@x.own.example", None, None),
        (None, "10.0.0.1", None),
        (None, "not a site", None),
    ],
)
def test_a_companys_domain_is_never_a_mail_providers(
    address: str | None, website: str | None, domain: str | None
) -> None:
    assert normal.company_domain(address, website, frozenset({"own.example"})) == domain


def test_urls_lose_query_fragment_and_credentials() -> None:
    assert normal.without_query("https://u:p@e.com:8443/a?b=c#d") == "https://e.com:8443/a"
    assert normal.without_query("javascript:alert(1)") is None
    assert normal.without_query("https://[broken") is None
    assert normal.without_query("https://e.com:99999/") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000123", datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)),
        ("2024-09-26T12:30:00Z", datetime(2024, 9, 26, 12, 30, tzinfo=UTC)),
        ("2024-09-26T12:30:00+0000", datetime(2024, 9, 26, 12, 30, tzinfo=UTC)),
        ("2024-09-26 12:30:00", datetime(2024, 9, 26, 4, 30, tzinfo=UTC)),
        ("20240926", datetime(2024, 9, 25, 16, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("0", None),
        ("9" * 16, None),
        ("yesterday", None),
    ],
)
def test_instants(text: str, expected: datetime | None) -> None:
    assert instant(text, "Asia/Shanghai") == expected


@given(st.text())
def test_nothing_here_raises_on_any_text(text: str) -> None:
    address = normal.email(text)
    assert address is None or normal.email(address) == address
    for country in ("VN", "CN", None):
        number = normal.phone(text, country)
        assert number is None or normal.phone(number, None) == number
    assert fold(fold(text)) == fold(text)
    normal.company(text)
    normal.company_domain(None, text, frozenset())
    normal.without_query(text)
    normal.query(text)
    instant(text, "UTC")
