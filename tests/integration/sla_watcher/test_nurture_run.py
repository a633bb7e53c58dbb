"""Nurture on a real PostgreSQL: scores and pools in, days pass, what falls due."""

import random
from typing import Any
from uuid import uuid4

from shared.contracts import Attributes, Event, NurtureDue
from tests.integration.sla_watcher.tales import A_SECOND, Tale, a_watch, at, let_time_pass
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase


async def due(bench: Bench) -> list[NurtureDue]:
    return [each for each in await bench.emitted(NurtureDue) if isinstance(each, NurtureDue)]


async def steps(bench: Bench, tale: Tale, token: str = "admin") -> list[dict[str, Any]]:  # noqa: S107 - made up
    headers = {"Authorization": f"Bearer {token}"}
    shown = await bench.client.get("/v1/nurture", params={"lead_id": str(tale.lead_id)}, headers=headers)
    assert shown.status_code == 200, shown.text
    return shown.json()["items"]


async def test_a_warm_lead_is_sent_each_step_once_on_its_day(make_database: MakeDatabase) -> None:
    wang = Tale("wang")
    async with a_watch(make_database) as bench:
        records = await bench.deliver([wang.captured("mon 10:15"), wang.warm("mon 10:40")])
        await bench.fire_timers(at("mon 10:40") - A_SECOND)
        assert await due(bench) == []
        await let_time_pass(bench, at("mon+2 18:00"))
        await bench.deliver_records(records)
        await bench.deliver([wang.warm("mon 10:40", "mql")])
        await let_time_pass(bench, at("mon+3 18:00"))
        said = await due(bench)
        assert [(each.step, each.day, each.due_at, each.content) for each in said] == [
            (1, 0, at("mon 10:40"), "thanks.manufacturing.founder"),
            (2, 3, at("thu 10:40"), "best_practice.manufacturing.founder"),
            (3, 7, at("mon+1 10:40"), "demo_video.manufacturing.founder"),
            (4, 10, at("thu+1 10:40"), "invitation.manufacturing.founder"),
        ]
        first = said[0]
        assert (first.cadence, first.episode, first.policy_version) == ("warm_up", 0, 1)
        assert first.fallbacks == ("thanks.manufacturing", "thanks.founder", "thanks")
        assert (first.started_at, first.occurred_at, first.recorded_at) == (at("mon 10:40"),) * 3
        assert {each["state"] for each in await steps(bench, wang)} == {"said"}


async def test_a_step_in_closed_hours_waits_for_the_next_opening(make_database: MakeDatabase) -> None:
    priya = Tale("priya")
    async with a_watch(make_database, "fri 20:00") as bench:
        await bench.deliver([priya.warm("fri 20:00")])
        await bench.fire_timers(at("mon+1 09:00") - A_SECOND)
        assert await due(bench) == []
        await bench.fire_timers(at("mon+1 09:00"))
        assert [each.due_at for each in await due(bench)] == [at("mon+1 09:00")]


async def test_it_stops_when_sales_take_over_and_starts_anew_when_they_give_back(make_database: MakeDatabase) -> None:
    wang = Tale("wang")
    async with a_watch(make_database) as bench:
        await bench.deliver([wang.warm("mon 10:40")])
        await let_time_pass(bench, at("tue 16:30"))
        await bench.deliver([wang.qualified("tue 16:30"), wang.assigned("tue 16:30")])
        await let_time_pass(bench, at("wed 14:50"))
        await bench.deliver([wang.rejected("wed 14:50", pool="nurture")])
        await let_time_pass(bench, at("mon+2 18:00"))
        assert [(each.episode, each.step) for each in await due(bench)] == [(0, 1), (1, 1), (1, 2), (1, 3), (1, 4)]
        # who it is was known from the assignment too
        assert (await due(bench))[1].content.startswith("thanks.manufacturing")
        shown = await steps(bench, wang)
        assert [(each["episode"], each["state"], each["reason"]) for each in shown[:5]] == [
            (0, "said", "qualified"),
            (0, "stopped", "qualified"),
            (0, "stopped", "qualified"),
            (0, "stopped", "qualified"),
            (1, "said", None),
        ]


async def test_a_lead_moved_to_nurture_by_hand_is_nurtured(make_database: MakeDatabase) -> None:
    li = Tale("li")
    async with a_watch(make_database) as bench:
        await bench.deliver(
            [
                li.scored("mon 11:00", 10_000, "raw"),
                li.pooled("thu 11:00", attributes=Attributes(industry="manufacturing")),
            ]
        )
        await let_time_pass(bench, at("thu 11:00"))
        assert [(each.content, each.due_at) for each in await due(bench)] == [("thanks.manufacturing", at("thu 11:00"))]
        await bench.deliver([li.pooled("fri 10:00", "public")])
        await let_time_pass(bench, at("mon+3 18:00"))
        assert len(await due(bench)) == 1


