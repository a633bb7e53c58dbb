"""Reps, timers and the stream at once: nobody over capacity, nobody forgotten, nobody with two owners."""

import asyncio
import random

import pytest

from tests.integration.router.leads import an_id, as_rep, assignments, one_team, owners, places, story
from tests.support.harness import PARTITIONS, Bench

CAPACITY = 3


async def _look_again(bench: Bench, partition: int) -> int:
    timer = next(timer for timer in bench.service.timers if timer.name == "waiting")
    async with bench.transactions.locked([partition]) as work:
        return await timer.fire(work, partition, 2)


async def _open_of_each(bench: Bench) -> dict[str, int]:
    rows = await bench.rows("select owner, count(*) as n from handoff where state <> 'closed' group by owner")
    return {row["owner"]: row["n"] for row in rows}


async def test_twenty_claims_at_once_stop_at_the_cap(bench: Bench) -> None:
    policy = one_team({"id": "minh", "capacity": {"open": CAPACITY}}, pools={"public": {"claim": True}})
    policy["teams"]["sales"]["strategy"] = "pull"
    await bench.publish("routing", policy)
    await bench.deliver([event for n in range(20) for event in story(n)])
    answers = await asyncio.gather(
        *(
            bench.client.post("/v1/pools/public/claim", json={"lead_id": str(an_id(n))}, headers=as_rep("minh"))
            for n in range(20)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * CAPACITY + [409] * 17
    assert len(await owners(bench)) == CAPACITY


@pytest.mark.parametrize("seed", range(2))
async def test_work_that_ends_while_timers_run_is_given_to_all_who_wait(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    regions = ("north", "south")
    reps = [
        {"id": "minh", "regions": ["north"], "capacity": {"open": CAPACITY}},
        {"id": "lan", "regions": ["south"], "capacity": {"open": CAPACITY}},
        {"id": "hoa", "capacity": {"open": CAPACITY}},
    ]
    await bench.publish("routing", one_team(*reps))
    leads = [(n, rng.choice(regions), rng.randint(80, 99)) for n in range(40)]
    await bench.deliver([e for n, region, points in leads for e in story(n, points=points, region=region)])
    finished = 0
    for _ in range(60):
        taken = [event for event in await assignments(bench) if event.lead_id in await owners(bench)]
        if not taken:
            break
        ending = rng.sample(taken, min(len(taken), 4))
        answers, *_ = await asyncio.gather(
            asyncio.gather(
                *(
                    bench.client.post(
                        f"/v1/handoffs/{event.handoff_id}/reject",
                        json={"reason": "timing"},
                        headers=as_rep(event.owner),
                    )
                    for event in ending
                )
            ),
            *(_look_again(bench, partition) for partition in range(PARTITIONS)),
        )
        assert {answer.status_code for answer in answers} == {200}
        finished += len(ending)
        while await bench.next_due() is not None:
            await asyncio.gather(*(_look_again(bench, partition) for partition in range(PARTITIONS)))
        held = await _open_of_each(bench)
        assert max(held.values(), default=0) <= CAPACITY
        await _nobody_waits_for_a_free_rep(bench, held)
    assert finished == 40
    assert set((await places(bench)).values()) == {"nurture"}


async def _nobody_waits_for_a_free_rep(bench: Bench, held: dict[str, int]) -> None:
    """All that is left waiting finds everybody who may take it full."""
    rows = await bench.rows(
        "select distinct convert_from(s.dossier, 'UTF8')::jsonb #>> '{attributes,region}' as region"
        " from waiting join lead_state s using (lead_id)"
    )
    able = {"north": ("minh", "hoa"), "south": ("lan", "hoa")}
    for row in rows:
        assert all(held.get(rep, 0) == CAPACITY for rep in able[row["region"]]), (row, held)
