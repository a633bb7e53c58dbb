"""However often, however concurrently and however unluckily a submission is sent: it is captured once."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from intake import housekeeping
from intake.admission import Request, admit
from intake.capture import Placed
from intake.domain.proof import Arrival
from intake.group import Committer
from intake.rules import RuleBook
from shared.contracts import LeadCaptured, LeadEngaged, LeadUpdated
from shared.runtime import tally
from shared.runtime.desk import Desk
from tests.integration.intake.doors import FORM, a_lead, balance, google, intake
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

COPIES = 100


async def test_a_hundred_copies_of_one_webhook_are_one_lead(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        posts = [bench.client.post("/v1/hooks/google-main", content=google("one")) for _ in range(COPIES)]
        replies = await asyncio.gather(*posts)
        assert Counter(reply.status_code for reply in replies) == {200: COPIES}
        assert {reply.content for reply in replies} == {b"{}"}
        assert len({reply.headers["Baton-Submission-Id"] for reply in replies}) == 1
        assert len({reply.headers["Baton-Lead-Id"] for reply in replies}) == 1
        [captured] = await bench.emitted()
        assert isinstance(captured, LeadCaptured)
        assert str(captured.lead_id) == replies[0].headers["Baton-Lead-Id"]
        [cell] = await bench.rows("select count, xor from capture_tally")
        assert cell == {"count": 1, "xor": tally.hash_of(captured.lead_id)}
        await balance(bench)


async def test_a_hundred_copies_of_one_form_are_one_lead(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        form = "name=Ann&email=ann%40example.com&message=hello"
        posts = [bench.client.post("/v1/forms/site", content=form, headers=FORM) for _ in range(COPIES)]
        replies = await asyncio.gather(*posts)
        assert Counter(reply.status_code for reply in replies) == {200: COPIES}
        assert len({reply.headers["Baton-Submission-Id"] for reply in replies}) == 1
        assert [type(event) for event in await bench.emitted()] == [LeadCaptured]
        await balance(bench)


async def test_a_hundred_copies_under_one_key_are_one_lead(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        headers = {"Idempotency-Key": "k1"}
        posts = [bench.client.post("/v1/leads", json=a_lead(), headers=headers) for _ in range(COPIES)]
        replies = await asyncio.gather(*posts)
        assert Counter(reply.status_code for reply in replies) == {202: COPIES}
        bodies = [reply.json() for reply in replies]
        assert len({(body["lead_id"], body["submission_id"]) for body in bodies}) == 1
        assert Counter(body["duplicate"] for body in bodies) == {False: 1, True: COPIES - 1}
        assert [type(event) for event in await bench.emitted()] == [LeadCaptured]
        other = await bench.client.post("/v1/leads", json=a_lead(name="Bob"), headers=headers)
        assert other.status_code == 422
        assert other.json()["type"] == "urn:baton:problem:key-reused"
        bench.clock.forward(days=31)
        assert (await bench.client.post("/v1/leads", json=a_lead(name="Bob"), headers=headers)).status_code == 202
        await balance(bench)


async def test_the_same_key_with_another_body_in_one_group_is_refused(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        headers = {"Idempotency-Key": "k1"}
        names = ["Ann", "Bob"] * 10
        posts = [bench.client.post("/v1/leads", json=a_lead(name=name), headers=headers) for name in names]
        statuses = Counter(reply.status_code for reply in await asyncio.gather(*posts))
        assert statuses == {202: 10, 422: 10}
        await balance(bench)


async def test_the_same_content_counts_again_after_a_day(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        first = (await bench.client.post("/v1/leads", json=a_lead())).json()
        bench.clock.forward(hours=23, minutes=59)
        repeat = (await bench.client.post("/v1/leads", json=a_lead())).json()
        assert repeat == {**first, "duplicate": True, "known": True}
        bench.clock.forward(minutes=2)
        posts = [bench.client.post("/v1/leads", json=a_lead()) for _ in range(20)]
        bodies = [reply.json() for reply in await asyncio.gather(*posts)]
        assert Counter(body["duplicate"] for body in bodies) == {False: 1, True: 19}
        assert {body["lead_id"] for body in bodies} == {first["lead_id"]}
        assert first["submission_id"] not in {body["submission_id"] for body in bodies}
        assert [type(event) for event in await bench.emitted()] == [LeadCaptured, LeadEngaged]
        await balance(bench)


async def test_a_vendors_redelivery_is_a_repeat_for_ever_whatever_else_it_says(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        first = await bench.client.post("/v1/hooks/google-main", content=google("one"))
        bench.clock.forward(days=400)
        again = await bench.client.post("/v1/hooks/google-main", content=google("one", "new@example.com", is_test=True))
        assert again.headers["Baton-Submission-Id"] == first.headers["Baton-Submission-Id"]
        assert len(await bench.emitted()) == 1


@pytest.mark.parametrize("reaches_the_database", [True, False])
async def test_a_commit_in_doubt_is_tried_again_with_the_same_ids(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, *, reaches_the_database: bool
) -> None:
    async def nothing(_desk: Desk) -> None:
        """Only the request commits."""

    monkeypatch.setattr(housekeeping, "tidy", nothing)
    async with intake(make_database) as bench:
        await bench.client.get("/v1/doors")  # the rules are read by now
        real = AsyncConnection.commit
        lost: list[bool] = []

        async def commit(session: AsyncConnection) -> None:
            first = not lost
            lost.append(first)
            if reaches_the_database or not first:
                await real(session)
            if first:
                raise asyncpg.ConnectionDoesNotExistError("the connection was lost during COMMIT")

        monkeypatch.setattr(AsyncConnection, "commit", commit)
        reply = await bench.client.post("/v1/leads", json=a_lead())
        assert reply.status_code == 202
        assert lost == [True, False]
        body = reply.json()
        assert (body["duplicate"], body["known"]) == (False, False)
        [captured] = await bench.emitted()
        assert str(captured.lead_id) == body["lead_id"]
        await balance(bench)


async def test_nothing_is_kept_of_a_longer_body_under_a_used_key(make_database: MakeDatabase) -> None:
    doors = {"doors": {"open": {"kind": "generic"}}}
    async with intake(make_database, doors=doors) as bench:
        headers = {"Idempotency-Key": "k1"}
        leads = [a_lead(email=f"p{n}@example.com") for n in range(3)]
        assert (await bench.client.post("/v1/hooks/open", json=leads[:2], headers=headers)).status_code == 200
        other = await bench.client.post("/v1/hooks/open", json=leads, headers=headers)
        assert (other.status_code, other.json()["type"]) == (422, "urn:baton:problem:key-reused")
        assert len(await bench.emitted(LeadCaptured)) == 2
        await balance(bench)


async def test_one_bad_request_does_not_fail_its_neighbours(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        async with bench.transactions.free() as work:
            connection = await work.raw()
            await connection.execute("alter table lead add constraint bad check (fields ->> 'name' <> 'Poison')")
        await bench.client.get("/v1/doors")
        bodies = [a_lead(name="Poison" if n == 13 else f"Ann {n}", email=f"a{n}@example.com") for n in range(40)]
        replies = await asyncio.gather(*(bench.client.post("/v1/leads", json=body) for body in bodies))
        assert [n for n, reply in enumerate(replies) if reply.status_code != 202] == [13]
        assert replies[13].status_code == 500
        assert replies[13].json()["type"] == "urn:baton:problem:not-kept"
        assert len(await bench.emitted(LeadCaptured)) == 39
        await balance(bench)


async def test_two_processes_on_one_database_capture_a_person_once(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        others = [Committer(RuleBook()) for _ in range(3)]
        tasks = [asyncio.ensure_future(other.run(bench.desk)) for other in others]
        posts: list[Coroutine[Any, Any, Placed]] = []
        for n in range(60):
            body = a_lead(message=f"question {n}", email=f"p{n % 6}@example.com")
            posts.append(_post_by(bench, others[n % 3], body))
        placed = await asyncio.gather(*posts)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len({one.lead_id for one in placed}) == 6
        assert len(await bench.emitted(LeadCaptured)) == 6
        assert len(await bench.emitted(LeadEngaged)) == 54
        await balance(bench)


async def _post_by(bench: Bench, committer: Committer, body: dict[str, Any]) -> Placed:
    rules = await committer.book.current(bench.desk)
    door = rules.door("api")
    assert door is not None
    request = Request("api", Arrival(orjson.dumps(body)), "application/json", bench.clock())
    [placed] = await committer.keep(request, admit(rules, door, request), rules)
    return placed


async def test_a_changed_attribute_of_a_known_person_is_told_once(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        first = (await bench.client.post("/v1/leads", json=a_lead(industry="Manufacturing"))).json()
        body = a_lead(industry="Software", source="google", campaign="spring", phone="0912 345 678")
        second = (await bench.client.post("/v1/leads", json=body)).json()
        assert (second["lead_id"], second["known"], second["duplicate"]) == (first["lead_id"], True, False)
        [engaged] = await bench.emitted(LeadEngaged)
        assert isinstance(engaged, LeadEngaged)
        assert (engaged.kind, engaged.source, engaged.campaign) == ("submitted", "google", "spring")
        [updated] = await bench.emitted(LeadUpdated)
        assert isinstance(updated, LeadUpdated)
        assert (updated.attributes.industry, updated.attributes.source) == ("software", None)
        third = (await bench.client.post("/v1/leads", json={"phone": "+84912345678"})).json()
        assert third["lead_id"] == first["lead_id"]
        lead = (await bench.client.get(f"/v1/leads/{first['lead_id']}")).json()
        assert lead["fields"]["phone"] == "+84912345678"
        assert lead["attributes"]["source"] == "trade_show"
        assert len(lead["submissions"]) == 3


async def test_who_has_keys_of_two_leads_is_the_older(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        older = (await bench.client.post("/v1/leads", json={"email": "ann@example.com"})).json()["lead_id"]
        younger = (await bench.client.post("/v1/leads", json={"phone": "+84912345678"})).json()["lead_id"]
        both = (await bench.client.post("/v1/leads", json={"email": "ann@example.com", "phone": "+84912345678"})).json()
        assert (both["lead_id"], both["known"]) == (older, True)
        submission = (await bench.client.get(f"/v1/submissions/{both['submission_id']}")).json()
        assert younger in submission["reason"]


async def test_like_names_and_empty_addresses_match_nobody(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        bodies = [
            {"email": "ann@example.com"},
            {"email": "joann@example.com"},
            {"email": "", "phone": "+84912345678"},
            {"email": "", "phone": "+84912345679"},
            {"email": "n/a", "channel_ids": {"zalo": "a"}},
            {"email": "n/a", "channel_ids": {"zalo": "b"}},
        ]
        leads = [(await bench.client.post("/v1/leads", json=body)).json()["lead_id"] for body in bodies]
        assert len(set(leads)) == len(bodies)


async def test_a_test_swallows_no_real_lead(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        await bench.client.post("/v1/hooks/google-main", content=google("t-1", is_test=True))
        await bench.client.post("/v1/hooks/google-main", content=google("r-1"))
        first, second = await bench.emitted(LeadCaptured)
        assert isinstance(first, LeadCaptured)
        assert isinstance(second, LeadCaptured)
        assert (first.is_test, second.is_test) == (True, False)
        assert first.lead_id != second.lead_id


async def test_a_full_queue_answers_503_with_retry_after(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with intake(make_database) as bench:
        await bench.client.get("/v1/doors")
        monkeypatch.setattr("intake.group._MAX_WAITING", 5)
        posts = [bench.client.post("/v1/leads", json=a_lead(email=f"a{n}@example.com")) for n in range(60)]
        replies = await asyncio.gather(*posts)
        statuses = Counter(reply.status_code for reply in replies)
        assert set(statuses) == {202, 503}
        assert all(reply.headers["Retry-After"] for reply in replies if reply.status_code == 503)
        assert len(await bench.emitted(LeadCaptured)) == statuses[202]


async def test_rules_published_meanwhile_decide(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        await bench.client.post("/v1/leads", json=a_lead(email="x@example.com"))
        doors = {"doors": {"api": {"kind": "rest", "defaults": {"country": "VN", "product": "widgets"}}}}
        await bench.publish("doors", doors)  # within the second for which rules are kept in memory
        await bench.client.post("/v1/leads", json=a_lead())
        last = (await bench.emitted(LeadCaptured))[-1]
        assert isinstance(last, LeadCaptured)
        assert last.attributes.product == "widgets"


async def test_a_day_counts_from_the_first_copy(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        ids: list[str] = []
        for _ in range(5):
            ids.append((await bench.client.post("/v1/leads", json=a_lead())).json()["submission_id"])
            bench.clock.now += timedelta(hours=10)
        assert [ids.index(one) for one in ids] == [0, 0, 0, 3, 3]
