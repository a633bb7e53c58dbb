"""What scorer says in sentences, in the three languages: kinds of engagement, ages, what is missing, what differs."""

from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["en", "zh", "vi"]
Words = Mapping[Language, str]

KINDS: Final[Mapping[str, Words]] = {
    "submitted": {"en": "Submitted again", "zh": "再次提交", "vi": "Gửi thông tin lần nữa"},
    "mail_opened": {"en": "Opened a mail", "zh": "打开邮件", "vi": "Mở email"},
    "mail_clicked": {"en": "Clicked in a mail", "zh": "点击邮件链接", "vi": "Nhấp vào email"},
    "home_page_viewed": {"en": "Viewed the home page", "zh": "浏览首页", "vi": "Xem trang chủ"},
    "solution_page_viewed": {"en": "Viewed a solution page", "zh": "浏览方案页", "vi": "Xem trang giải pháp"},
    "price_page_viewed": {"en": "Viewed the price page", "zh": "浏览价格页", "vi": "Xem trang báo giá"},
    "case_study_downloaded": {"en": "Downloaded case studies", "zh": "下载客户案例集", "vi": "Tải tài liệu khách hàng"},
    "white_paper_downloaded": {"en": "Downloaded a white paper", "zh": "下载白皮书", "vi": "Tải sách trắng"},
    "brochure_downloaded": {"en": "Downloaded a brochure", "zh": "下载产品手册", "vi": "Tải brochure"},
    "quote_sheet_downloaded": {"en": "Downloaded the quote sheet", "zh": "下载报价单", "vi": "Tải bảng báo giá"},
    "demo_requested": {"en": "Asked for a demo", "zh": "点击预约演示", "vi": "Đặt lịch demo"},
    "trial_requested": {"en": "Asked for a trial", "zh": "申请试用", "vi": "Đăng ký dùng thử"},
    "webinar_attended": {"en": "Attended a webinar", "zh": "参加线上研讨会", "vi": "Tham dự hội thảo trực tuyến"},
    "event_attended": {"en": "Attended an event", "zh": "参加线下活动", "vi": "Tham dự sự kiện"},
    "blog_subscribed": {"en": "Subscribed to the blog", "zh": "订阅博客", "vi": "Đăng ký blog"},
    "social_message": {"en": "Wrote on social media", "zh": "社交媒体留言", "vi": "Nhắn tin mạng xã hội"},
    "captured": {"en": "First arrival", "zh": "首次留资", "vi": "Lần đầu gửi thông tin"},
    "industry": {"en": "Industry", "zh": "行业", "vi": "Ngành"},
    "title_level": {"en": "Title", "zh": "职位", "vi": "Chức vụ"},
    "timeframe": {"en": "Timeframe", "zh": "启动时间", "vi": "Thời gian dự kiến"},
    "company_size": {"en": "Company size", "zh": "企业规模", "vi": "Quy mô doanh nghiệp"},
    "annual_revenue": {"en": "Annual revenue", "zh": "年营收", "vi": "Doanh thu năm"},
    "department": {"en": "Department", "zh": "部门", "vi": "Phòng ban"},
    "budget": {"en": "Budget", "zh": "预算", "vi": "Ngân sách"},
    "budget_cycle": {"en": "Budget cycle", "zh": "预算周期", "vi": "Chu kỳ ngân sách"},
    "current_project": {"en": "Current project", "zh": "当前项目", "vi": "Dự án hiện tại"},
    "product": {"en": "Product", "zh": "产品", "vi": "Sản phẩm"},
    "country": {"en": "Country", "zh": "国家", "vi": "Quốc gia"},
    "region": {"en": "Region", "zh": "地区", "vi": "Khu vực"},
    "city": {"en": "City", "zh": "城市", "vi": "Thành phố"},
    "source": {"en": "Source", "zh": "线索来源", "vi": "Nguồn lead"},
    "campaign": {"en": "Campaign", "zh": "营销活动", "vi": "Chiến dịch"},
    "tags": {"en": "Tags", "zh": "标签", "vi": "Nhãn"},
    "referred": {"en": "Referred", "zh": "转介绍", "vi": "Được giới thiệu"},
}

