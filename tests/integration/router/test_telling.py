"""Webhooks and e-mails: written with the event, signed, in order for each lead, tried again, given up, replayed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_string
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from router.main import service
from shared.contracts import ClockWarned, LeadAssigned
from tests.integration.router.leads import an_id, as_rep, assignments, erased, one_team, story
from tests.integration.router.receiving import (
    LOCAL,
    SECRET,
    a_mailbox,
    a_receiver,
    keys,
    states,
    subscribe,
    until_states,
    until_tried,
)
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase


@pytest.fixture
async def bench(make_database: MakeDatabase) -> AsyncIterator[Bench]:
    presets = {"routing": one_team("minh", "lan")}
    async with a_service(service(LOCAL, keys), make_database, presets=presets) as running:
        yield running


async def test_an_assignment_is_delivered_signed_with_a_link_and_nothing_personal(bench: Bench) -> None:
    async with a_receiver() as receiver:
        await subscribe(bench, receiver.url, "lead.assigned")
        await bench.deliver(story("linh", company_domain="phuan.example"))
        await until_states(bench, "sent")
    (got,) = receiver.got
    (assigned,) = await assignments(bench)
    Webhook(SECRET).verify(got.body, got.headers)
    outbox = await bench.rows("select id from outbox where topic = 'lead.assigned'")
    assert UUID(got.headers["webhook-id"]) == UUID(int=outbox[0]["id"].int)
    assert got.said["type"] == "lead.assigned"
    link = f"https://baton.example/follow/{assigned.lead_id}"
    assert {**got.said["data"], "handoff_id": None} == {
        "lead_id": str(assigned.lead_id),
        "handoff_id": None,
        "episode": 1,
        "owner": assigned.owner,
        "team": "sales",
        "link": link,
    }
    assert b"phuan" not in got.body
    assert await bench.next_due() is None


async def test_one_leads_events_wait_for_each_other_and_another_leads_do_not(bench: Bench) -> None:
    async with a_receiver(b"500 No\r\nContent-Length: 0") as receiver:
        await subscribe(bench, receiver.url, "lead.qualified", "lead.assigned")
        await bench.deliver(story("linh"))
        await until_tried(bench, 1)
        assert await states(bench) == ["pending", "pending"]
        await bench.deliver(story("wang"))
        await until_states(bench, "pending", "pending", "sent", "sent")
        due = await bench.next_due()
        assert due == bench.clock.now + timedelta(seconds=5)
        await bench.fire_timers(due)
        await until_states(bench, "sent", "sent", "sent", "sent")
    of_linh = [got.said["type"] for got in receiver.got if got.said["data"]["lead_id"] == str(an_id("linh"))]
    assert of_linh == ["lead.qualified", "lead.qualified", "lead.assigned"]


async def test_a_day_of_failures_is_the_end_and_a_replay_goes_out_under_the_same_id(bench: Bench) -> None:
    bad = b"503 Busy\r\nContent-Length: 0"
    async with a_receiver(*([bad] * 100)) as receiver:
        subscription = await subscribe(bench, receiver.url, "lead.assigned")
        await bench.deliver(story("linh"))
        tries = 0
        while await states(bench) == ["pending"]:
            tries += 1
            await until_tried(bench, tries)
            due = await bench.next_due()
            bench.clock.now = due or bench.clock.now
        assert 30 < tries < 40
        assert await states(bench) == ["dead"]
        receiver.answers.clear()
        page = await bench.client.get("/v1/deliveries", params={"state": "dead", "subscription": subscription})
        (dead,) = page.json()["items"]
        assert (dead["answer"], dead["attempts"]) == (503, tries)
        again = await bench.client.post(f"/v1/deliveries/{dead['delivery_id']}/replay")
        assert again.status_code == 202
        await until_states(bench, "sent")
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    sample = bench.desk.meters.registry.get_sample_value
    assert sample("baton_deliveries_total", {"kind": "webhook", "outcome": "dead"}) == 1


async def test_a_redirect_is_not_followed_and_an_endless_answer_is_not_read(bench: Bench) -> None:
    endless = b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536
    async with a_receiver(b"302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0", endless) as receiver:
        await subscribe(bench, receiver.url, "lead.assigned")
        await bench.deliver(story("linh"))
        await until_tried(bench, 1)
        assert await states(bench) == ["pending"]
        await bench.fire_timers(await bench.next_due())
        await until_states(bench, "sent")


async def test_an_ended_subscription_gets_nothing_more(bench: Bench) -> None:
    async with a_receiver(b"500 No\r\nContent-Length: 0") as receiver:
        subscription = await subscribe(bench, receiver.url, "lead.assigned")
        await bench.deliver(story("linh"))
        await until_tried(bench, 1)
        assert (await bench.client.delete(f"/v1/subscriptions/{subscription}")).status_code == 204
        assert await states(bench) == ["cancelled"]
        await bench.deliver(story("wang"))
        assert await states(bench) == ["cancelled"]
        assert (await bench.client.get("/v1/subscriptions")).json()["items"] == []
    assert len(receiver.got) == 1


async def test_a_subscription_of_one_owner_hears_of_that_owner_only(bench: Bench) -> None:
    async with a_receiver() as receiver:
        await subscribe(bench, receiver.url, "lead.assigned", "lead.accepted", owner="minh")
        await bench.deliver([event for n in range(4) for event in story(n)])
        await until_states(bench, "sent", "sent")
    assert {got.said["data"]["owner"] for got in receiver.got} == {"minh"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"url": "https://127.0.0.1/x", "events": ["lead.assigned"]}, "bad-address"),
        ({"url": "https://169.254.169.254/latest", "events": ["lead.assigned"]}, "bad-address"),
        ({"url": "https://[::ffff:10.0.0.1]/", "events": ["lead.assigned"]}, "bad-address"),
        ({"url": "http://8.8.8.8/", "events": ["lead.assigned"]}, "bad-address"),
        ({"url": "https://me:pw@8.8.8.8/", "events": ["lead.assigned"]}, "bad-address"),
        ({"url": "https://8.8.8.8/", "events": ["lead.dreamt"]}, "unknown-event"),
        ({"url": "https://8.8.8.8/", "events": ["lead.assigned"], "secret": "short"}, "bad-secret"),
    ],
)
async def test_a_bad_subscription_is_refused(make_database: MakeDatabase, said: dict[str, Any], code: str) -> None:
    public = LOCAL.model_copy(update={"webhook_private": False})
    async with a_service(service(public), make_database) as bench:
        answer = await bench.client.post("/v1/subscriptions", json=said)
        assert answer.status_code == 422
        assert answer.json()["type"].endswith(code)


async def test_a_secret_is_made_and_shown_once(bench: Bench) -> None:
    said = {"url": "http://127.0.0.1:9/", "events": ["lead.assigned"]}
    key = {"Idempotency-Key": "once"}
    first = (await bench.client.post("/v1/subscriptions", json=said, headers=key)).json()
    assert first["secret"].startswith("whsec_")
    again = (await bench.client.post("/v1/subscriptions", json=said, headers=key)).json()
    assert again == {name: value for name, value in first.items() if name != "secret"}
    (listed,) = (await bench.client.get("/v1/subscriptions")).json()["items"]
    assert "secret" not in listed
    assert (await bench.client.get("/v1/subscriptions", headers=as_rep("minh"))).status_code == 403


async def test_a_rep_gets_an_e_mail_at_assignment_and_at_the_warning(make_database: MakeDatabase) -> None:
    reps = ({"id": "minh", "email": "minh@sales.example"},)
    async with a_mailbox() as mailbox:
        smtp = SecretStr(f"smtp://127.0.0.1:{mailbox.port}/?from=baton@sales.example")
        settings = LOCAL.model_copy(update={"smtp_url": smtp, "locale": "vi"})
        async with a_service(service(settings, keys), make_database, presets={"routing": one_team(*reps)}) as bench:
            await bench.deliver(story("linh"))
            await until_states(bench, "sent")
            (assigned,) = await assignments(bench)
            await bench.deliver([warned(assigned, bench)])
            await until_states(bench, "sent", "sent")
    assert [to for to, _ in mailbox.mails] == ["minh@sales.example"] * 2
    texts = [message_from_string(text).get_payload(decode=True) for _, text in mailbox.mails]
    assert all(isinstance(text, bytes) and f"/follow/{assigned.lead_id}".encode() in text for text in texts)


async def test_without_a_mail_server_nobody_is_written_to(make_database: MakeDatabase) -> None:
    reps = ({"id": "minh", "email": "minh@sales.example"},)
    async with a_service(service(LOCAL, keys), make_database, presets={"routing": one_team(*reps)}) as bench:
        await bench.deliver(story("linh"))
        await until_states(bench, "cancelled")


async def test_mails_about_an_erased_lead_are_not_sent(bench: Bench) -> None:
    await bench.publish("routing", one_team({"id": "minh", "email": "minh@sales.example"}))
    await bench.deliver(story("linh"))
    await bench.deliver([erased("linh", bench.clock.now)])
    assert await states(bench) == ["cancelled"]


def warned(assigned: LeadAssigned, bench: Bench) -> ClockWarned:
    return ClockWarned(
        lead_id=assigned.lead_id,
        occurred_at=bench.clock.now,
        recorded_at=bench.clock.now,
        clock_id=an_id("clock"),
        promise="first_contact",
        due_at=bench.clock.now + timedelta(hours=1),
        handoff_id=assigned.handoff_id,
        owner=assigned.owner,
        share_percent=50,
    )
