"""A team opens: everybody who waited for it is routed then, however many, and nobody before."""

from collections import Counter
from datetime import timedelta

from tests.integration.router.leads import a_team, an_id, assignments, owners, story
from tests.support.harness import MONDAY_NINE, Bench

OFFICE = {"calendars": {"always": {}, "office": {"zone": "UTC", "open": {"mon-fri": ["09:00-18:00"]}}}}


async def test_two_hundred_leads_that_waited_are_all_routed_at_the_opening(bench: Bench) -> None:
    await bench.publish("calendars", OFFICE)
    team = a_team("minh", "lan", calendar="office", outside_hours="wait")
    await bench.publish("routing", {"teams": {"sales": team}, "fallback": "sales"})
    names = [f"late-{number}" for number in range(200)]
    closed = bench.clock.now = MONDAY_NINE + timedelta(hours=10)
    await bench.deliver([event for name in names for event in story(name, closed)])
    opening = MONDAY_NINE + timedelta(days=1)
    assert await bench.next_due() == opening
    assert await bench.fire_timers(opening - timedelta(milliseconds=1)) == 0
    assert await bench.fire_timers(opening) == 200
    found = await owners(bench)
    assert set(found) == {an_id(name) for name in names}
    assert Counter(found.values()) == {"minh": 100, "lan": 100}
    assert {each.occurred_at for each in await assignments(bench)} == {opening}
    assert await bench.next_due() is None
