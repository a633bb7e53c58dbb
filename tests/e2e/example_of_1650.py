"""The worked example as a company lives it: its table, its 1,650 people with what each will do, and its doors."""

import base64
import hashlib
import hmac
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import Any, Final, NamedTuple

import orjson
from openpyxl import Workbook


class Line(NamedTuple):
    """A source's line of the table, as it is written in the example; `deals` and `cost_yuan` are this company's."""

    source: str
    leads: int
    mql: int
    opportunities: int
    won_yuan: int
    texts: tuple[str, ...]
    campaign: str | None
    deals: int
    cost_yuan: int


SEARCH: Final = Line(
    "search_ads", 800, 150, 60, 300_000,
    ("800", "150", "18.75 %", "60", "40.00 %", "7.50 %", "¥300,000", "¥375.00", "¥5,000.00"),
    "数控机床-春季", 13, 70_000,
)  # fmt: skip
FORM: Final = Line(
    "content_form", 500, 90, 30, 150_000,
    ("500", "90", "18.00 %", "30", "33.33 %", "6.00 %", "¥150,000", "¥300.00", "¥5,000.00"),
    "白皮书", 7, 40_000,
)  # fmt: skip
SHOW: Final = Line(
    "trade_show", 300, 120, 80, 500_000,
    ("300", "120", "40.00 %", "80", "66.67 %", "26.67 %", "¥500,000", "¥1,666.67", "¥6,250.00"),
    "上海工业展", 17, 120_000,
)  # fmt: skip
REFERRAL: Final = Line(
    "referral", 50, 40, 35, 400_000,
    ("50", "40", "80.00 %", "35", "87.50 %", "70.00 %", "¥400,000", "¥8,000.00", "¥11,428.57"),
    None, 9, 10_000,
)  # fmt: skip
LINES: Final = (SEARCH, FORM, SHOW, REFERRAL)


def in_all() -> Line:
    """The table's last line."""
    return Line(
        "all", 1650, 400, 205, 1_350_000,
        ("1650", "400", "24.24 %", "205", "51.25 %", "12.42 %", "¥1,350,000", "¥818.18", "¥6,585.37"),
        None, sum(line.deals for line in LINES), sum(line.cost_yuan for line in LINES),
    )  # fmt: skip


