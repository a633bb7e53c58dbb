"""Backtests and `apply: all` as work in chunks: asked by REST, done lane by lane, surviving a kill, paced."""

import copy
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from scorer import backtesting, rescoring
from scorer.policies import preset
from shared.contracts import LeadMoved
from shared.runtime.ids import new_id
from shared.runtime.work import Work
from tests.integration.scorer.builders import LINH, Lead, a_lead, a_scorer, days, minutes, qualified, scored
from tests.support.harness import MONDAY_NINE, PARTITIONS, Bench
from tests.support.postgres import MakeDatabase

SCORECARD = "/v1/policies/scorecard"
PUBLISH = f"{SCORECARD}/publish"


def price_at(points: int, **more: Any) -> dict[str, Any]:
    """The preset with other points for the price page."""
    document: dict[str, Any] = copy.deepcopy(dict(preset())) | more
    next(rule for rule in document["rules"] if rule["id"] == "price-page")["points"] = points
    return document


async def some_leads(bench: Bench) -> tuple[Lead, Lead, Lead]:
    """One that crossed at 11 minutes, one that would with dearer prices, one that never would."""
    crossed, near, far = a_lead(), a_lead(), a_lead()
    await bench.deliver([lead.captured() for lead in (crossed, near, far)])
    bench.clock.now = minutes(10)
    await bench.deliver([crossed.did("price_page_viewed", minutes(5)), near.did("price_page_viewed", minutes(6))])
    await bench.deliver([near.did("quote_sheet_downloaded", minutes(7)), near.did("webinar_attended", minutes(8))])
    bench.clock.now = minutes(11)
    await bench.deliver([crossed.did("demo_requested", minutes(11))])
    return crossed, near, far


async def finished(bench: Bench, backtest_id: str, **params: Any) -> dict[str, Any]:
    for _ in range(200):
        if not await bench.fire_timers():
            break
    found: dict[str, Any] = (await bench.client.get(f"/v1/backtests/{backtest_id}", params=params)).json()
    assert found["state"] == "finished"
    return found


