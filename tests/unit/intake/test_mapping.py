"""Bodies to submissions: mapping, defaults, sources, boxes, traps, times, content keys."""

from datetime import UTC, datetime
from typing import Any

import pytest

from intake.domain.attributes import attributes
from intake.domain.identity import IdentityKey, email_key, identity_keys, phone_key
from intake.domain.mapping import submissions
from intake.domain.strict_json import Json
from intake.domain.submission import Ignored, Submission, Unmappable, lead_fields, personal
from shared.contracts.attributes import ATTRIBUTE_NAMES
from tests.unit.intake.builders import RECEIVED_AT, a_door, one_submission, the_fields


def test_a_partners_nested_items_are_mapped_by_dotted_paths() -> None:
    door = a_door(
        kind="generic",
        items="data.leads",
        id="ref",
        map={"name": "contact.name", "email": "contact.mails.0", "campaign": ["none", "ad.campaign"]},
        defaults={"source": "partner", "country": "VN"},
    )
    lead = {
        "ref": 7,
        "contact": {"name": "Ann", "mails": ["Ann@X.com"], "phone": "0912 345 678"},
        "ad": {"campaign": "c"},
    }
    body: Any = {"data": {"leads": [lead, {"ref": 8}, "text"]}}
    first, second, third = submissions(door, the_fields(), body, RECEIVED_AT)
    assert isinstance(first, Submission)
    assert (first.vendor_id, first.vendor_key) == ("7", "7")
    assert first.fields["email"] == "ann@x.com"
    assert first.fields["phone"] == "+84912345678"
    assert first.fields["campaign"] == "c"
    assert first.origins["email"] == "contact.mails.0"
    assert first.origins["source"] == "door default"
    assert isinstance(second, Unmappable)
    assert (second.vendor_key, second.where) == ("8", "$[1]")
    assert "email or phone or channel_ids" in second.reason
    assert third == Unmappable("the item is no object", "$[2]", "send one object per lead")


def test_a_wrong_items_path_parks_the_body() -> None:
    [outcome] = submissions(a_door(kind="generic", items="leads"), the_fields(), {"data": []}, RECEIVED_AT)
    assert isinstance(outcome, Unmappable)


def test_an_id_of_zero_is_no_id() -> None:
    assert one_submission({"id": 0, "email": "a@b.com"}, kind="generic", id="id").vendor_key is None


def test_a_filled_honeypot_is_ignored_and_an_empty_one_is_no_answer() -> None:
    door = a_door(kind="html")
    [robot] = submissions(door, the_fields(), {"email": "a@b.com", "website_hp": "spam"}, RECEIVED_AT)
    assert isinstance(robot, Ignored)
    person = one_submission({"email": "a@b.com", "website_hp": "", "_token": "x", "csrf": "y"}, kind="html")
    assert [answer.key for answer in person.answers] == ["email"]


def test_a_story_of_vietnamese_and_chinese_words() -> None:
    linh = one_submission(
        {
            "Họ và tên": "Nguyễn Thị Linh",
            "Chức vụ": "Giám đốc",
            "Công ty": "Công ty May Phú An",
            "Ngành nghề": "sản xuất",
            "Thời gian mua": "trong 1 tháng",
            "Số điện thoại": "0912 345 678",
        },
        kind="html",
        defaults={"country": "VN", "source": "facebook"},
    )
    assert linh.picked == {
        "industry": "manufacturing",
        "source": "facebook",
        "timeframe": "within_1_month",
        "title_level": "director",
        "country": "VN",
    }
    assert linh.fields["industry"] == "sản xuất"
    assert lead_fields(linh)["industry"] == "manufacturing"
    wang = one_submission(
        {
            "姓名": "王磊",
            "职位": "创始人",
            "行业": "生产制造",
            "采购时间": "一个月内启动",
            "手机": "13812345678",
            "预算": "待定",
        },
        kind="html",
        defaults={"country": "CN"},
    )
    assert wang.fields["phone"] == "+8613812345678"
    assert (wang.picked["industry"], wang.picked["timeframe"]) == ("manufacturing", "within_1_month")
    assert (wang.picked["title_level"], wang.picked["budget"]) == ("founder", "pending")


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"utm_source": "Newsletter", "gclid": "x"}, "newsletter"),
        ({"landing_page": "https://e.com/?utm_source=bing&utm_campaign=c"}, "bing"),
        ({"gclid": "x"}, "google"),
        ({"platform": "ig"}, "instagram"),
        ({"source": "展会"}, "trade_show"),
        ({}, "own_list"),
    ],
)
def test_the_source_is_utm_then_the_platform_then_the_doors(body: dict[str, str], source: str) -> None:
    found = one_submission({"email": "a@b.com", **body}, kind="html", defaults={"source": "own_list"})
    assert found.picked["source"] == source


