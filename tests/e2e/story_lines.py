"""What each line of the fourteen days must have left in the API: who, when, score, owner, due time, reason, amount."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

HANOI: Final = ZoneInfo("Asia/Ho_Chi_Minh")
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
SINGAPORE: Final = ZoneInfo("Asia/Singapore")


@dataclass(frozen=True)
class Told:
    """The story as the product tells it afterwards."""

    http: httpx.AsyncClient
    monday: date
    leads: dict[str, str]

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def at(self, day: int, clock: str, zone: ZoneInfo) -> datetime:
        return datetime.combine(self.monday + timedelta(days=day - 1), time.fromisoformat(clock), zone)

    async def lead(self, name: str) -> dict[str, Any]:
        return await self.get(f"/v1/leads/{self.leads[name]}")

    async def steps(self, name: str, kind: str) -> list[dict[str, Any]]:
        told = await self.get(f"/v1/leads/{self.leads[name]}/timeline")
        return [step for step in told["items"] if step["kind"] == kind]

    async def points(self, name: str) -> list[float]:
        """The scores that facts made, in order: what time alone takes away is left out."""
        told = [step["details"] for step in await self.steps(name, "lead.scored")]
        return [score["score_milli"] / 1000 for score in told if score.get("cause") != "decay"]

    async def handoffs(self, name: str) -> list[dict[str, Any]]:
        return (await self.get("/v1/handoffs", lead_id=self.leads[name]))["items"]

    async def clocks(self, name: str, promise: str) -> list[dict[str, Any]]:
        items = (await self.get("/v1/clocks", lead_id=self.leads[name], limit=100))["items"]
        return [clock for clock in items if clock["promise"] == promise]

    async def clock(self, name: str, promise: str, nth: int = 0) -> tuple[str, datetime]:
        found = (await self.clocks(name, promise))[nth]
        return found["state"], datetime.fromisoformat(found["due_at"])


Check = Callable[[Told], Awaitable[None]]
LINES: Final[dict[int, Check]] = {}


def line(number: int) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        LINES[number] = check
        return check

    return keep


def instant(step: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(step["at"])


@line(1)
async def linh_comes_by_meta(told: Told) -> None:
    fields = (await told.lead("linh"))["fields"]
    assert fields["phone"] == "+84912345678"
    assert fields["industry"] == "manufacturing"
    [captured] = await told.steps("linh", "lead.captured")
    assert instant(captured) == told.at(1, "09:02", HANOI)
    assert (await told.points("linh"))[0] == 45


@line(2)
async def a_hundred_repeats_made_nothing(told: Told) -> None:
    assert len(await told.steps("linh", "lead.captured")) == 1
    assert await told.steps("linh", "lead.engaged") == [
        step for step in await told.steps("linh", "lead.engaged") if step["details"]["kind"] != "submitted"
    ]


@line(3)
async def the_test_lead_is_kept_and_the_forgery_counted(told: Told) -> None:
    kept = (await told.get("/v1/submissions", door="google-main"))["items"]
    assert len(kept) == 1
    doors = {door["door"]: door for door in (await told.get("/v1/doors"))["items"]}
    assert sum(doors["meta-main"]["refused"].values()) >= 1


@line(4)
async def wanglei_keeps_his_hidden_fields(told: Told) -> None:
    fields = (await told.lead("wanglei"))["fields"]
    assert (fields["industry"], fields["keyword"], fields["landing_page_version"]) == (
        "manufacturing",
        "数控机床",
        "v3",
    )
    assert (await told.points("wanglei"))[0] == 50


@line(5)
async def wanglei_is_mql_and_nurture_begins(told: Told) -> None:
    assert 65 in await told.points("wanglei")
    assert any(instant(step) == told.at(1, "10:40", SHANGHAI) for step in await told.steps("wanglei", "nurture.due"))


@line(6)
async def the_expo_gave_four_leads_and_a_second_submission(told: Told) -> None:
    assert (await told.points("intern"))[-1] == 11
    assert told.leads["ann"] != told.leads["joann"]
    again = [step for step in await told.steps("wanglei", "lead.engaged") if step["details"]["kind"] == "submitted"]
    assert len(again) == 1
    assert (await told.lead("wanglei"))["fields"]["source"] == "search_ads"


@line(7)
async def the_parked_row_became_a_lead(told: Told) -> None:
    assert (await told.lead("repaired"))["fields"]["channel_ids"]["wechat"] == "wugang_wj"
    assert (await told.get("/v1/submissions", state="parked"))["items"] == []


@line(8)
async def linh_is_minhs_by_sixteen_thirty_one(told: Told) -> None:
    points = await told.points("linh")
    assert points[-2:] == [75, 85]
    [qualified] = await told.steps("linh", "lead.qualified")
    assert instant(qualified) == told.at(1, "14:31", HANOI)
    [handoff] = await told.handoffs("linh")
    assert handoff["owner"] == "minh"
    decision = (await told.get(f"/v1/handoffs/{handoff['handoff_id']}"))["decision"]
    assert {each["rep"] for each in decision["considered"]} == {"minh", "lan"}
    assert (await told.clock("linh", "first_contact"))[1] == told.at(1, "16:31", HANOI)


@line(9)
async def minhs_call_met_the_clock(told: Told) -> None:
    assert (await told.clock("linh", "first_contact"))[0] == "met"
    [met] = [s for s in await told.steps("linh", "sla.met") if s["details"]["promise"] == "first_contact"]
    assert instant(met) == told.at(1, "14:52", HANOI)


@line(10)
async def zhaomin_goes_to_the_owner_of_her_account(told: Told) -> None:
    assert await told.points("zhaomin") == [45, 75, 85]
    first = (await told.handoffs("zhaomin"))[0]
    assert first["owner"] == "chenhao"
    assert (await told.lead("zhaomin"))["fields"]["referred_by"] == "老客户 常州明达"
    assert (await told.clock("zhaomin", "first_contact"))[1] == told.at(2, "12:24", SHANGHAI)


@line(11)
async def the_breach_came_once_and_went_to_the_manager(told: Told) -> None:
    breaches = [s for s in await told.steps("zhaomin", "sla.breached") if s["details"]["promise"] == "first_contact"]
    assert [instant(step) for step in breaches] == [told.at(2, "12:24", SHANGHAI)]
    tasks = (await told.get("/v1/tasks", owner="zhang", lead_id=told.leads["zhaomin"], state="all"))["items"]
    assert any(task["kind"] == "escalation" for task in tasks), tasks


@line(12)
async def sunyue_was_called_in_time(told: Told) -> None:
    assert (await told.handoffs("sunyue"))[0]["owner"] == "lina"
    assert await told.clock("sunyue", "first_contact") == ("met", told.at(2, "17:00", SHANGHAI))


@line(13)
async def wangleis_clock_runs_into_the_next_morning(told: Told) -> None:
    assert (await told.handoffs("wanglei"))[0]["owner"] == "lina"
    assert (await told.clock("wanglei", "first_contact"))[1] == told.at(3, "09:30", SHANGHAI)


@line(14)
async def wanglei_was_called_too_late_and_rejected(told: Told) -> None:
    assert (await told.clock("wanglei", "first_contact"))[0] == "breached"
    [rejected] = await told.steps("wanglei", "lead.rejected")
    assert (instant(rejected), rejected["details"]["reason"]) == (told.at(3, "14:50", SHANGHAI), "no_need")


@line(15)
async def tuan_is_invalid(told: Told) -> None:
    [handoff] = await told.handoffs("tuan")
    assert (handoff["owner"], handoff["reason"]) == ("lan", "wrong_info")


@line(16)
async def hoa_had_exactly_eighty(told: Told) -> None:
    [handoff] = await told.handoffs("hoa")
    assert (handoff["owner"], handoff["reason"]) == ("minh", "insufficient_budget")
    assert (await told.points("hoa"))[-1] == 80


@line(17)
async def somchai_waited_and_was_graces_within_a_second(told: Told) -> None:
    [waiting] = await told.steps("somchai", "lead.waiting")
    assert instant(waiting) == told.at(3, "14:00", SINGAPORE)
    [handoff] = await told.handoffs("somchai")
    offered = datetime.fromisoformat(handoff["offered_at"])
    assert handoff["owner"] == "grace"
    assert timedelta(0) <= offered - told.at(3, "15:00", SINGAPORE) <= timedelta(seconds=1)
    assert await told.clock("somchai", "owner_found") == ("breached", told.at(3, "14:15", SINGAPORE))
    state, due = await told.clock("somchai", "first_contact")
    assert (state, due - offered) == ("met", timedelta(hours=2))


@line(18)
async def linhs_opportunity_opened_complete(told: Told) -> None:
    [opened] = await told.steps("linh", "opportunity.opened")
    assert instant(opened) == told.at(3, "15:00", HANOI)


@line(19)
async def zhaomin_was_recycled_claimed_and_proposed_to(told: Told) -> None:
    [recycled] = await told.steps("zhaomin", "lead.recycled")
    assert (instant(recycled), recycled["details"]["pool"]) == (told.at(4, "10:24", SHANGHAI), "public")
    claimed = (await told.handoffs("zhaomin"))[1]
    assert (claimed["owner"], claimed["cause"]) == ("lina", "claimed")
    assert await told.clock("zhaomin", "first_contact", 1) == ("met", told.at(4, "12:40", SHANGHAI))
    [opportunity] = (await told.get("/v1/opportunities", lead_id=told.leads["zhaomin"]))["items"]
    assert opportunity["stage"] == "proposal"


@line(20)
async def the_row_went_to_nurture_with_half_a_checklist(told: Told) -> None:
    checklist = await told.get(f"/v1/leads/{told.leads['zhizao']}/checklist")
    assert "pending" in str(checklist)
    pool = (await told.get("/v1/pools/nurture"))["items"]
    assert told.leads["zhizao"] in {item["lead_id"] for item in pool}


@line(21)
async def priyas_saturday_is_due_on_monday_at_eleven(told: Told) -> None:
    [qualified] = await told.steps("priya", "lead.qualified")
    assert instant(qualified) == told.at(6, "16:05", SINGAPORE)
    assert (await told.points("priya"))[-2:] == [85, 95]
    assert (await told.clock("priya", "first_contact"))[1] == told.at(8, "11:00", SINGAPORE)


@line(22)
async def priyas_breach_was_revoked_once(told: Told) -> None:
    assert (await told.clock("priya", "first_contact"))[0] == "revoked"
    [revoked] = await told.steps("priya", "sla.revoked")
    assert datetime.fromisoformat(revoked["recorded_at"]) == told.at(8, "12:05", SINGAPORE)


@line(23)
async def sunyue_fell_silent_and_somchai_did_not(told: Told) -> None:
    warned = [s for s in await told.steps("sunyue", "sla.warned") if s["details"]["promise"] == "silent"]
    assert [instant(step) for step in warned] == [told.at(9, "15:20", SHANGHAI)]
    [recycled] = await told.steps("sunyue", "lead.recycled")
    assert (instant(recycled), recycled["details"]["pool"]) == (told.at(10, "15:20", SHANGHAI), "nurture")
    assert await told.steps("somchai", "lead.recycled") == []


@line(24)
async def hoa_is_erased_everywhere(told: Told) -> None:
    answer = await told.http.get(f"/v1/leads/{told.leads['hoa']}")
    assert answer.status_code == 410, answer.text


@line(25)
async def zhoukai_came_back_to_lina(told: Told) -> None:
    assert (await told.points("zhoukai"))[-1] == 80
    [handoff] = await told.handoffs("zhoukai")
    assert handoff["owner"] == "lina"
    assert await told.clock("zhoukai", "first_contact") == ("met", told.at(11, "12:06", SHANGHAI))


@line(26)
async def linh_is_won(told: Told) -> None:
    [won] = await told.steps("linh", "opportunity.won")
    assert instant(won) == told.at(12, "11:00", HANOI)
    assert (won["details"]["amount_minor"], won["details"]["currency"]) == (180_000_000, "VND")
    for language in ("en", "zh", "vi"):
        assert (await told.get(f"/v1/leads/{told.leads['linh']}/timeline", lang=language))["items"]


@line(27)
async def the_draft_was_backtested_and_not_published(told: Told) -> None:
    backtest = await told.get(f"/v1/backtests/{told.leads['backtest']}")
    assert backtest["state"] == "finished", backtest
    scorecard = (await told.get("/v1/policies/scorecard"))["body"]
    [price] = [rule for rule in scorecard["rules"] if rule["id"] == "price-page"]
    assert price["points"] == 10


@line(28)
async def the_weekly_pack_names_the_late_rep(told: Told) -> None:
    report = await told.get("/v1/reports/lateness-or-quality")
    rows = {row["lead_id"]: row for row in report["rows"]}
    assert rows[told.leads["wanglei"]]["verdict"]["code"] == "late_rep", rows[told.leads["wanglei"]]
    breached = {
        name
        for name in ("zhaomin", "wanglei", "priya", "somchai")
        for state, _ in [await told.clock(name, "first_contact")]
        if state == "breached"
    }
    assert breached == {"zhaomin", "wanglei"}


@line(29)
async def the_audit_sums_up(told: Told) -> None:
    picture = await told.get("/v1/reconciliation")
    assert picture["unexplained"] == 0
    assert picture["captured"] == 15  # fourteen, and the test lead
    assert picture["where"] == {
        "won": 1, "opportunity": 1, "handoff": 3, "pool:nurture": 3, "pool:raw": 4, "invalid": 1, "erased": 1,
        "test": 1,
    }  # fmt: skip