async def test_a_draft_is_backtested_against_the_live_version(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        crossed, near, _ = await some_leads(bench)
        told = LeadMoved(
            lead_id=crossed.id, occurred_at=minutes(30), recorded_at=minutes(30), status="activated", previous="new"
        )
        await bench.deliver([told, near.recycled(minutes(31))])
        bench.clock.now = minutes(60)
        said = await bench.emitted()
        asked = await bench.client.post("/v1/backtests", json={"scorecard": price_at(30)})
        assert asked.status_code == 202
        backtest_id = asked.json()["backtest_id"]
        assert asked.headers["location"] == f"/v1/backtests/{backtest_id}"
        assert (await bench.client.get(asked.headers["location"])).json()["state"] == "running"
        assert await bench.next_due() == minutes(60)

        found = await finished(bench, backtest_id)
        assert found["crossed"] == {"live": 1, "draft": 2, "extra": 1}
        assert {row["lead_id"]: (row["kind"], row["live_at"], row["draft_at"]) for row in found["leads"]["items"]} == {
            str(near.id): ("only_draft", None, "2026-11-16T09:07:00Z"),
        }
        assert found["differences"]["only_draft"] == 1
        assert found["weeks"] == [{"week": "2026-11-16", "live": 1, "draft": 2, "extra": 1}]
        assert found["judged"]["draft"]["verdicts"] == {"caught": 1, "of_crossed": 1, "precision": 1.0, "recall": 1.0}
        assert found["judged"]["draft"]["unjudged"] == 1
        assert found["apply_all"]["would_cross"] == 1
        assert [change["words"] for change in found["diff"]] == ["Rule “Viewed the price page”: 10 points → 30 points"]
        chinese = await finished(bench, backtest_id, lang="zh")
        assert [change["words"] for change in chinese["diff"]] == ["规则“浏览价格页”：10 分 → 30 分"]
        listed = (await bench.client.get("/v1/backtests")).json()
        assert [(row["backtest_id"], row["state"]) for row in listed["items"]] == [(backtest_id, "finished")]
        assert await bench.emitted() == said  # looking back moves nobody


async def test_the_same_scorecard_finds_no_difference(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        await some_leads(bench)
        asked = await bench.client.post("/v1/backtests", json={"scorecard": dict(preset())})
        found = await finished(bench, asked.json()["backtest_id"])
        assert found["crossed"] == {"live": 1, "draft": 1, "extra": 0}
        assert (found["leads"]["items"], found["diff"], found["apply_all"]["would_cross"]) == ([], [], 0)


async def test_a_backtest_goes_on_where_a_kill_left_it(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_scorer(make_database) as bench:
        leads = [a_lead() for _ in range(60)]
        await bench.deliver([lead.captured() for lead in leads])
        await bench.deliver([lead.did("price_page_viewed") for lead in leads])
        await bench.deliver([lead.did("quote_sheet_downloaded") for lead in leads])
        monkeypatch.setattr(backtesting, "LEADS_AT_ONCE", 4)
        asked = await bench.client.post("/v1/backtests", json={"scorecard": price_at(40)})
        await bench.fire_timers()
        half = (await bench.client.get(asked.headers["location"])).json()
        assert half["state"] == "running"
        assert 0 < half["progress"]["leads"] < 60
        for partition in range(PARTITIONS):
            with pytest.raises(KilledError):
                await killed(bench, partition, backtesting.fire)
        assert (await bench.client.get(asked.headers["location"])).json() == half
        found = await finished(bench, asked.json()["backtest_id"], limit=7)
        assert found["progress"] == {"leads": 60, "of": 60}
        assert found["crossed"] == {"live": 0, "draft": 60, "extra": 60}
        pages = found["leads"]
        seen = {row["lead_id"] for row in pages["items"]}
        while pages["next"]:
            pages = (await finished(bench, found["backtest_id"], limit=7, cursor=pages["next"]))["leads"]
            assert seen.isdisjoint(row["lead_id"] for row in pages["items"])
            seen |= {row["lead_id"] for row in pages["items"]}
        assert seen == {str(lead.id) for lead in leads}


class KilledError(Exception):
    """The process ended before the commit."""


async def killed(bench: Bench, partition: int, fire: Callable[[Work, int, int], Awaitable[int]]) -> None:
    """A chunk whose process dies before it commits."""
    async with bench.transactions.locked([partition]) as work:
        await fire(work, partition, 500)
        raise KilledError


async def test_only_crossings_of_the_asked_days_count(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        await some_leads(bench)
        bench.clock.now = days(2)
        body = {"scorecard": price_at(30), "from": minutes(8).isoformat(), "to": days(30).isoformat()}
        asked = await bench.client.post("/v1/backtests", json=body)
        found = await finished(bench, asked.json()["backtest_id"])
        assert found["crossed"] == {"live": 1, "draft": 1, "extra": 0}  # the other crossed at 7 minutes
        assert found["to"] == "2026-11-18T09:00:00Z"


async def test_what_cannot_be_backtested_is_refused(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        ask = bench.client.post
        assert (await ask("/v1/backtests", json={"scorecard": "draft"})).json()["type"].endswith("no-draft")
        assert (await ask("/v1/backtests", json={"scorecard": {"tiers": []}})).status_code == 422
        assert (await ask("/v1/backtests", json={"scorecard": "live"})).status_code == 422
        assert (await ask("/v1/backtests", json=["no table"])).status_code == 422
        nul = price_at(10, name="a\0b")
        assert (await ask("/v1/backtests", json={"scorecard": nul})).status_code == 422
        backwards = {"scorecard": price_at(10), "from": days(2).isoformat(), "to": days(1).isoformat()}
        assert (await ask("/v1/backtests", json=backwards)).status_code == 422
        assert (await bench.client.get(f"/v1/backtests/{new_id()}")).status_code == 404
        rep = {"Authorization": "Bearer rep:minh"}
        assert (await ask("/v1/backtests", json={"scorecard": "draft"}, headers=rep)).status_code == 403
        for _ in range(backtesting.MAX_RUNNING):
            assert (await ask("/v1/backtests", json={"scorecard": price_at(10)})).status_code == 202
        assert (await ask("/v1/backtests", json={"scorecard": price_at(10)})).status_code == 409


async def test_one_key_asks_once(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        await bench.client.put(SCORECARD, json=price_at(20))
        headers = {"Idempotency-Key": "friday"}
        first = await bench.client.post("/v1/backtests", json={"scorecard": "draft"}, headers=headers)
        again = await bench.client.post("/v1/backtests", json={"scorecard": "draft"}, headers=headers)
        assert first.json() == again.json()
        assert len((await bench.client.get("/v1/backtests")).json()["items"]) == 1


async def test_applying_to_all_says_first_how_many_would_cross(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        crossed, near, far = await some_leads(bench)
        await bench.client.put(SCORECARD, json=price_at(30))
        unseen = await bench.client.post(PUBLISH, json={"apply": "all"})
        assert (unseen.status_code, unseen.json()["type"]) == (409, "urn:baton:problem:not-counted")
        tried = await bench.client.post(PUBLISH, params={"dry_run": "1"}, json={"apply": "all"})
        assert tried.status_code == 202
        assert (await finished(bench, tried.json()["backtest_id"]))["apply_all"]["would_cross"] == 1
        assert (await bench.client.get(SCORECARD)).json()["version"] == 1

        live = await bench.client.post(PUBLISH, json={"apply": "all"})
        assert live.json()["rescore"]["would_cross"] == 1
        assert len(await qualified(bench)) == 1
        await drained(bench)
        assert [(each.lead_id, each.scorecard_version) for each in await qualified(bench)][1:] == [(near.id, 2)]
        assert [(each.score_milli, each.cause) for each in await scored(bench, near)][-1] == (93_000, "scorecard")
        assert (await scored(bench, crossed))[-1].score_milli == 100_000
        assert [each.score_milli for each in await scored(bench, far)] == [45_000]  # nothing moved, nothing is told
        state = (await bench.client.get(SCORECARD)).json()["rescore"]
        assert (state["state"], state["seen"], state["told"], state["crossed"]) == ("finished", 3, 2, 1)


async def drained(bench: Bench) -> None:
    for _ in range(200):
        if not await bench.fire_timers():
            return


async def applied_to_all(bench: Bench, document: dict[str, Any]) -> None:
    await bench.client.put(SCORECARD, json=document)
    tried = await bench.client.post(PUBLISH, params={"dry_run": "1"}, json={"apply": "all"})
    await finished(bench, tried.json()["backtest_id"])
    assert (await bench.client.post(PUBLISH, json={"apply": "all"})).status_code == 200


async def many_near(bench: Bench, count: int) -> list[Lead]:
    leads = [a_lead() for _ in range(count)]
    await bench.deliver([lead.captured(LINH) for lead in leads])
    await bench.deliver([lead.did("price_page_viewed") for lead in leads])
    await bench.deliver([lead.did("quote_sheet_downloaded") for lead in leads])
    return leads


async def test_no_more_leads_cross_in_a_minute_than_the_policy_says(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        leads = await many_near(bench, 17)
        await applied_to_all(bench, price_at(40, apply={"crossings_per_minute": 5}))
        counts: list[int] = []
        while (due := await bench.next_due()) is not None and due < days(1):
            bench.clock.now = max(due, bench.clock.now)
            await drained(bench)
            counts.append(len(await qualified(bench)))
            assert len(counts) < 10
        assert counts == [5, 10, 15, 17]
        assert bench.clock.now == MONDAY_NINE + timedelta(minutes=3)
        assert {each.lead_id for each in await qualified(bench)} == {lead.id for lead in leads}


async def test_a_version_published_meanwhile_ends_the_application_of_the_one_before(
    make_database: MakeDatabase,
) -> None:
    async with a_scorer(make_database) as bench:
        await many_near(bench, 12)
        await applied_to_all(bench, price_at(40, apply={"crossings_per_minute": 3}))
        await drained(bench)
        assert await bench.publish("scorecard", dict(preset())) == 3
        bench.clock.now = minutes(5)
        await drained(bench)
        assert len(await qualified(bench)) == 3
        assert (await bench.client.get(SCORECARD)).json()["rescore"]["state"] == "superseded"


async def test_an_application_to_all_goes_on_where_a_kill_left_it(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_scorer(make_database) as bench:
        leads = await many_near(bench, 30)
        await applied_to_all(bench, price_at(40))
        monkeypatch.setattr(rescoring, "LEADS_AT_ONCE", 3)
        await bench.fire_timers()
        assert 0 < len(await qualified(bench)) < 30
        before = await bench.emitted()
        for partition in range(PARTITIONS):
            with pytest.raises(KilledError):
                await killed(bench, partition, rescoring.fire)
        assert await bench.emitted() == before
        await drained(bench)
        assert sorted(each.lead_id for each in await qualified(bench)) == sorted(lead.id for lead in leads)


async def test_no_way_past_the_draft_and_no_character_that_cannot_be_kept(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        past = await bench.client.put("/v1/ops/scorer/policies/scorecard", json=price_at(20))
        assert (past.status_code, past.json()["type"]) == (409, "urn:baton:problem:drafted")
        refused = await bench.client.put(SCORECARD, json=price_at(20, name="a\0b"))
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:baton:problem:policy-invalid")
        odd = await bench.client.post(PUBLISH, json={"apply": "some"})
        assert odd.status_code == 422


async def test_the_history_of_a_scorecard_shows_a_version_that_was_changed_afterwards(
    make_database: MakeDatabase,
) -> None:
    async with a_scorer(make_database) as bench:
        for points in (11, 12, 13):
            await bench.publish("scorecard", price_at(points))
        found = (await bench.client.get(f"{SCORECARD}/history")).json()
        assert (found["intact"], [row["version"] for row in found["items"]]) == (True, [4, 3, 2, 1])
        page = (await bench.client.get(f"{SCORECARD}/history", params={"limit": 2})).json()
        assert ([row["version"] for row in page["items"]], page["next"], page["intact"]) == ([4, 3], 3, True)
        last = (await bench.client.get(f"{SCORECARD}/history", params={"limit": 2, "cursor": 3})).json()
        assert ([row["version"] for row in last["items"]], last["next"]) == ([2, 1], None)
        async with bench.transactions.free() as work:
            connection = await work.raw()
            await connection.execute(
                "update policy set body = jsonb_set(body, '{name}', '\"mine\"') where kind = 'scorecard' and version = 2"
            )
            await connection.execute("update policy set digest = 'x' where kind = 'scorecard' and version = 3")
        broken = (await bench.client.get("/v1/ops/scorer/policies/scorecard/history")).json()
        assert broken["intact"] is False
        assert {row["version"]: row["problem"] for row in broken["items"]} == {
            4: "version 3 was changed after it",
            3: "its content is not what was published",
            2: "its content is not what was published",
            1: None,
        }
