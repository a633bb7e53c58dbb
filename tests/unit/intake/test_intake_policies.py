"""The doors and fields policies: what is valid, what each mistake says, picklists and title levels."""

from typing import Any

import pytest

from intake.domain.fields import parse_fields
from intake.domain.policy import HtmlDoor, lint_doors, parse_doors
from intake.domain.problems import Problem
from tests.unit.intake.builders import a_door, a_policy, resolve, the_fields


def problem(door: dict[str, Any]) -> Problem:
    found = parse_doors({"doors": {"web": door}})
    assert isinstance(found, list)
    return found[0]


@pytest.mark.parametrize(
    ("door", "path", "says"),
    [
        ({"kind": "google"}, "doors.web.key", "add the key"),
        ({"kind": "google", "key": ""}, "doors.web.key[0]", "a secret is named"),
        ({"kind": "google", "key": "abc123"}, "doors.web.key[0]", "a secret is named"),
        ({"kind": "google", "key": {"env": ""}}, "doors.web.key[0]", "not with an empty text"),
        ({"kind": "google", "key": {"env": "A", "file": "b"}}, "doors.web.key[0]", "exactly one"),
        ({"kind": "google", "key": []}, "doors.web.key", "at least 1"),
        ({"kind": "faxx"}, "doors.web", "use one of"),
        ({}, "doors.web", "add the key 'kind'"),
        ({"kind": "html", "orgins": []}, "doors.web.orgins", "did you mean 'origins'?"),
        ({"kind": "html", "origins": ["example.com/path"]}, "doors.web.origins", "scheme://host"),
        ({"kind": "html", "thanks": "//evil.example"}, "doors.web.thanks", "https://"),
        ({"kind": "html", "thanks": "javascript:x"}, "doors.web.thanks", "https://"),
        ({"kind": "html", "defaults": {"country": "Vietnamia"}}, "doors.web.defaults", "ISO 3166"),
        ({"kind": "html", "map": {"e_mail": "x"}}, "doors.web.map", "no lead field"),
        ({"kind": "html", "zone": "Mars/Base"}, "doors.web.zone", "IANA"),
        ({"kind": "generic", "verify": {"header": "X"}}, "doors.web.verify.secrets", "add the key"),
        (
            {"kind": "generic", "verify": {"header": "X", "secrets": [{"env": "S"}], "message": "{id}.{body}"}},
            "doors.web.verify",
            "'id_header' go together",
        ),
        (
            {"kind": "generic", "verify": {"header": "X", "secrets": [{"env": "S"}], "message": "{boody}"}},
            "doors.web.verify",
            "the message knows only",
        ),
        (
            {"kind": "generic", "verify": {"header": "X", "secrets": [{"env": "S"}], "message": "{body"}},
            "doors.web.verify",
            "expected '}'",
        ),
        (
            {"kind": "generic", "verify": {"header": "X", "secrets": [{"env": "S"}], "digest": "md5"}},
            "doors.web.verify.digest",
            "sha256",
        ),
    ],
)
def test_a_mistake_is_named_with_its_path_and_its_remedy(door: dict[str, Any], path: str, says: str) -> None:
    found = problem(door)
    assert found.path == path
    assert says in f"{found.detail} {found.fix}"


def test_a_door_name_fits_a_path() -> None:
    assert isinstance(parse_doors({"doors": {"Ünsafe/..": {"kind": "html"}}}), list)
    assert isinstance(parse_doors([]), list)
    assert isinstance(parse_doors({"doors": []}), list)


def test_the_documented_partner_door_is_valid() -> None:
    policy = a_policy(
        partner={
            "kind": "generic",
            "verify": {
                "header": "X-Signature",
                "prefix": "sha256=",
                "digest": "sha256",
                "encoding": "hex",
                "message": "{body}",
                "secrets": [{"secret": "key"}],
            },
            "items": "leads",
            "id": "ref",
            "map": {"name": "contact.name", "email": "contact.email"},
            "defaults": {"source": "partner"},
        }
    )
    assert policy.doors["partner"].name == "partner"
    assert lint_doors(policy, resolve) == []


