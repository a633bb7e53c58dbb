"""The preset picklists and title rules, in English, Chinese and Vietnamese. A fields policy may replace each."""

from typing import Any

_INDUSTRY = {
    "manufacturing": ["制造业", "制造", "生产制造", "工业制造", "製造業", "sản xuất", "chế tạo", "manufacture", "manufacturer",
                      "industrial", "production"],
    "electronics": ["电子", "电子业", "điện tử", "electronics manufacturing"],
    "textiles": ["纺织", "服装", "dệt may", "may mặc", "garment", "apparel"],
    "food_beverage": ["食品", "食品饮料", "餐饮", "thực phẩm", "food and beverage", "food", "f&b"],
    "logistics": ["物流", "仓储", "运输", "hậu cần", "vận tải", "kho vận", "transport", "warehousing", "supply chain"],
    "construction": ["建筑", "建筑业", "xây dựng", "building"],
    "retail": ["零售", "bán lẻ", "e-commerce", "ecommerce", "电商", "thương mại điện tử"],
    "software": ["软件", "互联网", "信息技术", "it", "saas", "công nghệ thông tin", "phần mềm", "technology"],
    "finance": ["金融", "银行", "保险", "tài chính", "ngân hàng", "bảo hiểm", "banking", "insurance"],
    "healthcare": ["医疗", "医药", "y tế", "dược", "medical", "pharma", "pharmaceutical"],
    "education": ["教育", "培训", "giáo dục", "đào tạo", "training"],
    "real_estate": ["房地产", "bất động sản", "property"],
    "energy": ["能源", "năng lượng", "utilities"],
    "agriculture": ["农业", "nông nghiệp", "farming"],
    "hospitality": ["酒店", "旅游", "du lịch", "khách sạn", "hotel", "travel", "tourism"],
}  # fmt: skip

_SOURCE = {
    "search_ads": ["search ad", "search ads", "搜索广告", "sem", "quảng cáo tìm kiếm"],
    "feed_ads": ["feed ad", "feed ads", "信息流", "信息流广告"],
    "social": ["social media", "社交媒体", "mạng xã hội"],
    "trade_show": ["trade show", "tradeshow", "exhibition", "fair", "展会", "会展", "triển lãm", "hội chợ"],
    "content_form": ["content form", "content", "内容表单", "内容留资"],
    "referral": ["referred", "转介绍", "老客户推荐", "推荐", "giới thiệu"],
    "own_list": ["own list", "house list", "自有名单", "danh sách riêng"],
    "google": ["google ads", "adwords", "谷歌"],
    "facebook": ["fb", "meta", "facebook ads"],
    "instagram": ["ig"],
    "linkedin": ["领英"],
    "tiktok": ["tik tok"],
    "baidu": ["百度", "基木鱼"],
    "wechat": ["微信", "weixin"],
    "zalo": ["zalo oa"],
}

_TIMEFRAME = {
    "within_1_month": [
        "within a month", "within one month", "in 1 month", "in a month", "in the next month", "in the next 1 month",
        "less than 1 month", "1 month", "one month", "this month", "immediately", "as soon as possible", "asap", "now",
        "一个月内", "1个月内", "一月内", "1月内", "本月", "立即", "马上", "尽快",
        "trong 1 tháng", "trong một tháng", "trong vòng 1 tháng", "trong vòng một tháng", "1 tháng", "tháng này",
        "ngay lập tức", "càng sớm càng tốt",
    ],
    "within_3_months": [
        "within three months", "in 3 months", "less than 3 months", "in the next 3 months", "1 to 3 months", "1-3 months", "3 months",
        "three months", "this quarter", "三个月内", "3个月内", "1-3个月", "三月内", "本季度",
        "trong 3 tháng", "trong ba tháng", "trong vòng 3 tháng", "3 tháng", "1-3 tháng", "quý này",
    ],
    "long_term": [
        "long term", "more than 3 months", "over 3 months", "3-6 months", "6 months", "within 6 months",
        "within a year", "1 year", "this year", "later", "just looking", "no plan",
        "长期", "长期考虑", "三个月以上", "3个月以上", "半年内", "一年内", "暂无计划", "以后再说",
        "dài hạn", "trên 3 tháng", "sau 3 tháng", "6 tháng", "trong 6 tháng", "trong năm nay", "chưa có kế hoạch",
    ],
}  # fmt: skip

_YES_NO_PENDING = {
    "yes": ["y", "true", "1", "approved", "有", "有预算", "已批准", "是", "có", "đã có", "đã duyệt"],
    "no": ["n", "false", "0", "none", "没有", "无", "没有预算", "无预算", "否", "không", "chưa có", "không có"],
    "pending": ["to be decided", "tbd", "undecided", "not decided", "not sure", "unknown", "待定", "未定", "不确定", "审批中",
                "chưa xác định", "chưa rõ", "đang chờ", "đang xin"],
}  # fmt: skip

PICKLISTS: dict[str, dict[str, Any]] = {
    "industry": {"values": _INDUSTRY, "prefix": True},
    "source": {"values": _SOURCE},
    "timeframe": {"values": _TIMEFRAME, "prefix": True},
    "budget": {"values": _YES_NO_PENDING},
    "current_project": {"values": _YES_NO_PENDING},
}

_BELOW = ["assistant", "secretary", "助理", "秘书", "trợ lý", "thư ký"]

# In order: who assists a director is staff, and an intern stays one whatever stands beside.
TITLES: list[dict[str, Any]] = [
    {"level": "intern", "words": ["intern", "internship", "trainee", "实习生", "实习", "thực tập", "thực tập sinh"]},
    {
        "level": "founder",
        "words": ["founder", "co founder", "cofounder", "owner", "business owner", "创始人", "联合创始人", "创办人", "老板",
                  "sáng lập", "nhà sáng lập", "đồng sáng lập", "chủ doanh nghiệp", "chủ cửa hàng"],
        "unless": [*_BELOW, "product owner", "process owner"],
    },
    {
        "level": "director",
        "words": ["director", "ceo", "cto", "cfo", "coo", "cmo", "cio", "chief", "president", "vice president", "vp",
                  "svp", "evp", "managing director", "general manager", "head", "chairman", "directora", "direktor",
                  "directeur", "总监", "总经理", "总裁", "董事", "董事长", "厂长", "院长", "giám đốc", "chủ tịch",
                  "tổng giám đốc"],
        "unless": _BELOW,
    },
    {
        "level": "manager",
        "words": ["manager", "team lead", "team leader", "supervisor", "lead", "经理", "主管", "主任", "部长", "组长", "quản lý",
                  "trưởng phòng", "trưởng nhóm", "trưởng bộ phận", "phó phòng"],
        "unless": _BELOW,
    },
    {
        "level": "staff",
        "words": [*_BELOW, "staff", "specialist", "executive", "engineer", "officer", "analyst", "coordinator",
                  "associate", "buyer", "product owner", "process owner", "专员", "职员", "员工", "工程师", "采购员", "业务员",
                  "nhân viên", "chuyên viên", "kỹ sư"],
    },
]  # fmt: skip
