"""Door 2: a command has its effect once and gives its answer again, whatever breaks."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.runtime import desk as desks
from shared.runtime.desk import Answer, Crowded, Desk, KeyReused
from shared.runtime.failures import is_passing
from shared.runtime.ids import new_id
from shared.runtime.work import Work
from tests.integration.runtime.world import World, a_lead_in, a_score, an_engagement
from tests.support.proxy import Cut, a_proxy


def desk_on(world: World, url: str | None = None) -> Desk:
    return Desk("scorer", world.transactions_on(url), lambda _name: None)


async def noted(work: Work, lead_id: UUID, status: int = 201) -> Answer:
    """One effect, one event, and an answer that no second try would give."""
    effect_id = new_id()
    await work.session.execute(
        text("insert into effect (event_id, lead_id) values (:id, :lead)"), {"id": effect_id, "lead": lead_id}
    )
    work.emit([a_score(an_engagement(lead_id), 1)])
    return Answer(status, str(effect_id).encode(), lead_id)


async def leftovers(world: World) -> tuple[int, int, int]:
    return (
        await world.effects(),
        await world.value("select count(*) from outbox"),
        await world.value("select count(*) from command"),
    )


async def test_the_same_key_gives_the_same_answer_and_one_effect(world: World) -> None:
    desk, lead_id = desk_on(world), a_lead_in(0)
    first = await desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id))
    again = await desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id))
    assert again == first
    assert await leftovers(world) == (1, 1, 1)


async def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    desk, lead_id = desk_on(world), a_lead_in(0)
    await desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id))
    with pytest.raises(KeyReused):
        await desk.command("key", b"other", lead_id, lambda work: noted(work, lead_id))
    assert await leftovers(world) == (1, 1, 1)


async def test_fifty_copies_at_once_have_one_effect(world: World) -> None:
    desk, lead_id = desk_on(world), a_lead_in(3)
    answers = await asyncio.gather(
        *(desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id)) for _ in range(50))
    )
    assert len(set(answers)) == 1
    assert await leftovers(world) == (1, 1, 1)


async def test_one_key_for_leads_of_different_lanes_at_once_has_one_effect(world: World) -> None:
    desk = desk_on(world)
    leads = [a_lead_in(lane) for lane in range(4)]

    async def slowly(work: Work, lead_id: UUID) -> Answer:
        answer = await noted(work, lead_id)
        await work.session.execute(text("select pg_sleep(0.05)"))
        return answer

    answers = await asyncio.gather(
        *(desk.command("key", b"body", lead, lambda work, lead=lead: slowly(work, lead)) for lead in leads)
    )
    assert len(set(answers)) == 1
    assert await leftovers(world) == (1, 1, 1)


async def test_a_refusal_leaves_nothing_behind(world: World) -> None:
    desk, lead_id = desk_on(world), a_lead_in(0)
    refused = await desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id, 409))
    assert refused.status == 409
    assert await leftovers(world) == (0, 0, 0)
    assert (await desk.command("key", b"mended", lead_id, lambda work: noted(work, lead_id))).status == 201


@pytest.mark.parametrize("cut", Cut)
async def test_a_commit_in_doubt_is_looked_up_before_acting_again(world: World, cut: Cut) -> None:
    async with a_proxy(world.url) as (proxy, url):
        desk, lead_id = desk_on(world, url), a_lead_in(1)
        await desk.command("before", b"", lead_id, lambda work: noted(work, lead_id))
        proxy.orders.append(cut)
        answer = await desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id))
    assert proxy.made == [cut]
    assert await leftovers(world) == (2, 2, 2)
    assert await world.value("select event_id from effect order by n desc limit 1") == UUID(answer.body.decode())


@pytest.mark.parametrize("cut", Cut)
async def test_copies_sent_while_a_commit_is_in_doubt_have_one_effect(world: World, cut: Cut) -> None:
    async with a_proxy(world.url) as (proxy, url):
        desk, lead_id = desk_on(world, url), a_lead_in(1)
        proxy.orders += [cut, cut]
        answers = await asyncio.gather(
            *(desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id)) for _ in range(8))
        )
    assert proxy.made == [cut, cut]
    assert len(set(answers)) == 1
    assert await leftovers(world) == (1, 1, 1)


async def test_a_crowd_of_commands_leaves_connections_for_the_lanes(world: World) -> None:
    desk, lead_id = desk_on(world), a_lead_in(0)
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def held(work: Work) -> Answer:
        inside.set()
        await go_on.wait()
        return await noted(work, lead_id)

    crowd = [asyncio.create_task(desk.command(f"key-{number}", b"body", lead_id, held)) for number in range(40)]
    await asyncio.wait_for(inside.wait(), 5)
    async with asyncio.timeout(3), desk.transactions.fenced({1: 0}) as work:  # as a consumer's batch is kept
        work.emit([a_score(an_engagement(a_lead_in(1)), 1)])
    go_on.set()
    assert len(set(await asyncio.gather(*crowd))) == 40


async def test_who_is_cancelled_while_a_place_is_found_is_cancelled(world: World) -> None:
    desk = desk_on(world)

    async def works_for_ever() -> None:
        async with desk.work():
            pass
        await asyncio.Event().wait()

    for turns in range(12):
        task = asyncio.create_task(works_for_ever())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done, f"cancelled after {turns} turns of the loop, it goes on"


async def test_who_finds_no_place_waits_once_and_not_for_every_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "_PLACE_WAIT_S", 0.05)
    desk, lead_id = (
        Desk("scorer", world.transactions_on(), lambda _name: None, places=asyncio.Semaphore(0)),
        a_lead_in(0),
    )
    waits: list[float] = []
    real = asyncio.timeout

    def counted(delay_s: float | None) -> asyncio.Timeout:
        waits.append(delay_s or 0)
        return real(delay_s)

    monkeypatch.setattr(asyncio, "timeout", counted)
    with pytest.raises(Crowded):
        await desk.command("key", b"body", lead_id, lambda work: noted(work, lead_id))
    assert waits == [0.05]
    assert is_passing(Crowded())
