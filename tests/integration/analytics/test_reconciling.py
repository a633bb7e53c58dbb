"""Reconciliation, the timeline and the event feed, through the API."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from analytics.main import service
from analytics.settings import Settings
from shared.contracts import Attributes, Event, LeadCaptured, LeadQualified, LeadScored
from shared.contracts.topology import CONSUMES, EMITS, PRODUCER
from shared.runtime.reports import Report
from shared.runtime.streams import Position, Record, Stream
from tests.support.harness import MONDAY_NINE, Bench, a_service
from tests.support.lead_stories import an_id, stories
from tests.support.postgres import MakeDatabase


@pytest.fixture
async def bench(make_database: MakeDatabase) -> AsyncIterator[Bench]:
    async with a_service(service(Settings()), make_database) as running:
        yield running


def reports(records: Sequence[Record], bench: Bench) -> list[Report]:
    """What four services say that have all read and written these records."""
    last: dict[Stream, Position] = {}
    for record in records:
        last[record.stream] = max(last.get(record.stream, Position(1, 0)), Position(record.epoch, record.seq))

    def of(topics: Mapping[str, Sequence[str]], name: str) -> dict[Stream, Position]:
        return {stream: at for stream, at in last.items() if stream.topic in topics[name]}

    return [
        Report(name, bench.clock.now, of(CONSUMES, name), of(EMITS, name))
        for name in ("intake", "scorer", "router", "sla-watcher")
    ]


def a_lead(rng: random.Random, minutes: int, *after: type[Event]) -> list[Event]:
    at = MONDAY_NINE + timedelta(minutes=minutes)
    common: dict[str, Any] = {"lead_id": an_id(rng), "occurred_at": at, "recorded_at": at}
    events: list[Event] = [LeadCaptured(**common, submission_id=an_id(rng), attributes=Attributes())]
    if LeadScored in after:
        events.append(LeadScored(**common, score_milli=0, tier="raw", action="store", scorecard_version=1))
    if LeadQualified in after:
        events.append(LeadQualified(**common, episode=1, score_milli=0, tier="sql", scorecard_version=1))
    return events


async def reconciled(bench: Bench) -> dict[str, Any]:
    answer = await bench.client.get("/v1/reconciliation")
    assert answer.status_code == 200
    return answer.json()


async def test_every_lead_before_the_watermark_is_somewhere_or_named(bench: Bench) -> None:
    rng = random.Random(1)
    explained = a_lead(rng, 0, LeadScored)
    lost = a_lead(rng, 1, LeadScored, LeadQualified)
    parked = a_lead(rng, 2)
    young = a_lead(rng, 30)
    records = await bench.deliver([*explained, *lost, *parked, *young])
    bench.clock.now = MONDAY_NINE + timedelta(minutes=10)

    assert (await reconciled(bench))["watermark"] is None
    said = reports(records, bench)
    bench.reports += [replace(said[0], parked_leads=frozenset({parked[0].lead_id})), *said[1:]]
    bench.clock.now += timedelta(seconds=5)

    assert await reconciled(bench) == {
        "watermark": "2026-11-16T09:10:00Z",
        "stale": False,
        "captured": 3,
        "where": {"parked": 1, "pool:raw": 1},
        "in_flight": 1,
        "unexplained": 1,
        "examples": [str(lost[0].lead_id)],
    }


async def test_a_lead_on_its_way_after_the_watermark_is_in_flight_not_lost(bench: Bench) -> None:
    rng = random.Random(2)
    captured, scored = a_lead(rng, 0, LeadScored)
    await bench.deliver([captured])
    later = MONDAY_NINE + timedelta(minutes=20)
    qualified = LeadQualified(
        lead_id=captured.lead_id,
        occurred_at=later,
        recorded_at=later,
        episode=1,
        score_milli=0,
        tier="sql",
        scorecard_version=1,
    )
    records = await bench.deliver([scored, qualified])
    bench.clock.now = MONDAY_NINE + timedelta(minutes=10)
    bench.reports += reports(records[:1], bench)

    shown = await reconciled(bench)
    assert (shown["captured"], shown["unexplained"], shown["in_flight"]) == (0, 0, 1)


async def test_analytics_itself_behind_holds_the_watermark_back(bench: Bench) -> None:
    records = await bench.deliver(a_lead(random.Random(3), 0, LeadScored))
    last = records[0]
    ahead = Record(last.stream, last.epoch, last.seq + 1, last.id, last.lead_id, last.value)
    bench.reports += reports([*records, ahead], bench)

    assert (await reconciled(bench))["watermark"] is None


async def test_a_follower_gets_every_event_once_and_can_go_on(bench: Bench) -> None:
    events = stories(8, 15, MONDAY_NINE)
    first = await bench.deliver(events[: len(events) // 2])
    seen: list[dict[str, Any]] = []
    after = ""
    for more in ((), events[len(events) // 2 :]):
        if more:
            first += await bench.deliver(more)
        while page := (await bench.client.get("/v1/events", params={"after": after, "limit": 9})).json():
            seen += page["items"]
            after = page["next"]
            if not page["items"]:
                break

    assert sorted(item["id"] for item in seen) == sorted(str(record.id) for record in first)
    by_id = {str(record.id): record for record in first}
    assert all(item["type"] == by_id[item["id"]].stream.topic for item in seen)
    assert all(PRODUCER[item["type"]] and item["data"]["lead_id"] == item["lead_id"] for item in seen)
    assert (await bench.client.get("/v1/events?after=nonsense")).status_code == 422


async def test_a_timeline_speaks_three_languages(bench: Bench) -> None:
    events = a_lead(random.Random(4), 0, LeadScored, LeadQualified)
    await bench.deliver(events)
    lead_id = events[0].lead_id

    said = [
        [
            item["words"]
            for item in (await bench.client.get(f"/v1/leads/{lead_id}/timeline?lang={lang}")).json()["items"]
        ]
        for lang in ("en", "zh", "vi")
    ]
    assert [len(words) for words in said] == [3, 3, 3]
    assert len({words[1] for words in said}) == 3
    assert (await bench.client.get(f"/v1/leads/{UUID(int=9)}/timeline")).status_code == 404
    assert (await bench.client.get(f"/v1/leads/{lead_id}/timeline?lang=xx")).status_code == 422
