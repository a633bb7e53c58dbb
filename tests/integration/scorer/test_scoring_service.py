"""The scorer as a service: events in, scores and qualifications out, exactly once."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from scorer.policies import preset
from shared.contracts import Attributes, Event, LeadMoved
from tests.integration.scorer.builders import LINH, Lead, a_lead, a_scorer, days, minutes, qualified, scored, scores
from tests.support.harness import MONDAY_NINE, interleaved
from tests.support.postgres import MakeDatabase
from tests.unit.scorer.builders import a_document

REPOSITORY_FILE = Path(__file__).parents[3] / "policy" / "scorecard" / "eighty-sixty.yaml"


def test_the_preset_is_the_file_in_the_repository() -> None:
    assert preset() == yaml.safe_load(REPOSITORY_FILE.read_text("utf-8"))


async def test_linh_goes_from_45_to_75_to_85_and_qualifies_once(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        for minute, event in (
            (0, linh.captured()),
            (318, linh.did("demo_requested", minutes(318))),
            (329, linh.did("price_page_viewed", minutes(329))),
            (330, linh.did("price_page_viewed", minutes(330))),
        ):
            bench.clock.now = minutes(minute)
            await bench.deliver([event])
        told = await scored(bench)
        assert [(each.score_milli, each.tier, each.previous_tier, each.label) for each in told] == [
            (45_000, "raw", None, None),
            (75_000, "mql", "raw", "MQL"),
            (85_000, "sql", "mql", "SQL"),
        ]
        assert all(sum(part.points_milli for part in each.parts) == each.score_milli for each in told)
        assert [(each.scorecard_version, each.cause, each.action) for each in told[2:]] == [(1, "fact", "assign")]
        (crossing,) = await qualified(bench)
        assert (crossing.episode, crossing.score_milli, crossing.occurred_at) == (1, 85_000, minutes(329))
        assert crossing.attributes == LINH


async def test_what_led_to_a_score_is_named_by_it(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        records = await bench.deliver([linh.captured(), linh.did("home_page_viewed")])
        (told,) = await scored(bench)
        assert told.causation == records[-1].id


async def test_nothing_is_said_before_the_capture_and_all_is_counted_after(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        await bench.deliver([linh.did("demo_requested"), linh.did("price_page_viewed")])
        await bench.deliver([linh.updated(Attributes(industry="electronics"), minutes(5))])
        assert await bench.emitted() == []
        assert (await bench.client.get(f"/v1/scores/{linh.id}")).status_code == 404
        await bench.deliver([linh.captured()])
        assert await scores(bench) == [85]
        assert [each.episode for each in await qualified(bench)] == [1]


async def test_the_first_score_is_told_even_at_nothing(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        await bench.deliver([a_lead().captured(Attributes())])
        assert await scores(bench) == [0]


async def test_a_repeat_says_nothing_twice(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        events: list[Event] = [linh.captured(), linh.did("demo_requested"), linh.did("price_page_viewed")]
        records = await bench.deliver(events)
        said = await bench.emitted()
        kept = await bench.rows("select * from dossier")
        await bench.deliver_records(records)
        await bench.deliver(events[1:])  # the same facts again under new numbers, as a rebuilt producer would send them
        assert await bench.emitted() == said
        assert await bench.rows("select * from dossier") == kept


async def test_a_test_lead_is_never_scored(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        probe = a_lead()
        await bench.deliver([probe.captured(is_test=True), probe.did("demo_requested")])
        await bench.deliver([probe.did("price_page_viewed")])
        assert await bench.emitted() == []
        assert await bench.next_due() is None


async def test_an_erased_lead_keeps_no_fact_and_takes_none(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        await bench.deliver([linh.captured(), linh.did("demo_requested"), linh.did("price_page_viewed")])
        said = await bench.emitted()
        await bench.deliver([linh.erased(), linh.did("quote_sheet_downloaded")])
        await bench.deliver([linh.did("trial_requested")])
        assert await bench.emitted() == said
        (row,) = await bench.rows("select body, score_milli, tier, next_change from dossier")
        assert b"manufacturing" not in row["body"]
        assert (row["score_milli"], row["tier"], row["next_change"]) == (None, None, None)
        assert (await bench.client.get(f"/v1/scores/{linh.id}")).status_code == 410


async def test_a_status_moves_no_score(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        moved = LeadMoved(
            lead_id=linh.id, occurred_at=MONDAY_NINE, recorded_at=MONDAY_NINE, status="contacted", previous="new"
        )
        await bench.deliver([moved])
        assert await bench.rows("select 1 from dossier") == []


async def test_every_interleaving_of_the_streams_gives_the_same_score(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database, **dict(preset()) | {"decay": "half_life(20)"}) as bench:
        bench.clock.now = days(3)
        answers: list[dict[str, Any]] = []
        for seed in range(12):
            rng = random.Random(seed)
            lead = a_lead()
            records = interleaved([bench.record(event) for event in _a_life(lead)], rng)
            while records:
                size = rng.randint(1, len(records))
                await bench.deliver_records(records[:size])
                records = records[size:]
            answer = (await bench.client.get(f"/v1/scores/{lead.id}")).json()
            reasons = [(part["rule"], part["points_milli"], part["age_s"]) for part in answer["parts"]]
            answers.append({"tier": answer["tier"], "score": answer["score_milli"], "parts": reasons})
            assert [each.episode for each in await qualified(bench, lead)] == [1]
        assert answers[1:] == answers[:-1]


def _a_life(lead: Lead) -> list[Event]:
    return [
        lead.captured(Attributes(industry="retail", title_level="director", region="north")),
        lead.updated(Attributes(industry="manufacturing"), days(1)),
        lead.updated(Attributes(timeframe="within_1_month", title_level="founder"), days(0.5)),
        lead.updated(Attributes(), days(2), cleared=("region",)),
        lead.did("demo_requested", days(1)),
        lead.did("case_study_downloaded", days(0.1)),
        lead.did("price_page_viewed", days(2.5)),
        lead.did("quote_sheet_downloaded", days(2)),
    ]


async def test_decay_is_told_once_at_the_instant_the_tier_changes(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database, **a_document(decay="window(7)")) as bench:
        lead = a_lead()
        await bench.deliver([lead.captured(LINH), lead.did("demo_requested", days(-2))])
        assert await scores(bench) == [80]
        assert await bench.next_due() == days(5)
        assert await bench.fire_timers(days(5) - timedelta(microseconds=1)) == 0
        assert await bench.fire_timers(days(5)) == 1
        assert await bench.fire_timers() == 0
        told = (await scored(bench))[1:]
        assert [(each.score_milli, each.tier, each.previous_tier, each.cause) for each in told] == [
            (50_000, "raw", "sql", "decay")
        ]
        assert (told[0].occurred_at, told[0].causation) == (days(5), None)


async def test_the_window_of_the_line_closes_without_a_new_episode(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        await bench.deliver([linh.captured(), linh.did("demo_requested"), linh.did("price_page_viewed")])
        assert await bench.next_due() == days(7)
        assert await bench.fire_timers(days(7)) == 1
        assert await scores(bench) == [85, 85]  # told again: it no longer qualifies
        assert await bench.next_due() is None
        await bench.deliver([linh.did("price_page_viewed", days(7)), linh.did("demo_requested", days(7))])
        assert [each.episode for each in await qualified(bench)] == [1]


@pytest.mark.parametrize("end", ["recycled", "rejected", "lost", "returned", "pooled"])
async def test_a_lead_that_sales_let_go_qualifies_again_by_what_it_does_then(
    make_database: MakeDatabase, end: str
) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        await bench.deliver([linh.captured(), linh.did("demo_requested"), linh.did("price_page_viewed")])
        bench.clock.now = days(2)
        ending = {
            "recycled": linh.recycled(days(2)),
            "rejected": linh.rejected(days(2), ends_episode=True),
            "lost": linh.lost(days(2)),
            "returned": linh.returned(days(2)),
            "pooled": linh.pooled(days(2)),
        }[end]
        await bench.deliver([ending])
        await bench.deliver([linh.did("home_page_viewed", days(2.1)), linh.did("quote_sheet_downloaded", days(1.9))])
        assert [each.episode for each in await qualified(bench)] == [1]
        bench.clock.now = days(3)
        await bench.deliver([linh.did("price_page_viewed", days(3))])
        assert [each.episode for each in await qualified(bench)] == [1, 2]


async def test_a_lead_that_only_changed_hands_stays_in_its_episode(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        await bench.deliver([linh.captured(), linh.did("demo_requested"), linh.did("price_page_viewed")])
        bench.clock.now = days(2)
        await bench.deliver([linh.recycled(days(1), without_owner=False), linh.rejected(days(1), ends_episode=False)])
        await bench.deliver([linh.returned(days(1), without_owner=False), linh.pooled(days(1), ends_episode=False)])
        await bench.deliver([linh.did("price_page_viewed", days(2))])
        assert [each.episode for each in await qualified(bench)] == [1]


async def test_a_new_scorecard_scores_new_facts_and_leaves_the_rest_alone(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database, **a_document(decay="window(7)")) as bench:
        touched, untouched = a_lead(), a_lead()
        await bench.deliver([lead.captured(LINH) for lead in (touched, untouched)])
        await bench.deliver([lead.did("demo_requested") for lead in (touched, untouched)])
        dearer = a_document()
        dearer["rules"][0]["points"] = 55
        assert await bench.publish("scorecard", dearer) == 2
        assert await bench.fire_timers(days(1)) == 0
        await bench.deliver([touched.did("mail_opened", days(1))])
        assert [(each.score_milli, each.scorecard_version, each.cause) for each in await scored(bench, touched)] == [
            (50_000, 1, "fact"),
            (80_000, 1, "fact"),
            (85_000, 2, "scorecard"),
        ]
        assert await bench.fire_timers(days(7)) == 1
        last = (await scored(bench, untouched))[-1]
        assert (last.score_milli, last.scorecard_version, last.cause) == (
            0,
            1,
            "decay",
        )  # by the scorecard it was scored by
        assert (await bench.client.get(f"/v1/scores/{untouched.id}")).json()["scorecard_version"] == 1
        assert (await bench.client.get(f"/v1/scores/{touched.id}")).json()["scorecard_version"] == 2


async def test_many_leads_of_all_lanes_in_one_batch(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        leads = [a_lead() for _ in range(100)]
        events = [event for lead in leads for event in (lead.captured(), lead.did("demo_requested"))]
        await bench.deliver(events, shuffle=random.Random(7))
        assert await scores(bench) == [75] * 100
        assert {each.lead_id for each in await scored(bench)} == {lead.id for lead in leads}