# plural where English has one: one act, two acts
_SENTENCES: Final[Mapping[str, Words]] = {
    "points_missing": {
        "en": "{points} more {points:point|points} to {tier}",
        "zh": "距离 {tier} 还差 {points} 分",
        "vi": "Còn thiếu {points} điểm để lên {tier}",
    },
    "one_closes": {
        "en": "“{rule}” ({gain}) would be enough",
        "zh": "“{rule}”（{gain} 分）即可达到",
        "vi": "“{rule}” ({gain} điểm) là đủ",
    },
    "together_close": {
        "en": "Together these would be enough: {rules}",
        "zh": "以下合计即可达到：{rules}",
        "vi": "Cộng lại là đủ: {rules}",
    },
    "nothing_closes": {
        "en": "No rules of this scorecard together can close it",
        "zh": "按现有评分规则无法补足",
        "vi": "Bộ tiêu chí hiện tại không đủ để đạt",
    },
    "acts_missing": {
        "en": "{acts} more high-value {acts:act|acts} in {days} {days:day|days}",
        "zh": "{days} 天内还需 {acts} 次高价值行为",
        "vi": "Cần thêm {acts} hành vi giá trị cao trong {days} ngày",
    },
    "new_act": {
        "en": "Sales let this lead go: it takes a new act, one that is younger than {at}",
        "zh": "销售已放弃该线索：需在 {at} 之后有新的行为",
        "vi": "Sales đã trả lead này: cần một hành vi mới sau {at}",
    },
    "line_not_met": {
        "en": "The line asks for more than points and acts: {line}",
        "zh": "达标条件还有其他要求：{line}",
        "vi": "Điều kiện còn yêu cầu khác ngoài điểm và hành vi: {line}",
    },
    "qualified": {
        "en": "Qualified, nothing is missing",
        "zh": "已达标，无缺项",
        "vi": "Đã đủ điều kiện, không thiếu gì",
    },
    "age_min": {"en": "{count} min ago", "zh": "{count} 分钟前", "vi": "{count} phút trước"},
    "age_h": {"en": "{count} h ago", "zh": "{count} 小时前", "vi": "{count} giờ trước"},
    "age_days": {"en": "{count} {count:day|days} ago", "zh": "{count} 天前", "vi": "{count} ngày trước"},
    "diff_added": {"en": "{what}: new, {after}", "zh": "{what}：新增，{after}", "vi": "{what}: mới, {after}"},
    "diff_removed": {
        "en": "{what}: removed, was {before}",
        "zh": "{what}：删除，原为 {before}",
        "vi": "{what}: bỏ, trước là {before}",
    },
    "diff_changed": {
        "en": "{what}: {before} → {after}",
        "zh": "{what}：{before} → {after}",
        "vi": "{what}: {before} → {after}",
    },
    "diff_none": {"en": "The two score alike", "zh": "两份评分规则相同", "vi": "Hai bộ tiêu chí như nhau"},
    "what_tier": {"en": "Tier {name}", "zh": "等级 {name}", "vi": "Hạng {name}"},
    "what_group": {"en": "Group {name}", "zh": "分组 {name}", "vi": "Nhóm {name}"},
    "what_rule": {"en": "Rule “{name}”", "zh": "规则“{name}”", "vi": "Tiêu chí “{name}”"},
    "what_line": {"en": "Line where sales must act", "zh": "达标条件", "vi": "Điều kiện chuyển Sales"},
    "what_high_value": {"en": "High-value acts", "zh": "高价值行为", "vi": "Hành vi giá trị cao"},
    "what_requalify": {"en": "Acts that qualify again", "zh": "可再次达标的行为", "vi": "Hành vi để đạt lại"},
    "field_points": {"en": "{value} points", "zh": "{value} 分", "vi": "{value} điểm"},
    "field_from": {"en": "from {value}", "zh": "{value} 分起", "vi": "từ {value}"},
    "field_cap": {"en": "at most {value}", "zh": "上限 {value}", "vi": "tối đa {value}"},
    "field_action": {"en": "action {value}", "zh": "动作 {value}", "vi": "hành động {value}"},
    "field_label": {"en": "label {value}", "zh": "标记 {value}", "vi": "nhãn {value}"},
    "field_claimable": {"en": "claimable from {value}", "zh": "{value} 分起可领取", "vi": "nhận từ {value}"},
    "field_exclusive": {"en": "highest only: {value}", "zh": "仅计最高：{value}", "vi": "chỉ tính cao nhất: {value}"},
    "field_within": {"en": "within {value}", "zh": "属于 {value}", "vi": "thuộc {value}"},
    "field_group": {"en": "group {value}", "zh": "分组 {value}", "vi": "nhóm {value}"},
    "field_when": {"en": "when {value}", "zh": "条件 {value}", "vi": "khi {value}"},
    "field_kinds": {"en": "for {value}", "zh": "行为 {value}", "vi": "cho {value}"},
    "field_contents": {"en": "content {value}", "zh": "内容 {value}", "vi": "nội dung {value}"},
    "field_most": {"en": "counted up to {value} times", "zh": "最多计 {value} 次", "vi": "tính tối đa {value} lần"},
    "field_decay": {"en": "decay {value}", "zh": "衰减 {value}", "vi": "giảm dần {value}"},
    "field_is": {"en": "{value}", "zh": "{value}", "vi": "{value}"},
}
_NOTHING: Final[Words] = {"en": "none", "zh": "无", "vi": "không"}


class _Count(int):
    """A number that picks a word: `{acts:act|acts}`. Only English has two."""

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return super().__format__(spec)
        one, many = spec.split("|")
        return one if self == 1 else many


class _Points(float):
    """Points without needless decimals, which also pick a word."""

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return super().__format__(spec or "g")
        one, many = spec.split("|")
        return one if self == 1 else many


def say(sentence: str, language: Language, **values: object) -> str:
    """A sentence with its values; numbers pick singular or plural themselves."""
    spoken = {name: _spoken(value, language) for name, value in values.items()}
    return _SENTENCES[sentence][language].format(**spoken)


def kind_in_words(kind: str, language: Language) -> str:
    """An engagement's kind or an attribute (`lead.industry`); a policy's own kind as it is written."""
    words = KINDS.get(kind.removeprefix("lead."))
    return kind if words is None else words[language]


def age_in_words(age_s: float, language: Language) -> str:
    """How long ago, in the largest unit of which there is at least one and a half."""
    minutes = int(age_s // 60)
    if minutes < 90:
        return say("age_min", language, count=minutes)
    hours = minutes // 60
    return say("age_h", language, count=hours) if hours < 36 else say("age_days", language, count=hours // 24)


def _spoken(value: object, language: Language) -> object:
    match value:
        case None:
            return _NOTHING[language]
        case bool():
            return str(value).lower()
        case int():
            return _Count(value)
        case float():
            return _Points(value)
        case _:
            return value
