"""A body that takes long to read holds nobody up."""

import asyncio
import threading
from dataclasses import replace

import orjson

from intake.admission import Request, admit
from intake.domain.proof import Arrival
from intake.group import Committer
from intake.rules import RuleBook
from tests.integration.intake.doors import JSON, a_lead, balance, counts, intake
from tests.support.postgres import MakeDatabase

DOORS = {"doors": {"api": {"kind": "rest"}, "open": {"kind": "generic"}}}


async def test_a_lead_that_comes_after_a_long_body_is_answered_before_it(make_database: MakeDatabase) -> None:
    async with intake(make_database, doors=DOORS) as bench:
        assert (await bench.client.post("/v1/leads", json=a_lead(email="first@example.com"))).status_code == 202
        answered: list[str] = []

        async def post(name: str, path: str, content: bytes) -> int:
            reply = await bench.client.post(path, content=content, headers=JSON)
            answered.append(name)
            return reply.status_code

        many = orjson.dumps([a_lead(email=f"many{number}@example.com") for number in range(2_500)])
        long = asyncio.create_task(post("long", "/v1/hooks/open", many))
        one = asyncio.create_task(post("one", "/v1/leads", orjson.dumps(a_lead(email="one@example.com"))))
        assert await asyncio.gather(long, one) == [200, 202]
        assert answered == ["one", "long"]
        assert (await counts(bench))["lead"] == 2_502
        await balance(bench)


async def test_a_list_at_a_rest_door_is_refused_in_words(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        before = await counts(bench)
        for body in ([a_lead()], [a_lead()] * 1_500, []):
            reply = await bench.client.post("/v1/leads", json=body)
            assert reply.status_code == 422
            assert reply.json()["detail"] == "send one lead per request, or a list to a door of kind generic"
            assert reply.json()["type"] == "urn:baton:problem:one-lead"
        assert await counts(bench) == before


async def test_a_long_body_is_read_aside_again_where_the_policies_changed(make_database: MakeDatabase) -> None:
    doors = {"doors": {"open": {"kind": "generic", "token": {"secret": "gravity-token"}}}}
    async with intake(make_database, doors=doors) as bench:
        older = replace(await RuleBook().current(bench.desk), versions=(0, 0))
        door = older.door("open")
        assert door is not None
        many = orjson.dumps([a_lead(email=f"many{number}@example.com") for number in range(500)])
        request = Request("open", Arrival(many, token="unguessable"), "application/json", bench.clock())
        readers: set[threading.Thread] = set()

        def noting(spelling: str) -> str | None:
            readers.add(threading.current_thread())
            return bench.desk.secrets(spelling)

        committer = Committer(RuleBook())
        writing = asyncio.create_task(committer.run(replace(bench.desk, secrets=noting)))
        try:
            assert len(await committer.keep(request, admit(older, door, request), older)) == 500
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        assert readers
        assert threading.main_thread() not in readers
        await balance(bench)