def test_one_box_is_a_yes_and_several_are_a_map() -> None:
    assert one_submission({"email": "a@b.com", "consent": "on"}, kind="html").consent is True
    assert one_submission({"email": "a@b.com"}, kind="html").consent is None
    two = {"email": "a@b.com", "acceptance-1": "1", "acceptance-2": "0"}
    assert one_submission(two, kind="html").consent == {"acceptance-1": True, "acceptance-2": False}
    named = one_submission({"email": "a@b.com", "box": "ja"}, kind="html", consent={"mail": "box", "calls": "other"})
    assert named.consent == {"mail": True, "calls": False}


def test_our_own_capture_takes_canonical_names_with_their_shapes() -> None:
    found = one_submission(
        {
            "name": "赵敏",
            "channel_ids": {"wechat": "zm88"},
            "click_ids": {"gclid": "g"},
            "tags": ["demo", "vip"],
            "consent": {"mail": True, "calls": False},
            "answers": [{"question": "When?", "answer": ["now", "later"]}],
            "created_at": "2026-11-01T10:00:00+07:00",
            "referred_by": "老客户",
            "is_test": False,
        },
        kind="rest",
    )
    assert found.fields["channel_ids"] == {"wechat": "zm88"}
    assert found.fields["click_ids"] == {"gclid": "g"}
    assert found.fields["tags"] == ("demo", "vip")
    assert found.consent == {"mail": True, "calls": False}
    assert ("When?", ("now", "later")) in [(one.question, one.values) for one in found.answers]
    assert found.occurred_at == datetime(2026, 11, 1, 3, tzinfo=UTC)
    assert not found.is_test
    assert attributes(found)["referred"] is True


def test_a_row_without_a_usable_contact_is_parked_until_a_column_is_mapped() -> None:
    row: dict[str, Json] = {"姓名": "周婷", "手机": "n/a", "微信号": "zt2020"}
    [parked] = submissions(a_door(kind="generic"), the_fields(), row, RECEIVED_AT)
    assert isinstance(parked, Unmappable)
    mapped = one_submission(row, kind="generic", map={"channel_ids.wechat": "微信号"})
    assert mapped.fields["channel_ids"] == {"wechat": "zt2020"}


def test_a_time_without_a_zone_is_the_doors_and_the_future_is_now() -> None:
    body = {"email": "a@b.com", "created_at": "2026-11-02 08:00:00"}
    assert one_submission(body, kind="rest", zone="Asia/Shanghai").occurred_at == datetime(2026, 11, 2, tzinfo=UTC)
    assert one_submission({**body, "created_at": "2031-01-01"}, kind="rest").occurred_at == RECEIVED_AT
    assert one_submission({**body, "created_at": "soon"}, kind="rest").created_at is None


def test_equal_content_has_one_key_and_other_content_or_another_door_has_not() -> None:
    body: dict[str, Json] = {"email": "a@b.com", "message": "hello", "csrf_token": "1"}
    first = one_submission(body, kind="html").content_key
    assert first == one_submission({**body, "csrf_token": "2"}, kind="html").content_key
    assert first != one_submission({**body, "message": "hello again"}, kind="html").content_key
    later = submissions(a_door(kind="html"), the_fields(), body, datetime(2026, 12, 1, tzinfo=UTC))[0]
    assert isinstance(later, Submission)
    assert later.content_key == first


def test_what_is_wanted_but_absent_is_named() -> None:
    assert one_submission({"email": "a@b.com"}, kind="rest").missing == ("name", "company", "title", "source")


def test_identity_keys_are_whole_never_empty_and_need_a_country() -> None:
    found = one_submission({"email": " JoAnn@X.com ", "phone": "(650) 555-0133"}, kind="rest")
    assert identity_keys(found) == [IdentityKey("email", "joann@x.com")]
    assert identity_keys(one_submission({"phone": "0084 912 345 678"}, kind="rest")) == [
        IdentityKey("phone", "+84912345678")
    ]
    assert email_key("ann@x.com") != email_key("joann@x.com")
    assert email_key("") is email_key(None) is email_key("@x.com") is phone_key("") is phone_key("n/a") is None
    with pytest.raises(ValueError, match="empty"):
        IdentityKey("email", " ")


