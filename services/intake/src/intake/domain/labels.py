"""How forms call the lead's fields, in several languages, and what in a form is no answer at all."""

import re
from functools import cache

from intake.domain.text import fold, fold_label, holds_words

_LABELS: dict[str, tuple[str, ...]] = {
    "name": ("name", "full name", "fullname", "contact name", "contact person", "姓名", "联系人", "全名", "名字", "称呼", "家長姓名",
             "Họ và tên", "Họ tên", "Tên", "Tên của bạn", "nombre", "nome", "nom"),
    "first_name": ("first name", "firstname", "given name", "fname", "name first"),
    "last_name": ("last name", "lastname", "surname", "family name", "lname", "name last"),
    "email": ("email", "e-mail", "email address", "mail", "work email", "business email", "company email", "user email",
              "邮箱", "电子邮件", "電子郵件", "邮箱地址", "Địa chỉ email"),
    "phone": ("phone", "phone number", "phonenumber", "telephone", "tel", "telphone", "mobile", "mobile phone",
              "mobile number", "cell phone", "work phone", "work phone number", "user phone", "电话", "手机", "手机号", "手机号码",
              "电话号码", "联系电话", "電話", "Số điện thoại", "SĐT", "Điện thoại", "telefono", "telefone"),
    "company": ("company", "company name", "companyname", "organization", "organisation", "business name", "employer",
                "公司", "公司名称", "企业名称", "单位", "Công ty", "Tên công ty", "Doanh nghiệp", "empresa"),
    "company_size": ("company size", "size", "employees", "number of employees", "team size", "headcount", "公司规模",
                     "企业规模", "员工人数", "规模", "Quy mô", "Quy mô công ty", "Số nhân viên"),
    "annual_revenue": ("annual revenue", "annual sales", "revenue", "年营业额", "年收入", "Doanh thu"),
    "industry": ("industry", "job industry", "sector", "行业", "所属行业", "Ngành", "Ngành nghề", "Lĩnh vực"),
    "title": ("title", "job title", "jobtitle", "position", "job role", "role", "职位", "职务", "Chức vụ", "Chức danh", "Vị trí"),
    "department": ("department", "job department", "部门", "Phòng ban"),
    "language": ("language", "lang", "locale", "wpcf7 locale", "语言", "Ngôn ngữ"),
    "country": ("country", "country code", "nation", "国家", "Quốc gia"),
    "region": ("region", "state", "province", "state province", "地区", "省份", "省", "Khu vực", "Tỉnh"),
    "city": ("city", "town", "城市", "Thành phố", "Tỉnh thành"),
    "budget": ("budget", "travel budget", "预算", "預算", "采购预算", "Ngân sách"),
    "budget_cycle": ("budget cycle", "预算周期", "Chu kỳ ngân sách"),
    "timeframe": ("timeframe", "time frame", "timeline", "purchase timeline", "purchase timeframe", "purchase time",
                  "采购时间", "预计采购时间", "启动时间", "Thời gian mua", "Thời gian"),
    "current_project": ("current project", "project", "是否有明确项目", "当前项目", "Dự án"),
    "product": ("product", "service", "product interest", "产品", "意向产品", "Sản phẩm"),
    "message": ("message", "comment", "comments", "note", "notes", "remark", "enquiry", "inquiry", "question", "details",
                "留言", "备注", "需求", "Ghi chú", "Nội dung", "Lời nhắn", "Tin nhắn", "mensaje"),
    "referred_by": ("referred by", "referrer name", "推荐人", "Người giới thiệu"),
    "website": ("website", "company website", "web site", "domain", "网站", "官网"),
    "created_at": ("created at", "created time", "submitted at"),
    "is_test": ("is test",),
    "tags": ("tags",),
}  # fmt: skip
# What the page adds, not the person: kept as fields, not as answers.
_TRACKING: dict[str, tuple[str, ...]] = {
    "source": ("source", "utm source", "lead source"),
    "campaign": ("campaign", "utm campaign", "campaign name"),
    "ad_group": ("ad group", "adgroup", "adset name", "ad group name", "adgroup name", "utm adgroup"),
    "ad": ("ad", "ad name", "creative"),
    "keyword": ("keyword", "utm term", "关键词"),
    "content": ("content", "utm content"),
    "event": ("event", "event name"),
    "landing_page": ("landing page", "landing page url", "landingpage", "page url", "source url", "form url"),
    "landing_page_version": ("landing page version", "page version", "lp version"),
    "referrer_url": ("referrer url", "referrer", "referer", "http referer"),
    "campaign_id": ("campaign id",),
    "ad_group_id": ("ad group id", "adgroup id", "adset id"),
    "asset_group_id": ("asset group id",),
    "ad_id": ("ad id", "creative id"),
    "form_id": ("form id",),
}
# Words that tell a custom question's meaning where its label is none of the above.
_QUESTION_WORDS: dict[str, tuple[str, ...]] = {
    "budget": ("budget", "预算", "預算", "ngân sách"),
    "timeframe": ("timeframe", "timeline", "when do you plan", "when would you like", "when do you want to start", "how soon", "什么时候", "多久内",
                  "采购时间", "启动时间", "khi nào", "bao lâu"),
    "industry": ("industry", "行业", "ngành nghề", "lĩnh vực"),
    "company_size": ("company size", "how many employees", "number of employees", "公司规模", "员工人数", "quy mô",
                     "bao nhiêu nhân viên"),
}  # fmt: skip
CLICK_IDS = frozenset(
    {"gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id", "bd_vid", "qz_gdt",
     "zclid", "yclid", "gcl_id"}
)  # fmt: skip
_CHANNELS = {
    "wechat": "wechat", "weixin": "wechat", "wechat id": "wechat", "we chat": "wechat", "wecom": "wecom",
    "zalo": "zalo", "zalo id": "zalo", "whatsapp": "whatsapp", "line id": "line", "telegram": "telegram", "qq": "qq",
}  # fmt: skip
_CONSENT = frozenset(
    map(
        fold,
        ("consent", "acceptance", "gdpr", "gdpr consent", "agree", "i agree", "agreement", "terms", "opt in", "optin",
         "privacy", "privacy policy", "marketing consent", "newsletter consent", "đồng ý", "tôi đồng ý", "同意", "我同意",
         "隐私协议"),
    )
)  # fmt: skip
# Tokens differ at every sending of one form, so they would hide a repeat; addresses and browsers are no answers.
_MACHINERY = re.compile(
    r"_.*|csrf.*|authenticity_token|__requestverificationtoken|g-recaptcha-response|h-captcha-response"
    r"|cf-turnstile-response|ip|ip_address|user_agent|nonce|submit",
    re.IGNORECASE,
)
_POLITE = ("your ", "contact ", "lead ", "customer ", "user ", "fields ")
_COUNTER = re.compile(r" \d+$")


