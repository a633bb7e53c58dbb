"""Monday to Saturday of the first week: leads come in by every door, and most of what can go wrong does."""

import asyncio
import hashlib
import hmac
from typing import Any

import httpx
import orjson

from baton.story.expo import expo_sheet
from baton.story.scenes import Script
from baton.story.stage import HANOI, SHANGHAI, SINGAPORE, TAG, Stage, StoryRefused

script = Script()
LINH = "linh@mayphuan.example"
_REPEATS = 100


@script.at(25, 1, "08:30", SHANGHAI, "an old list is imported: 周凯, lost last year")
async def legacy(stage: Stage) -> None:
    rows = (
        "name,email,company,title,industry,timeframe,country,created_at,legacy,legacy_pool,legacy_owner,tags\n"
        f"周凯,zhoukai@taihu.example,无锡太湖轴承,总监,制造业,一个月内,CN,2025-03-10T02:00:00Z,yes,re-marketing,lina,{TAG}\n"
    )
    await stage.imported("own-list", "legacy.csv", rows.encode(), "text/csv")
    await stage.meet("zhoukai", email="zhoukai@taihu.example")
    await stage.engage("zhoukai", "case_study_downloaded", "客户案例集")


@script.at(1, 1, "09:02", HANOI, "Nguyễn Thị Linh fills the Meta form")
async def linh_arrives(stage: Stage) -> None:
    await meta_lead(stage)
    await stage.wait_for("linh", email=LINH)