class Fate(Enum):
    """How far somebody gets: who they are, and what they do after they have come in."""

    # 19, and 59 where the line is at 60: no MQL
    QUIET = ("专员", "零售", "长期", ("home_page_viewed",))
    BELOW = (
        "实习生",
        "制造业",
        "一个月内",
        ("price_page_viewed", "webinar_attended", "white_paper_downloaded", "home_page_viewed"),
    )
    # exactly 60, 65, and 80 with one high-value engagement only: MQL, but not for sales
    EDGE = ("创始人", "制造", "一个月内", ("price_page_viewed",))
    READER = ("创始人", "生产制造", "一个月内", ("case_study_downloaded",))
    ALMOST = ("创始人", "制造业", "一个月内", ("demo_requested",))
    # 90 with two: a rep gets them
    REFUSED = ("创始人", "制造业", "一个月内", ("demo_requested", "price_page_viewed"))
    OPEN = ("老板", "制造业", "1个月内", ("demo_requested", "price_page_viewed"))
    LOST = ("联合创始人", "制造业", "立即", ("demo_requested", "quote_sheet_downloaded"))
    WON = ("创始人", "电子", "马上", ("demo_requested", "price_page_viewed", "quote_sheet_downloaded"))

    def __init__(self, title: str, industry: str, timeframe: str, does: tuple[str, ...]) -> None:
        self.title, self.industry, self.timeframe, self.does = title, industry, timeframe, does

    @property
    def is_for_sales(self) -> bool:
        """Whether a rep gets them."""
        return self in {Fate.REFUSED, Fate.OPEN, Fate.LOST, Fate.WON}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, and what they will be worth; 0 for nothing."""

    n: int
    line: Line
    fate: Fate
    won_minor: int

    @property
    def name(self) -> str:
        return f"王{self.n:04}"

    @property
    def email(self) -> str:
        return f"lead{self.n}@firm{self.n}.example"

    @property
    def company(self) -> str:
        return f"精工机械{self.n:04}"

    @property
    def labelled(self) -> dict[str, str]:
        """As a Chinese form or sheet calls it."""
        return {
            "姓名": self.name, "邮箱": self.email, "公司": self.company, "职位": self.fate.title,
            "行业": self.fate.industry, "采购时间": self.fate.timeframe,
        }  # fmt: skip

    @property
    def named(self) -> dict[str, str]:
        """As our own fields are called."""
        return {
            "name": self.name, "email": self.email, "company": self.company, "title": self.fate.title,
            "industry": self.fate.industry, "timeframe": self.fate.timeframe,
        }  # fmt: skip


def people(rng: random.Random) -> dict[str, list[Person]]:
    """Everybody by source, in an order that says nothing of how far they get."""
    numbers = iter(rng.sample(range(10_000), sum(line.leads for line in LINES)))
    found: dict[str, list[Person]] = {}
    for line in LINES:
        amounts = _parts(rng, line.won_yuan * 100, line.deals)
        fates = _fates(line)
        rng.shuffle(fates)
        found[line.source] = [
            Person(next(numbers), line, fate, amounts.pop() if fate is Fate.WON else 0) for fate in fates
        ]
    return found


def _fates(line: Line) -> list[Fate]:
    going_on = line.opportunities - line.deals
    short = [(Fate.EDGE, Fate.READER, Fate.ALMOST, Fate.REFUSED)[n % 4] for n in range(line.mql - line.opportunities)]
    cold = [(Fate.QUIET, Fate.BELOW)[n % 2] for n in range(line.leads - line.mql)]
    return [*[Fate.WON] * line.deals, *[(Fate.OPEN, Fate.LOST)[n % 2] for n in range(going_on)], *short, *cold]


def _parts(rng: random.Random, total: int, count: int) -> list[int]:
    """Uneven amounts that add up to the total."""
    cuts = sorted(rng.sample(range(1, total), count - 1))
    return [after - before for before, after in zip([0, *cuts], [*cuts, total], strict=True)]


SECRETS: Final = {"GOOGLE_KEY": "a-made-up-google-key", "BAIDU": "a-made-up-secret", "TYPEFORM": "another-made-up-one"}
DOORS: Final[Mapping[str, Any]] = {
    "doors": {
        "google-main": {"kind": "google", "key": {"secret": "GOOGLE_KEY"}, "defaults": {"campaign": SEARCH.campaign}},
        "baidu": {
            "kind": "generic", "id": "clue_id", "defaults": {"campaign": SEARCH.campaign},
            "verify": {"header": "X-Signature", "encoding": "hex", "secrets": {"secret": "BAIDU"}},
        },
        "site": {"kind": "html", "honeypot": "website_hp", "defaults": {"source": "content_form"}},
        "white-paper": {
            "kind": "typeform", "secret": {"secret": "TYPEFORM"},
            "defaults": {"source": "content_form", "campaign": FORM.campaign},
        },
        "expo": {"kind": "import", "defaults": {"source": "trade_show"}},
        "api": {"kind": "rest"},
    }
}  # fmt: skip
# this company counts what comes from Google and Baidu as search ads
FIELDS: Final[Mapping[str, Any]] = {
    "picklists": {
        "source": {
            "values": {
                "search_ads": ["search ads", "google", "baidu", "搜索广告"],
                "content_form": ["内容表单"],
                "trade_show": ["展会"],
                "referral": ["转介绍"],
            }
        }
    }
}
CALENDARS: Final[Mapping[str, Any]] = {"calendars": {"always": {}, "office": {}, "office-cn": {}}}
REPS: Final = ("lina", "chenhao", "zhoumei")
ROUTING: Final[Mapping[str, Any]] = {
    "teams": {"shanghai": {"zone": "Asia/Shanghai", "calendar": "always", "reps": [{"id": each} for each in REPS]}},
    "fallback": "shanghai",
}


@dataclass(frozen=True, slots=True)
class Post:
    """A request at a door."""

    path: str
    content: bytes
    headers: Mapping[str, str]


def google(person: Person, *, is_test: bool = False) -> Post:
    """Google's lead form; its key stands in the body."""
    columns = {
        "FULL_NAME": person.name, "WORK_EMAIL": person.email, "COMPANY_NAME": person.company,
        "JOB_TITLE": person.fate.title, "JOB_INDUSTRY": person.fate.industry, "PURCHASE_TIMELINE": person.fate.timeframe,
    }  # fmt: skip
    body = {
        "lead_id": f"google-{person.n}", "api_version": "1.0", "form_id": 40000000001, "is_test": is_test,
        "google_key": SECRETS["GOOGLE_KEY"], "gcl_id": f"gcl-{person.n}",
        "user_column_data": [{"column_id": name, "string_value": value} for name, value in columns.items()],
    }  # fmt: skip
    return _post("google-main", orjson.dumps(body))


def baidu(person: Person) -> Post:
    """A search platform that signs the body in hex, and tells of the click in the page's address."""
    body = orjson.dumps(
        {"clue_id": person.n, "landing_page": f"https://jinggong.example/lp?bd_vid=vid-{person.n}", **person.labelled}
    )
    proof = hmac.new(SECRETS["BAIDU"].encode(), body, hashlib.sha256).hexdigest()
    return _post("baidu", body, **{"x-signature": proof})


def typeform(person: Person) -> Post:
    """Typeform's answers by question; the signature is base64."""
    asked = {f"q{n}": (label, value) for n, (label, value) in enumerate(person.labelled.items())}
    body = orjson.dumps(
        {
            "event_id": f"event-{person.n}", "event_type": "form_response",
            "form_response": {
                "form_id": "whitepaper", "token": f"token-{person.n}",
                "definition": {"fields": [
                    {"id": key, "ref": key, "title": label, "type": "short_text"} for key, (label, _) in asked.items()
                ]},
                "answers": [
                    {"type": "text", "text": value, "field": {"id": key, "ref": key, "type": "short_text"}}
                    for key, (_, value) in asked.items()
                ],
            },
        }
    )  # fmt: skip
    proof = base64.b64encode(hmac.digest(SECRETS["TYPEFORM"].encode(), body, "sha256")).decode()
    return _post("white-paper", body, **{"typeform-signature": f"sha256={proof}"})


def _post(door: str, body: bytes, **headers: str) -> Post:
    return Post(f"/v1/hooks/{door}", body, {"content-type": "application/json", **headers})


def sheet(persons: Sequence[Person]) -> bytes:
    """The trade show's workbook."""
    book = Workbook(write_only=True)
    page = book.create_sheet("线索")
    page.append(list(persons[0].labelled))
    for person in persons:
        page.append(list(person.labelled.values()))
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def table(persons: Sequence[Person]) -> bytes:
    """The same as a CSV, as spreadsheets in China write it."""
    rows = [list(persons[0].labelled), *(list(person.labelled.values()) for person in persons)]
    return "\r\n".join(",".join(row) for row in rows).encode("gb18030")
