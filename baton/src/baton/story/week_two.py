"""The second week: late proof, silence, erasure, a lead come back, money, and the review."""

from baton.story.scenes import Script
from baton.story.stage import HANOI, SHANGHAI, SINGAPORE, Stage

script = Script()


@script.at(22, 8, "12:05", SINGAPORE, "Grace's phone syncs: she called Priya at 10:50, in time")
async def grace_syncs(stage: Stage) -> None:
    await stage.call(
        "priya", "reached", at=stage.at(8, "10:50", SINGAPORE), note="Called from the train.",
        next_step=stage.at(24, "10:00", SINGAPORE),
    )  # fmt: skip


@script.at(26, 9, "11:00", HANOI, "Linh's opportunity goes to negotiation")
async def linh_negotiation(stage: Stage) -> None:
    await stage.call("linh", "reached", channel="visit")
    await stage.stage("linh", "negotiation")


@script.at(24, 9, "16:00", HANOI, "Hoa withdraws her consent and asks for erasure")
async def hoa_leaves(stage: Stage) -> None:
    await stage.send("DELETE", f"/v1/leads/{stage.leads['hoa']}/personal-data")


@script.at(25, 11, "10:00", SHANGHAI, "周凯, lost last year, views the prices")
async def zhoukai_prices(stage: Stage) -> None:
    await stage.engage("zhoukai", "price_page_viewed", "/pricing")


@script.at(25, 11, "10:06", SHANGHAI, "周凯 downloads the quote sheet")
async def zhoukai_quote(stage: Stage) -> None:
    await stage.engage("zhoukai", "quote_sheet_downloaded", "报价单")


@script.at(25, 11, "10:30", SHANGHAI, "李娜 calls 周凯")
async def lina_calls_zhoukai(stage: Stage) -> None:
    await stage.call("zhoukai", "reached", next_step=stage.at(25, "10:00", SHANGHAI))


@script.at(26, 12, "11:00", HANOI, "Linh signs: won")
async def linh_won(stage: Stage) -> None:
    await stage.stage("linh", "won", amount_minor=180_000_000, currency="VND")


@script.at(27, 12, "14:00", HANOI, "marketing drafts price page +20 and backtests it")
async def backtest(stage: Stage) -> None:
    draft = (await stage.get("/v1/policies/scorecard"))["body"]
    for rule in draft["rules"]:
        if rule["id"] == "price-page":
            rule["points"] = 20
    answer = await stage.send("POST", "/v1/backtests", json={"scorecard": draft})
    stage.leads["backtest"] = answer.json()["backtest_id"]