def test_attributes_are_the_contracts_and_hold_nothing_of_the_person() -> None:
    found = one_submission(
        {
            "name": "Jane Planted",
            "email": "jane.planted@planted.example",
            "phone": "+84 912 345 678",
            "wechat": "planted-wx",
            "company": "Planted Foods Ltd",
            "title": "Founder",
            "industry": "制造",
            "message": "planted message",
            "utm_source": "google",
            "utm_campaign": "reply to jane.planted@planted.example",
            "utm_term": "call 0912 345 678",
            "utm_content": "for jane planted",
            "ad": "0912345678",
            "city": "Hà Nội",
            "gclid": "planted-click",
            "referrer_url": "https://planted.example/?u=planted",
            "landing_page": "https://user:pw@example.com/lp?email=jane.planted@planted.example#x",
            "referred_by": "Planted Referrer",
        },
        kind="html",
        defaults={"country": "VN", "event": "Shanghai fair 2026-09-24"},
        tags=["demo", "+84912345678"],
    )
    shown = attributes(found)
    assert set(shown) <= set(ATTRIBUTE_NAMES)
    assert shown == {
        "door": "door",
        "title_level": "founder",
        "company_domain": "planted.example",
        "country": "VN",
        "industry": "manufacturing",
        "source": "google",
        "event": "Shanghai fair 2026-09-24",
        "city": "Hà Nội",
        "landing_page": "https://example.com/lp",
        "referred": True,
        "tags": ["demo"],
    }
    assert {"name", "email", "phone", "message", "click_ids", "channel_ids"} <= set(personal(found))


def test_platform_ids_amounts_and_dates_are_no_phone_numbers() -> None:
    shown = attributes(
        one_submission(
            {
                "email": "a@gmail.com",
                "campaign_id": 13812345678,
                "ad_group": "20111222333",
                "budget": "10,000,000 - 50,000,000 VND",
                "company_size": "100000000",
                "keyword": "kho bãi 2026-09-26",
            },
            kind="generic",
        )
    )
    assert shown["campaign"] == shown["campaign_id"] == "13812345678"
    assert shown["ad_group"] == "20111222333"
    assert shown["budget"] == "10,000,000 - 50,000,000 VND"
    assert shown["keyword"] == "kho bãi 2026-09-26"
    assert "company_domain" not in shown


def test_a_visitor_cannot_mark_a_lead_by_extra_form_fields() -> None:
    body = {"email": "a@b.com", "tags": "demo", "is_test": "1", "created_at": "2001-01-01", "title_level": "founder"}
    found = one_submission(body, kind="html", tags=["fair"])
    assert (found.fields["tags"], found.is_test, found.created_at) == (("fair",), False, None)
    assert "title_level" not in found.picked
    assert one_submission(body, kind="rest").is_test


def test_long_answers_and_a_persons_own_name_stay_in_intake() -> None:
    found = one_submission(
        {
            "name": "王磊",
            "email": "wl@b.com",
            "industry": "We make small wooden toys for children and sell them at markets",
            "campaign": "王磊专属",
            "keyword": "x" * 60_000,
            "ad": "y@" * 30_000,
        },
        kind="rest",
    )
    assert set(attributes(found)) == {"door", "company_domain"}


def test_a_flat_row_of_an_automation_tool_is_read_without_a_mapping() -> None:
    body = {
        "id": "00000000123",
        "full_name": "Jane Example",
        "email": "jane@example.com",
        "phone_number": "+61400000123",
        "company_name": "Acme",
        "platform": "fb",
        "adset_name": "Parents",
        "campaign_name": "LEADS",
        "what_is_your_budget?": "20-50",
    }
    found = one_submission(body, kind="generic", id="id")
    assert found.vendor_id == "00000000123"
    assert found.fields == {
        "name": "Jane Example",
        "email": "jane@example.com",
        "phone": "+61400000123",
        "company": "Acme",
        "source": "facebook",
        "ad_group": "Parents",
        "campaign": "LEADS",
        "budget": "20-50",
    }
