"""Some twenty sample leads, sent through the real doors on the first run. People and companies are invented."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx

from shared.runtime.clock import system_clock

_ASSIGNED_WITHIN_S = 20.0
_CALLED: Final = 3


class SampleRefused(Exception):
    """A door would not take a sample; says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A lead as somebody would type it, and what it does afterwards."""

    name: str
    email: str
    company: str
    title: str
    industry: str
    timeframe: str
    source: str
    does: Sequence[str] = ()


HOT: Final = ("demo_requested", "price_page_viewed")
WARM: Final = ("case_study_downloaded",)

SAMPLES: Final = (
    Sample("Nguyễn Thị Linh", "linh@mayphuan.example", "Công ty May Phú An", "giám đốc", "sản xuất", "trong 1 tháng",
           "facebook", HOT),
    Sample("王磊", "wanglei@jinggong.example", "苏州精工机械", "创始人", "生产制造", "一个月内", "search_ads",
           (*WARM, "price_page_viewed", "quote_sheet_downloaded")),
    Sample("赵敏", "zhaomin@haitian.example", "宁波海天电子", "采购总监", "电子", "一个月内", "referral", HOT),
    Sample("Priya Nair", "priya@kestrel.example", "Kestrel Foods", "Founder", "food", "within a month", "content_form",
           (*WARM, *HOT)),
    Sample("Hoa Trần", "hoa@hoaxanh.example", "Hoa Xanh", "sáng lập", "retail", "trong 1 tháng", "facebook",
           ("demo_requested", "price_page_viewed")),
    Sample("Somchai Dee", "somchai@chaophraya.example", "Chao Phraya Parts", "Director", "manufacturing",
           "within a month", "google", HOT),
    Sample("孙悦", "sunyue@lanhai.example", "蓝海包装", "总监", "制造业", "一个月内", "search_ads", HOT),
    Sample("Tuấn Lê", "tuan@viettin.example", "Việt Tín", "giám đốc", "sản xuất", "trong 1 tháng", "facebook", HOT),
    Sample("Ann Lee", "ann@northwind.example", "Northwind", "Manager", "retail", "within 3 months", "trade_show"),
    Sample("Joann Lee", "joann@northwind.example", "Northwind", "Staff", "retail", "long term", "trade_show"),
    Sample("陈静", "chenjing@hangtian.example", "航天紧固件", "实习生", "制造业", "三个月内", "trade_show"),
    Sample("Marek Nowak", "marek@stal.example", "Stal Nowak", "Owner", "manufacturing", "within 3 months", "google", WARM),
    Sample("Lucía Gómez", "lucia@azul.example", "Azul Logística", "Director", "logistics", "within a month", "google",
           WARM),
    Sample("Phạm Minh Đức", "duc@nhuaviet.example", "Nhựa Việt", "trưởng phòng", "sản xuất", "trong 3 tháng", "facebook",
           WARM),
    Sample("刘洋", "liuyang@yangfan.example", "扬帆软件", "经理", "软件", "长期", "content_form"),
    Sample("Ama Mensah", "ama@goldcoast.example", "Gold Coast Cocoa", "Founder", "food", "within 3 months", "referral",
           WARM),
    Sample("Jonas Berg", "jonas@bergtools.example", "Berg Tools", "Engineer", "manufacturing", "within 3 months",
           "content_form", ("white_paper_downloaded",)),
    Sample("Võ Thị Mai", "mai@daklak.example", "Đắk Lắk Coffee", "giám đốc", "thực phẩm", "trong 3 tháng", "facebook"),
    Sample("Elif Kaya", "elif@kayatekstil.example", "Kaya Tekstil", "Director", "textiles", "long term", "trade_show"),
    Sample("黄婷", "huangting@xinghe.example", "星河教育", "总监", "教育", "长期", "search_ads"),
)  # fmt: skip


async def play(http: httpx.AsyncClient) -> str | None:
    """Send the samples, let them act, call a few of those assigned; the id of one lead worth following."""
    leads = [await capture(http, number, sample) for number, sample in enumerate(SAMPLES)]
    for lead_id, sample in zip(leads, SAMPLES, strict=True):
        for kind in sample.does:
            await engage(http, lead_id, kind)
    wanted = sum(1 for sample in SAMPLES if set(HOT) <= set(sample.does))
    handoffs = await assigned(http, min(wanted, _CALLED + 1))
    for handoff in handoffs[:_CALLED]:
        await call(http, handoff["handoff_id"])
    return handoffs[0]["lead_id"] if handoffs else None


async def capture(http: httpx.AsyncClient, number: int, sample: Sample) -> str:
    """Post one sample, every second one as a web form would, and return its lead's id."""
    fields = {
        "name": sample.name, "email": sample.email, "company": sample.company, "title": sample.title,
        "industry": sample.industry, "timeframe": sample.timeframe,
    }  # fmt: skip
    if number % 2:
        answer = await http.post("/v1/forms/site", data={**fields, "utm_source": sample.source})
    else:
        answer = await http.post("/v1/leads", json={**fields, "source": sample.source})
    if answer.is_error:
        raise SampleRefused(f"a sample lead was refused: {answer.status_code} {answer.text}")
    found = await http.get("/v1/leads", params={"email": sample.email})
    found.raise_for_status()
    return found.json()["items"][0]["lead_id"]


async def engage(http: httpx.AsyncClient, lead_id: str, kind: str) -> None:
    """Let a lead do something."""
    body = {"id": str(uuid4()), "kind": kind, "occurred_at": system_clock().isoformat()}
    (await http.post(f"/v1/leads/{lead_id}/engagements", json=body)).raise_for_status()


async def assigned(http: httpx.AsyncClient, wanted: int) -> list[dict[str, Any]]:
    """The handoffs, once as many as are wanted exist."""
    deadline = asyncio.get_running_loop().time() + _ASSIGNED_WITHIN_S
    while True:
        answer = await http.get("/v1/handoffs")
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        if len(items) >= wanted or asyncio.get_running_loop().time() > deadline:
            return items
        await asyncio.sleep(0.2)


async def call(http: httpx.AsyncClient, handoff_id: str) -> None:
    """Log a call that reached the lead."""
    body = {"channel": "phone", "result": "reached", "occurred_at": system_clock().isoformat()}
    (await http.post(f"/v1/handoffs/{handoff_id}/contacts", json=body)).raise_for_status()
