"""The story's leads through the service: the published scores, who qualifies when, and who is re-activated."""

from datetime import datetime

from shared.contracts import Attributes, Event, LeadCaptured
from shared.runtime.ids import new_id
from tests.integration.scorer.builders import LINH, Lead, a_lead, a_scorer, days, minutes, qualified, scores
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

FOUNDER = Attributes(industry="manufacturing", title_level="founder", timeframe="within_1_month")


async def told(bench: Bench, at: datetime, *events: Event) -> None:
    bench.clock.now = at
    await bench.deliver(events)


async def episodes(bench: Bench, lead: Lead) -> list[int]:
    return [each.episode for each in await qualified(bench, lead)]


async def missing(bench: Bench, lead: Lead) -> list[str]:
    answer = (await bench.client.get(f"/v1/scores/{lead.id}")).json()
    sentences: list[str] = answer["to_next_tier"]["sentences"]
    return sentences


async def test_wang_lei_goes_from_50_to_65_to_75_to_85_and_qualifies_by_two_views(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        wang = a_lead()
        await told(bench, minutes(75), wang.captured(FOUNDER, at=minutes(75)))
        await told(bench, minutes(100), wang.did("case_study_downloaded", minutes(100)))
        await told(bench, days(1.3), wang.did("price_page_viewed", days(1.3)))
        assert await episodes(bench, wang) == []
        assert (await missing(bench, wang))[-1] == "1 more high-value act in 7 days"
        await told(bench, days(1.31), wang.did("quote_sheet_downloaded", days(1.31)))
        assert await scores(bench, wang) == [50, 65, 75, 85]
        assert await episodes(bench, wang) == [1]


async def test_hoa_qualifies_at_exactly_80(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        hoa = a_lead()
        await told(bench, days(2), hoa.captured(Attributes(title_level="founder", timeframe="within_1_month")))
        await told(bench, days(2.1), hoa.did("demo_requested", days(2.1)))
        assert await episodes(bench, hoa) == []
        await told(bench, days(2.2), hoa.did("price_page_viewed", days(2.2)))
        assert await scores(bench, hoa) == [40, 70, 80]
        assert [each.score_milli for each in await qualified(bench, hoa)] == [80_000]


async def test_priya_at_85_waits_for_a_second_high_value_act(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        priya = a_lead()
        await told(bench, days(5), priya.captured(Attributes(title_level="founder", timeframe="within_1_month")))
        acts = (priya.did("case_study_downloaded", days(5.1)), priya.did("demo_requested", days(5.1)))
        await told(bench, days(5.1), *acts)
        assert await scores(bench, priya) == [40, 85]
        assert await missing(bench, priya) == ["1 more high-value act in 7 days"]
        assert await episodes(bench, priya) == []
        await told(bench, days(5.2), priya.did("price_page_viewed", days(5.2)))
        assert await scores(bench, priya) == [40, 85, 95]
        assert await episodes(bench, priya) == [1]
        assert await missing(bench, priya) == ["Qualified, nothing is missing"]


async def test_zhou_kai_of_last_year_is_reactivated_from_re_marketing(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        zhou = a_lead()
        captured = LeadCaptured(
            lead_id=zhou.id,
            occurred_at=days(-300),
            recorded_at=days(0),
            submission_id=new_id(),
            attributes=LINH,
            legacy=True,
            pool="remarketing",
            previous_owner="lina",
        )
        await told(bench, days(0), captured, zhou.did("case_study_downloaded", days(-299)))
        assert await scores(bench, zhou) == [60]
        await told(bench, days(10), zhou.did("price_page_viewed", days(10)))
        assert await episodes(bench, zhou) == []
        await told(bench, days(10.01), zhou.did("quote_sheet_downloaded", days(10.01)))
        assert await scores(bench, zhou) == [60, 70, 80]
        assert await episodes(bench, zhou) == [1]


async def test_a_lead_rejected_to_nurture_qualifies_again_only_by_a_younger_high_value_act(
    make_database: MakeDatabase,
) -> None:
    async with a_scorer(make_database) as bench:
        wang = a_lead()
        acts = (wang.did("price_page_viewed", days(1)), wang.did("quote_sheet_downloaded", days(1)))
        await told(bench, days(1), wang.captured(FOUNDER), wang.did("case_study_downloaded", days(0.5)), *acts)
        await told(bench, days(2), wang.rejected(days(2), ends_episode=True))
        assert "Sales let this lead go" in (await missing(bench, wang))[-1]
        late_news = wang.did("demo_requested", days(1.5))  # done before the rejection, told after it
        await told(bench, days(3), late_news, wang.did("case_study_downloaded", days(3)))
        assert await episodes(bench, wang) == [1]
        await told(bench, days(4), wang.did("price_page_viewed", days(4)))
        assert await episodes(bench, wang) == [1, 2]
        await told(bench, days(5), wang.did("quote_sheet_downloaded", days(5)))
        assert await episodes(bench, wang) == [1, 2]