def test_lint_finds_empty_secrets_and_open_doors() -> None:
    policy = a_policy(ads={"kind": "google", "key": {"secret": "unset"}}, any={"kind": "generic"})
    found = lint_doors(policy, resolve)
    assert [(one.path, one.level) for one in found] == [("doors.ads.key[0]", "error"), ("doors.any", "warning")]


def test_origins_are_compared_whole() -> None:
    door = a_door(kind="html", origins=["https://example.com"])
    assert isinstance(door, HtmlDoor)
    assert door.allows("https://EXAMPLE.com")
    assert not door.allows("https://example.com.evil.example")
    assert not door.allows("null")


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        *[
            ("industry", text, "manufacturing")
            for text in ("制造业", "制造", "生产制造", "sản xuất", "Manufacturing", "San Xuat")
        ],
        *[
            ("timeframe", text, "within_1_month")
            for text in (
                "trong 1 tháng",
                "一个月内",
                "Within a month",
                "within_a_month",
                "1个月内",
                "in_the_next_1_month_",
            )
        ],
        *[("timeframe", text, "within_3_months") for text in ("3 months", "三个月内", "trong 3 tháng", "1-3 months")],
        *[("timeframe", text, "long_term") for text in ("长期考虑", "dài hạn", "long-term")],
        *[("budget", text, "yes") for text in ("có", "有", "Yes")],
        *[("budget", text, "pending") for text in ("Chưa rõ", "待定", "not sure")],
        *[("budget", text, "no") for text in ("không", "没有", "NO")],
        ("timeframe", "11个月内", None),
        ("timeframe", "13 months", None),
        ("budget", "10k-50k", None),
        ("industry", "It depends", None),
        ("industry", "", None),
    ],
)
def test_picklists_know_their_aliases(field: str, text: str, value: str | None) -> None:
    assert the_fields().pick(field, text) == value


@pytest.mark.parametrize(
    ("title", "level"),
    [
        ("创始人", "founder"), ("Co-Founder & CEO", "founder"), ("Nhà sáng lập", "founder"), ("Product Owner", "staff"),
        ("总监", "director"), ("采购总监", "director"), ("Giám đốc", "director"), ("Directora", "director"),
        ("Phó giám đốc", "director"), ("总经理", "director"), ("CEO", "director"), ("总经理助理", "staff"),
        ("Assistant to the Director", "staff"), ("Trợ lý giám đốc", "staff"), ("采购经理", "manager"),
        ("Trưởng phòng mua hàng", "manager"), ("Account Executive", "staff"), ("nhân viên", "staff"),
        ("实习生", "intern"), ("Thực tập sinh", "intern"), ("International Manager", "manager"), ("", None), ("黑客", None),
    ],
)  # fmt: skip
def test_titles_have_levels(title: str, level: str | None) -> None:
    assert the_fields().title_level(title) == level


def test_a_policy_replaces_one_picklist_and_keeps_the_others() -> None:
    fields = the_fields(picklists={"industry": {"values": {"metal": ["Kim loại"]}}})
    assert fields.pick("industry", "kim loại") == "metal"
    assert fields.pick("industry", "制造") is None
    assert fields.pick("timeframe", "一个月内") == "within_1_month"


def test_mistakes_in_the_fields_policy_are_named() -> None:
    twice = parse_fields({"picklists": {"industry": {"values": {"a": ["X"], "b": ["x"]}}}})
    assert isinstance(twice, list)
    assert (twice[0].path, "stands under" in twice[0].detail) == ("picklists.industry", True)
    unknown = parse_fields({"required": [["mail"]]})
    assert isinstance(unknown, list)
    assert "no lead field" in unknown[0].detail
    assert isinstance(parse_fields({"tittles": []}), list)