@cache
def _by_label(tracking: bool) -> dict[str, str]:  # noqa: FBT001 - two tables of one shape
    table = _TRACKING if tracking else _LABELS
    return {fold(label): field for field, labels in table.items() for label in (field, *labels)}


@cache
def _by_word() -> list[tuple[str, str]]:
    return [(fold(word), field) for field, words in _QUESTION_WORDS.items() for word in words]


def is_machinery(key: str) -> bool:
    """Keys of plug-ins, captchas and browsers."""
    return _MACHINERY.fullmatch(key) is not None


def asked_field(label: str) -> str | None:
    """The lead field a question is about, by its exact label."""
    folded = fold_label(label)
    known = _by_label(tracking=False)
    if folded in known:
        return known[folded]
    return next((known.get(folded.removeprefix(word)) for word in _POLITE if folded.startswith(word)), None)


def tracking_field(label: str) -> str | None:
    return _by_label(tracking=True).get(fold_label(label))


def guessed_field(label: str) -> str | None:
    """The lead field a custom question is about, by the words in it."""
    folded = fold_label(label)
    return next((field for word, field in _by_word() if holds_words(folded, word)), None)


def channel(label: str) -> str | None:
    return _CHANNELS.get(fold_label(label))


def is_consent(label: str) -> bool:
    return _COUNTER.sub("", fold_label(label)) in _CONSENT
