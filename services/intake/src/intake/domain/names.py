"""The names of a lead's fields, and of countries."""

from functools import cache

from phonenumbers import SUPPORTED_REGIONS

from intake.domain.text import fold

# What says who the person is, or what they wrote: it stays in intake.
PERSONAL_FIELDS = frozenset(
    {"name", "email", "phone", "channel_ids", "message", "answers", "click_ids", "referred_by", "title", "company"}
)
TEXT_FIELDS = frozenset(
    {
        "name", "email", "phone", "language", "company", "company_size", "annual_revenue", "industry", "title",
        "department", "source", "campaign", "ad_group", "ad", "keyword", "content", "event", "landing_page",
        "landing_page_version", "referrer_url", "referred_by", "budget", "budget_cycle", "timeframe",
        "current_project", "product", "country", "region", "city", "message",
    }
)  # fmt: skip
# The platform's ids, kept beside the names.
ID_FIELDS = frozenset({"campaign_id", "ad_group_id", "asset_group_id", "ad_id", "form_id"})
# Read from a body and turned into something else.
SOURCE_FIELDS = frozenset({"first_name", "last_name", "website", "created_at", "is_test", "tags", "title_level"})
MAPPABLE_FIELDS = TEXT_FIELDS | ID_FIELDS | SOURCE_FIELDS
DEFAULTABLE_FIELDS = TEXT_FIELDS - {"name", "email", "phone", "message"}

_COUNTRY_NAMES = {
    "VN": ("Vietnam", "Viet Nam", "越南"), "CN": ("China", "Trung Quốc", "中国", "中國"),
    "TW": ("Taiwan", "台湾", "台灣"), "HK": ("Hong Kong", "香港"), "SG": ("Singapore", "新加坡"),
    "TH": ("Thailand", "Thái Lan", "泰国"), "MY": ("Malaysia", "马来西亚"), "ID": ("Indonesia", "印度尼西亚"),
    "PH": ("Philippines", "菲律宾"), "KH": ("Cambodia", "Campuchia", "柬埔寨"), "LA": ("Laos", "Lào", "老挝"),
    "JP": ("Japan", "Nhật Bản", "日本"), "KR": ("South Korea", "Korea", "Hàn Quốc", "韩国"),
    "IN": ("India", "Ấn Độ", "印度"), "AU": ("Australia", "Úc", "澳大利亚"),
    "US": ("USA", "United States", "United States of America", "Mỹ", "Hoa Kỳ", "美国"),
    "GB": ("UK", "United Kingdom", "Great Britain", "England", "Anh", "英国"), "CA": ("Canada", "加拿大"),
    "DE": ("Germany", "Deutschland", "Đức", "德国"), "FR": ("France", "Pháp", "法国"),
    "ES": ("Spain", "España", "西班牙"), "IT": ("Italy", "Italia", "意大利"),
    "NL": ("Netherlands", "荷兰"), "BR": ("Brazil", "Brasil", "巴西"), "MX": ("Mexico", "México", "墨西哥"),
}  # fmt: skip


@cache
def _countries() -> dict[str, str]:
    return {fold(name): code for code, names in _COUNTRY_NAMES.items() for name in names}


def canonical_country(text: str) -> str | None:
    """The ISO 3166 code of a code or a usual name; None where it is neither."""
    code = text.strip().upper()
    return code if code in SUPPORTED_REGIONS else _countries().get(fold(text))