async def meta_lead(stage: Stage) -> httpx.Response:
    """Meta's notification: ids only, signed."""
    body = orjson.dumps(
        {
            "object": "page",
            "entry": [{"id": "100200300", "time": 1, "changes": [{"field": "leadgen", "value": {
                "leadgen_id": "900100001", "form_id": "700100001", "page_id": "100200300", "ad_id": "600100001",
                "created_time": int((await stage.now()).timestamp()),
            }}]}],
        }
    )  # fmt: skip
    proof = hmac.new(stage.secrets["META_APP_SECRET"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={proof}"}
    return await stage.send("POST", "/v1/hooks/meta-main", content=body, headers=headers)


@script.at(2, 1, "09:03", HANOI, "Meta sends it again, a hundred times at once")
async def again(stage: Stage) -> None:
    answers = await asyncio.gather(*(meta_lead(stage) for _ in range(_REPEATS)))
    if {answer.status_code for answer in answers} != {200}:
        raise StoryRefused("a repeat of Meta's was not answered as the first")


@script.at(3, 1, "09:30", HANOI, "Google's test lead, and a forged signature")
async def test_and_forgery(stage: Stage) -> None:
    test: dict[str, Any] = {
        "lead_id": "test-1", "api_version": "1.0", "form_id": 40000000001, "campaign_id": 20000000001,
        "google_key": stage.secrets["BATON_GOOGLE_KEY"], "is_test": True, "gcl_id": "test",
        "user_column_data": [
            {"column_id": "FULL_NAME", "string_value": "FirstName LastName"},
            {"column_id": "EMAIL", "string_value": "test@example.com"},
        ],
    }  # fmt: skip
    await stage.send("POST", "/v1/hooks/google-main", json=test)
    headers = {"content-type": "application/json", "x-hub-signature-256": "sha256=" + "0" * 64}
    forged = await stage.http.post("/v1/hooks/meta-main", content=b'{"object":"page","entry":[]}', headers=headers)
    if forged.status_code != 401:
        raise StoryRefused(f"a forged signature was answered with {forged.status_code}")


@script.at(4, 1, "10:15", SHANGHAI, "王磊 comes by a search ad")
async def wanglei_arrives(stage: Stage) -> None:
    await stage.form(
        "wanglei", name="王磊", email="wanglei@jinggong.example", phone="138 0013 8000", company="苏州精工机械",
        title="创始人", industry="生产制造", timeframe="一个月内启动", country="CN", utm_source="search_ads",
        utm_campaign="数控机床-春季", utm_term="数控机床", landing_page="/lp/cnc", landing_page_version="v3",
    )  # fmt: skip


@script.at(5, 1, "10:40", SHANGHAI, "王磊 downloads the case studies")
async def wanglei_reads(stage: Stage) -> None:
    await stage.engage("wanglei", "case_study_downloaded", "客户案例集")


@script.at(6, 1, "11:00", SHANGHAI, "the trade show's sheet is imported")
async def expo(stage: Stage) -> None:
    await stage.imported(
        "expo", "expo.xlsx", expo_sheet(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        event="上海工业展",
    )  # fmt: skip
    for name, email in (
        ("intern", "chenjing@hangtian.example"), ("ann", "ann@northwind.example"),
        ("joann", "joann@northwind.example"), ("zhizao", "liqiang@dongfang.example"),
    ):  # fmt: skip
        await stage.meet(name, email=email)


@script.at(7, 1, "11:20", SHANGHAI, "marketing maps the column 微信号 and replays the parked row")
async def mapped(stage: Stage) -> None:
    doors = await stage.get("/v1/policies/doors")
    policy: dict[str, Any] = doors["body"]
    policy["doors"]["expo"]["map"] = {"channel_ids.wechat": "微信号"}
    await stage.send("PUT", "/v1/policies/doors", json=policy)
    parked = [item for item in (await stage.get("/v1/submissions", state="parked"))["items"] if item["door"] == "expo"]
    for item in parked:
        replayed = await stage.send("POST", f"/v1/submissions/{item['submission_id']}/replay")
        stage.leads["repaired"] = replayed.json()["lead_id"]


@script.at(8, 1, "14:20", HANOI, "Linh clicks “Đặt lịch demo” in the mail")
async def linh_demo(stage: Stage) -> None:
    await stage.engage("linh", "demo_requested", "Đặt lịch demo")


@script.at(8, 1, "14:31", HANOI, "Linh views the prices")
async def linh_prices(stage: Stage) -> None:
    await stage.engage("linh", "price_page_viewed", "/bang-gia")


@script.at(9, 1, "14:52", HANOI, "Minh calls Linh")
async def minh_calls(stage: Stage) -> None:
    await stage.call("linh", "reached", note="Chị Linh muốn xem demo tuần này.")


@script.at(10, 2, "10:00", SHANGHAI, "赵敏, referred by an old customer, comes from the CRM")
async def zhaomin_arrives(stage: Stage) -> None:
    lead = {
        "name": "赵敏", "email": "zhaomin@haitian.example", "phone": "+86 139 1234 5678", "company": "宁波海天电子",
        "title": "采购总监", "industry": "电子", "timeframe": "一个月内", "country": "CN", "source": "referral",
        "referred_by": "老客户 常州明达", "website": "haitian.example", "tags": [TAG],
    }  # fmt: skip
    answer = await stage.send("POST", "/v1/leads", json=lead)
    stage.leads["zhaomin"] = answer.json()["lead_id"]


@script.at(10, 2, "10:20", SHANGHAI, "赵敏 asks for a demo")
async def zhaomin_demo(stage: Stage) -> None:
    await stage.engage("zhaomin", "demo_requested", "预约演示")


@script.at(10, 2, "10:24", SHANGHAI, "赵敏 views the prices")
async def zhaomin_prices(stage: Stage) -> None:
    await stage.engage("zhaomin", "price_page_viewed", "/pricing")


@script.at(11, 2, "12:40", SHANGHAI, "张经理, told of the breach, learns that 陈浩 is ill and switches him off")
async def chenhao_away(stage: Stage) -> None:
    await stage.send("PUT", "/v1/reps/chenhao/availability", json={"available": False, "reason": "absence"})


async def arrives_hot(stage: Stage, who: str, /, **fields: str) -> None:
    """Somebody fills the form, asks for a demo and views the prices at once."""
    await stage.form(who, **fields)
    await stage.engage(who, "demo_requested")
    await stage.engage(who, "price_page_viewed")


@script.at(12, 2, "15:00", SHANGHAI, "孙悦 arrives and is hot at once")
async def sunyue(stage: Stage) -> None:
    await arrives_hot(
        stage, "sunyue", name="孙悦", email="sunyue@lanhai.example", company="蓝海包装", title="总监", industry="制造业",
        timeframe="一个月内", country="CN", utm_source="search_ads",
    )  # fmt: skip


@script.at(12, 2, "15:20", SHANGHAI, "李娜 calls 孙悦: later")
async def lina_calls_sunyue(stage: Stage) -> None:
    await stage.call("sunyue", "reached", note="以后再说")


@script.at(13, 2, "16:29", SHANGHAI, "王磊 views the prices")
async def wanglei_prices(stage: Stage) -> None:
    await stage.engage("wanglei", "price_page_viewed", "/pricing")


@script.at(13, 2, "16:30", SHANGHAI, "王磊 downloads the quote sheet")
async def wanglei_quote(stage: Stage) -> None:
    await stage.engage("wanglei", "quote_sheet_downloaded", "报价单")


@script.at(15, 3, "09:40", HANOI, "Tuấn arrives and is hot at once")
async def tuan(stage: Stage) -> None:
    await arrives_hot(
        stage, "tuan", name="Lê Tuấn", email="tuan@viettin.example", phone="0987 654 321", company="Việt Tín",
        title="giám đốc", industry="sản xuất", timeframe="trong 1 tháng", country="VN", utm_source="facebook",
        utm_campaign="thang-11",
    )  # fmt: skip


@script.at(15, 3, "10:05", HANOI, "Lan calls Tuấn: a wrong number")
async def lan_calls(stage: Stage) -> None:
    await stage.call("tuan", "wrong_number")
    await stage.reject("tuan", "wrong_info", "Số điện thoại của người khác.", rating=1)


@script.at(16, 3, "11:00", HANOI, "Hoa arrives with exactly 80")
async def hoa(stage: Stage) -> None:
    await arrives_hot(
        stage, "hoa", name="Trần Thị Hoa", email="hoa@hoaxanh.example", company="Hoa Xanh", title="nhà sáng lập",
        industry="bán lẻ", timeframe="trong 1 tháng", country="VN", utm_source="facebook",
    )  # fmt: skip


@script.at(16, 3, "11:30", HANOI, "Minh calls Hoa: no budget")
async def minh_calls_hoa(stage: Stage) -> None:
    await stage.call("hoa", "reached")
    await stage.reject("hoa", "insufficient_budget", "Chưa có ngân sách năm nay.", rating=3)


@script.at(17, 3, "14:00", SINGAPORE, "Somchai of Thailand, where no team works")
async def somchai(stage: Stage) -> None:
    await arrives_hot(
        stage, "somchai", name="Somchai Dee", email="somchai@chaophraya.example", company="Chao Phraya Hotels",
        title="Founder", industry="hospitality", timeframe="within a month", country="TH", utm_source="google",
    )  # fmt: skip


@script.at(14, 3, "14:50", SHANGHAI, "李娜 calls 王磊, far too late, and rejects")
async def lina_rejects(stage: Stage) -> None:
    await stage.call("wanglei", "reached")
    await stage.reject("wanglei", "no_need", "已经选了别家。", rating=2)


@script.at(17, 3, "15:00", SINGAPORE, "Hương adds Thailand to the team English")
async def thailand(stage: Stage) -> None:
    policy: dict[str, Any] = (await stage.get("/v1/policies/routing"))["body"]
    for rule in policy["rules"]:
        if rule.get("name") == "english":
            rule["when"] = rule["when"].replace('"US"', '"US", "TH"')
    await stage.send("PUT", "/v1/policies/routing", json=policy)


@script.at(18, 3, "15:00", HANOI, "Minh opens Linh's opportunity: refused, then complete")
async def linh_opportunity(stage: Stage) -> None:
    refused = await stage.http.post("/v1/opportunities", json={"lead_id": stage.leads["linh"]})
    if refused.status_code < 400:
        raise StoryRefused("an opportunity opened without its checklist")
    await stage.checklist(
        "linh", pain_point="Excel rời rạc", current_solution="Getfly", timeframe="1_month", definite_project=True,
        budget="yes", budget_range="150–200 triệu", decision_maker=True,
    )  # fmt: skip
    await stage.status("linh", "interested", "activated")
    await stage.opportunity("linh", amount_minor=180_000_000, currency="VND")


@script.at(17, 3, "15:20", SINGAPORE, "Grace calls Somchai: in a month")
async def grace_calls(stage: Stage) -> None:
    await stage.call("somchai", "reached", note="Call me in a month.", next_step=stage.at(31, "10:00", SINGAPORE))


@script.at(19, 4, "10:40", SHANGHAI, "李娜 claims 赵敏 from the public pool")
async def lina_claims(stage: Stage) -> None:
    body = {"lead_id": stage.leads["zhaomin"], "owner": "lina"}
    await stage.send("POST", "/v1/pools/public/claim", json=body)


@script.at(19, 4, "10:55", SHANGHAI, "李娜 reaches 赵敏")
async def lina_reaches(stage: Stage) -> None:
    await stage.call("zhaomin", "reached", next_step=stage.at(5, "10:00", SHANGHAI))


@script.at(20, 4, "11:00", SHANGHAI, "小周 phones the row 制造 and moves it to nurture")
async def xiaozhou_phones(stage: Stage) -> None:
    await stage.checklist("zhizao", budget="pending", timeframe="3_months")
    await stage.nurture("zhizao", "not_ready")


@script.at(19, 5, "10:00", SHANGHAI, "赵敏's opportunity opens and goes to proposal")
async def zhaomin_opportunity(stage: Stage) -> None:
    await stage.checklist(
        "zhaomin", pain_point="交付不透明", current_solution="自建表格", timeframe="1_month", definite_project=True,
        budget="yes", budget_range="30–50 万", decision_maker=True,
    )  # fmt: skip
    await stage.status("zhaomin", "interested", "activated")
    await stage.opportunity("zhaomin", amount_minor=40_000_000, currency="CNY")
    await stage.stage("zhaomin", "proposal")


@script.at(26, 5, "14:00", HANOI, "Linh's opportunity goes to proposal")
async def linh_proposal(stage: Stage) -> None:
    await stage.call("linh", "reached", channel="demo")
    await stage.stage("linh", "proposal")


@script.at(21, 6, "16:00", SINGAPORE, "Priya, on a Saturday: 85, but one high-value act only")
async def priya(stage: Stage) -> None:
    await stage.form(
        "priya", name="Priya Nair", email="priya@kestrel.example", company="Kestrel Foods", title="Founder",
        industry="food", timeframe="within a month", country="SG", utm_source="content_form",
    )  # fmt: skip
    await stage.engage("priya", "case_study_downloaded")
    await stage.engage("priya", "demo_requested")


@script.at(21, 6, "16:05", SINGAPORE, "Priya views the prices")
async def priya_prices(stage: Stage) -> None:
    await stage.engage("priya", "price_page_viewed", "/pricing")