async def test_what_ends_it(make_database: MakeDatabase) -> None:
    endings: dict[str, list[Event]] = {
        "withdrawn": [Tale("withdrawn").consented("tue 10:00", granted=False)],
        "erased": [Tale("erased").erased("tue 10:00")],
        "invalid": [Tale("invalid").invalid("tue 10:00")],
        "cooled": [Tale("cooled").scored("tue 10:00", 50_000, "raw", "mql", cause="decay")],
        "assigned": [Tale("assigned").assigned("tue 10:00")],
    }
    goes_on: dict[str, list[Event]] = {
        "risen": [Tale("risen").scored("tue 10:00", 85_000, "sql", "mql")],
        "other-consent": [Tale("other-consent").consented("tue 10:00", granted=False, purpose="analytics")],
        "warm": [],
    }
    async with a_watch(make_database) as bench:
        await bench.deliver([Tale(name).warm("mon 10:40") for name in [*endings, *goes_on]])
        await let_time_pass(bench, at("mon 11:00"))
        await bench.deliver([event for story in [*endings.values(), *goes_on.values()] for event in story])
        await let_time_pass(bench, at("mon+3 18:00"))
        counted = {
            name: len([each for each in await due(bench) if each.lead_id == Tale(name).lead_id])
            for name in [*endings, *goes_on]
        }
        assert counted == {**dict.fromkeys(endings, 1), **dict.fromkeys(goes_on, 4)}
        assert {each["reason"] for each in await steps(bench, Tale("cooled"))} == {"left_tier"}
        assert {each["reason"] for each in await steps(bench, Tale("erased"))} == {"superseded"}


async def test_who_is_not_nurtured(make_database: MakeDatabase) -> None:
    test, legacy, old, aged = Tale("test"), Tale("legacy"), Tale("old"), Tale("aged")
    async with a_watch(make_database) as bench:
        await bench.deliver(
            [
                test.captured("mon 10:15", is_test=True),
                test.warm("mon 10:40"),
                legacy.warm("mon 10:16"),
                old.captured("mon 09:00", recorded="mon 10:15", legacy=True),
                aged.scored("mon 10:16", 65_000, "mql", "sql", cause="decay"),
                legacy.captured("mon 09:00", recorded="mon 10:15", legacy=True),
            ]
        )
        await let_time_pass(bench, at("mon+3 18:00"))
        assert await due(bench) == []
        # what a legacy lead does later counts as anybody's
        await bench.deliver([old.warm("mon+3 17:00")])
        await bench.fire_timers(at("mon+3 18:00"))
        assert [each.lead_id for each in await due(bench)] == [old.lead_id]


async def test_a_thousand_scores_of_the_raw_pool_are_not_looked_up(make_database: MakeDatabase) -> None:
    async with a_watch(make_database) as bench:
        await bench.deliver([Tale(f"lead {number}").scored("mon 10:00", 10_000, "raw") for number in range(1000)])
        assert await bench.rows("select 1 from lead_fact limit 1") == []


async def test_any_interleaving_ends_in_the_same_steps(make_database: MakeDatabase) -> None:
    def story(tale: Tale) -> list[Event]:
        return [
            tale.captured("mon 10:00"),
            tale.warm("mon 10:40"),
            tale.qualified("tue 16:30"),
            tale.assigned("tue 16:30"),
            tale.contacted("wed 14:40"),
            tale.rejected("wed 14:50", pool="nurture"),
            tale.pooled("fri 10:00", "public"),
            tale.assigned("fri 11:00", "h2"),
            tale.recycled("mon+1 11:00", "h2"),
            tale.pooled("mon+1 12:00"),
        ]

    async with a_watch(make_database, "mon+1 13:00") as bench:
        for seed in range(10):
            await bench.deliver(story(Tale(f"lead {seed}")), shuffle=random.Random(seed) if seed else None)
        found = [
            [(each["episode"], each["step"], each["due_at"], each["state"], each["content"]) for each in shown]
            for shown in [await steps(bench, Tale(f"lead {seed}")) for seed in range(10)]
        ]
        assert all(each == found[0] for each in found)
        assert [state for _, _, _, state, _ in found[0]] == ["stopped"] * 4 + [
            "skipped",
            "skipped",
            "waiting",
            "waiting",
        ]


async def test_the_policy_is_published_by_marketing_and_checked(make_database: MakeDatabase) -> None:
    cadence: dict[str, Any] = {"name": "quick", "when": 'tier == "mql"', "steps": [{"day": 0, "content": "hello"}]}
    async with a_watch(make_database) as bench:
        headers = {"Authorization": "Bearer marketer"}
        body: dict[str, Any] = {"cadences": [cadence], "calendar": "nowhere"}
        refused = await bench.client.put("/v1/policies/nurture", json=body, headers=headers)
        assert (refused.status_code, "nowhere" in refused.text) == (422, True)
        body["calendar"] = "always"
        assert (await bench.client.put("/v1/policies/nurture", json=body, headers=headers)).json()["version"] == 2
        assert (await bench.client.get("/v1/policies/nurture", headers=headers)).json()["body"] == body
        rep_ann = {"Authorization": "Bearer rep:ann"}
        rep = await bench.client.put("/v1/policies/nurture", json=body, headers=rep_ann)
        assert rep.status_code == 403
        bench.clock.now = at("sun 20:00")
        await bench.deliver([Tale("wang").warm("sun 20:00")])
        await bench.fire_timers(at("sun 20:00"))
        assert [(each.content, each.cadence, each.policy_version) for each in await due(bench)] == [
            ("hello", "quick", 2)
        ]
        assert await steps(bench, Tale("wang"), "viewer") != []
        for path in (str(Tale("wang").lead_id), str(uuid4())):
            never_hers = await bench.client.get("/v1/nurture", params={"lead_id": path}, headers=rep_ann)
            assert never_hers.status_code == 404
        unknown = await bench.client.get("/v1/nurture", params={"lead_id": str(uuid4())})
        assert unknown.json() == {"items": [], "next": None}
