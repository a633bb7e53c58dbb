"""Meta's notifications carry ids only: the handshake, the proof, the fetching of answers and all that can go wrong."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from baton.story.graph import LINH_FORM, LINH_LEAD
from intake.main import service
from shared.contracts import LeadCaptured, LeadEngaged
from tests.integration.intake.doors import JSON, SAMPLES, balance, counts
from tests.integration.intake.graph import Graph, a_graph, error
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase
from tests.support.wait import until

SECRETS = {
    "secret:app": "test_app_secret",
    "secret:old": "before",
    "secret:verify": "meatyhamhock",
    "secret:token": "EAAB",
}
LEAD = {**LINH_LEAD, "id": "900100001"}
BASIC = "id,created_time,form_id,field_data"


@asynccontextmanager
async def at_meta(make_database: MakeDatabase, **more: Any) -> AsyncGenerator[tuple[Bench, Graph]]:
    """Intake with a door for Meta, and Graph."""
    async with a_graph() as graph:
        graph.answers |= {"900100001": (200, LEAD), "700100001": (200, LINH_FORM)}
        door = {
            "kind": "meta",
            "secret": [{"secret": "old"}, {"secret": "app"}],
            "verify_token": {"secret": "verify"},
            "graph": {"base_url": graph.url, "token": {"secret": "token"}, "version": "v23.0"},
            "defaults": {"country": "VN", "tags": ["demo"]},
            "owner": "huong",
            **more,
        }
        presets = {"doors": {"doors": {"meta": door}}}
        built = service(keys=lambda: ["a key of this test"])
        async with a_service(built, make_database, presets=presets, secrets=SECRETS) as bench:
            yield bench, graph


def told(*lead_ids: str | int, **more: Any) -> bytes:
    """A delivery with a notification for each of these leads."""
    value = {"form_id": "700100001", "page_id": 1, "ad_id": "600100001", "created_time": 1763283600, **more}
    changes = [{"field": "leadgen", "value": {"leadgen_id": one, **value}} for one in lead_ids]
    return orjson.dumps({"object": "page", "entry": [{"id": "1", "time": 1, "changes": changes}]})


async def post(bench: Bench, body: bytes, key: bytes = b"test_app_secret") -> httpx.Response:
    """Meta's delivery, signed."""
    proof = hmac.new(key, body, hashlib.sha256).hexdigest()
    headers = {**JSON, "X-Hub-Signature-256": f"sha256={proof}"}
    return await bench.client.post("/v1/hooks/meta", content=body, headers=headers)


async def states(bench: Bench) -> dict[str, str]:
    """The state of every submission, by the vendor's id."""
    return {row["vendor_id"]: row["state"] for row in await bench.rows("select vendor_id, state from submission")}


async def settled(bench: Bench, vendor_id: str, *wanted: str) -> dict[str, Any]:
    """The submission once it is in one of these states."""

    async def is_so() -> bool:
        return (await states(bench)).get(vendor_id) in wanted

    await until(is_so, at_most_s=20)
    items: list[dict[str, Any]] = (await bench.client.get("/v1/submissions")).json()["items"]
    return next(item for item in items if item["vendor_id"] == vendor_id)


async def tried(bench: Bench, tries: int) -> dict[str, Any]:
    """The row of what is awaited once it was tried so often."""
    found: list[dict[str, Any]] = []

    async def is_so() -> bool:
        found[:] = await bench.rows(
            "select * from awaiting where tries = :tries and claimed_until is null", tries=tries
        )
        return bool(found)

    await until(is_so, at_most_s=20)
    return found[0]


async def the_door(bench: Bench) -> dict[str, Any]:
    """What `/v1/doors` says of the door."""
    [door] = (await bench.client.get("/v1/doors")).json()["items"]
    return door


async def test_the_handshake_gives_the_bare_challenge(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, _):
        good = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "meatyhamhock"}
        stranger = {"Authorization": ""}
        reply = await bench.client.get("/v1/hooks/meta", params=good, headers=stranger)
        assert (reply.status_code, reply.text) == (200, "1158201444")
        assert reply.headers["content-type"].startswith("text/plain")
        for change in ({"hub.verify_token": "wrong"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": ""}):
            reply = await bench.client.get("/v1/hooks/meta", params={**good, **change}, headers=stranger)
            assert (reply.status_code, "hub.verify_token" in reply.json()["detail"]) == (403, True)
        assert (await bench.client.get("/v1/hooks/nowhere", params=good)).status_code == 404
        assert (await the_door(bench))["refused"] == {"unproven": 3}


async def test_only_metas_signature_over_the_raw_bytes_is_taken(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, _):
        assert (await post(bench, told("900100001"), b"forged")).status_code == 401
        unsigned = await bench.client.post("/v1/hooks/meta", content=told("900100001"), headers=JSON)
        assert unsigned.status_code == 401
        assert (await counts(bench))["submission"] == 0
        assert (await post(bench, told("900100001"), b"before")).status_code == 200
        await settled(bench, "900100001", "captured")


async def test_a_lead_is_captured_when_its_answers_are_there(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        graph.held = asyncio.Event()
        reply = await post(bench, told("900100001"))
        assert (reply.status_code, reply.json()) == (200, {})
        assert await states(bench) == {"900100001": "awaiting"}
        assert await bench.emitted() == []
        assert await bench.next_due() == bench.clock.now  # due until it is fetched
        assert (await the_door(bench))["awaiting"] == 1
        # nothing is open in the database while Graph keeps us waiting
        idle = "select count(*) as n from pg_stat_activity where datname = current_database() and state = :state"
        assert (await bench.rows(idle, state="idle in transaction"))[0]["n"] == 0
        graph.held.set()
        shown = await settled(bench, "900100001", "captured")
        fields = shown["fields"]
        assert fields["phone"] == "+84912345678"
        assert (fields["industry"], fields["timeframe"]) == ("sản xuất", "trong 1 tháng")
        assert (fields["source"], fields["campaign"], fields["tags"]) == ("facebook", "Nhà máy tháng này", ["demo"])
        assert shown["submission_id"] == reply.headers["Baton-Submission-Id"]
        [captured] = await bench.emitted()
        assert isinstance(captured, LeadCaptured)
        assert captured.marketing_owner == "huong"
        assert captured.occurred_at == datetime.fromtimestamp(1763283600, UTC)
        assert captured.recorded_at == bench.clock.now
        assert await bench.next_due() is None
        assert graph.tokens == ["Bearer EAAB"] * 2
        await balance(bench)


async def test_a_hundred_at_once_are_one_lead_and_answered_alike(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        replies = await asyncio.gather(*(post(bench, told("900100001")) for _ in range(100)))
        await settled(bench, "900100001", "captured")
        replies.append(await post(bench, told("900100001")))
        assert {(reply.status_code, reply.text) for reply in replies} == {(200, "{}")}
        assert len({reply.headers["Baton-Submission-Id"] for reply in replies}) == 1
        assert len(await bench.emitted(LeadCaptured)) == 1
        assert graph.times("900100001") == 1
        bench.clock.forward(days=400)
        assert (await post(bench, told("900100001"))).status_code == 200
        assert len(await bench.emitted()) == 1
        await balance(bench)


async def test_a_thousand_notifications_come_in_one_body(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        graph.held = asyncio.Event()
        ids = [f"{10**16 + n}" for n in range(1_000)]
        changes = [
            {
                "field": "leadgen",
                "value": {"leadgen_id": one, "page_id": "1", "form_id": "7", "created_time": 1, "x": "y" * 200},
            }
            for one in ids
        ]
        body = orjson.dumps({"object": "page", "entry": [{"id": "1", "time": 1, "changes": changes}]})
        assert len(body) > 256 * 1024
        assert (await post(bench, body)).status_code == 200
        assert sorted(await states(bench)) == ids
        assert (await bench.rows("select count(*) as n from awaiting"))[0]["n"] == 1_000
        other = orjson.dumps({"object": "instagram", "entry": [{"changes": [{"field": "comments", "value": {}}]}]})
        assert (await post(bench, other)).status_code == 200
        await balance(bench)


@pytest.mark.parametrize(
    "name", ["leadgen_docs_sample", "leadgen_strings_single", "leadgen_escaped_unicode", "other_object"]
)
async def test_metas_samples_are_taken(make_database: MakeDatabase, name: str) -> None:
    expected = json.loads((SAMPLES / "meta" / f"{name}.expected.json").read_bytes())
    async with at_meta(make_database) as (bench, graph):
        graph.held = asyncio.Event()
        reply = await post(bench, (SAMPLES / "meta" / f"{name}.json").read_bytes())
        assert (reply.status_code, reply.json()) == (200, {})
        assert sorted(await states(bench)) == [lead["vendor_id"] for lead in expected["leads"]]


async def test_what_fails_for_now_is_tried_again_with_longer_and_longer_pauses(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        failures: Sequence[tuple[int, Any]] = [
            (500, b"<html>"), (503, error(2)), (302, {}), (200, b"no json"), (400, error(1, is_transient=True)),
        ]  # fmt: skip
        graph.answers["900100001"] = failures[0]
        await post(bench, told("900100001"))
        for tries, (failure, pause_s) in enumerate(
            zip([*failures[1:], (200, LEAD)], (5, 10, 20, 40, 80), strict=True), 1
        ):
            row = await tried(bench, tries)
            assert row["due_at"] == bench.clock.now + timedelta(seconds=pause_s)
            assert await states(bench) == {"900100001": "awaiting"}
            graph.answers["900100001"] = failure
            await bench.fire_timers(row["due_at"])
        await settled(bench, "900100001", "captured")
        assert graph.times("900100001") == 6
        assert not any("elsewhere" in node for node, _ in graph.asked)
        await balance(bench)


async def test_a_refused_token_alarms_and_a_new_one_is_tried_at_once(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):

        def only_the_new(request: Any) -> tuple[int, Any]:
            good = request.headers["authorization"] == "Bearer NEW"
            return (200, LEAD) if good else (401, error(190, 463))

        graph.answers["900100001"] = only_the_new
        await post(bench, told("900100001"))
        await tried(bench, 1)
        door = await the_door(bench)
        assert door["state"] == "open, but no answers can be fetched"
        assert [alarm["alarm"] for alarm in door["alarms"]] == ["token"]
        assert "190" in door["alarms"][0]["detail"]
        assert (door["token_refusals"], door["awaiting"]) == (1, 1)
        meters = bench.desk.meters.registry
        assert meters.get_sample_value("baton_door_token_refused_total", {"door": "meta"}) == 1
        [item] = (await bench.client.get("/v1/submissions", params={"state": "awaiting"})).json()["items"]
        assert "refuses the token" in item["reason"]
        assert "Planted" not in json.dumps(item)
        assert (await bench.client.put("/v1/secrets/token", json={"value": "NEW"})).status_code == 200
        await settled(bench, "900100001", "captured")
        door = await the_door(bench)
        assert (door["state"], door["alarms"], door["token_refused_since"]) == ("open", [], None)
        assert door["last_fetched_at"] is not None


async def test_a_field_that_is_refused_is_not_asked_for_again(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        basic = {key: value for key, value in LEAD.items() if key in ("id", "form_id", "field_data")}

        def without_ads(request: Any) -> tuple[int, Any]:
            full = "campaign_name" in request.query_params["fields"]
            return (400, error(100)) if full else (200, {**basic, "id": request.path_params["node"]})

        graph.answers |= {"900100001": without_ads, "900100002": without_ads}
        await post(bench, told("900100001"))
        shown = await settled(bench, "900100001", "captured")
        assert shown["fields"]["email"] == "linh@mayphuan.example"
        await post(bench, told("900100002"))
        await settled(bench, "900100002", "further")
        assert [fields == BASIC for node, fields in graph.asked if node != "700100001"] == [False, True, True]


async def test_what_fails_for_ever_is_parked_and_a_replay_fetches_again(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        graph.answers["900100001"] = (400, error(100, 33))
        await post(bench, told("900100001"))
        parked = await settled(bench, "900100001", "parked")
        assert "no such lead" in parked["reason"]
        assert await bench.next_due() is None
        await balance(bench)
        graph.answers["900100001"] = (200, LEAD)
        reply = await bench.client.post(f"/v1/submissions/{parked['submission_id']}/replay")
        assert (reply.status_code, reply.json()["state"]) == (200, "awaiting")
        await bench.fire_timers()
        assert (await settled(bench, "900100001", "captured"))["submission_id"] == parked["submission_id"]
        await balance(bench)


async def test_after_thirty_six_hours_it_is_parked(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        graph.answers["900100001"] = (500, b"")
        began = bench.clock.now
        await post(bench, told("900100001"))
        tries = 1
        while (row := await tried(bench, tries))["due_at"] < began + timedelta(hours=36):
            await bench.fire_timers(row["due_at"])
            tries += 1
        await bench.fire_timers(row["due_at"])
        parked = await settled(bench, "900100001", "parked")
        assert bench.clock.now == began + timedelta(hours=36)
        assert "36 h" in parked["reason"]
        assert graph.times("900100001") == tries + 1 < 60
        await balance(bench)


async def test_answers_without_a_way_to_reach_the_person_are_parked_with_them(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        lead = {**LEAD, "field_data": [{"name": "mã_khách", "values": ["linh@mayphuan.example"]}]}
        graph.answers["900100001"] = (200, lead)
        await post(bench, told("900100001"))
        parked = await settled(bench, "900100001", "parked")
        await balance(bench)
        doors = (await bench.client.get("/v1/policies/doors")).json()["body"]
        doors["doors"]["meta"]["map"] = {"email": "mã_khách"}
        assert (await bench.client.put("/v1/policies/doors", json=doors)).status_code == 200
        asked = len(graph.asked)
        reply = await bench.client.post(f"/v1/submissions/{parked['submission_id']}/replay")
        assert (reply.status_code, reply.json()["state"]) == (200, "captured")
        assert len(graph.asked) == asked
        assert len(await bench.emitted(LeadCaptured)) == 1


async def test_the_same_person_again_is_a_further_submission(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        graph.answers["900100002"] = (200, {**LEAD, "id": "900100002"})
        await post(bench, told("900100001"))
        await settled(bench, "900100001", "captured")
        await post(bench, told("900100002"))
        await settled(bench, "900100002", "further")
        [engaged] = await bench.emitted(LeadEngaged)
        assert isinstance(engaged, LeadEngaged)
        assert engaged.door == "meta"
        assert graph.times("700100001") == 1  # the form's questions are remembered
        await balance(bench)


async def test_graph_asking_for_fewer_calls_holds_the_whole_door_up(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        graph.answers |= {"1": (400, error(80005)), "2": (400, error(80005))}
        await post(bench, told("1", "2"))

        async def both_wait() -> bool:
            rows = await bench.rows("select due_at from awaiting where claimed_until is null")
            return [row["due_at"] for row in rows] == [bench.clock.now + timedelta(seconds=60)] * 2

        await until(both_wait)


async def test_a_lead_that_is_too_large_is_parked_and_its_neighbour_is_not(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        graph.answers["5"] = (200, b'{"field_data":[' + b" " * 300_000 + b"]}")
        graph.answers["6"] = (200, {"id": "6"})
        await post(bench, told("5", "6", "900100001"))
        assert "larger" in (await settled(bench, "5", "parked"))["reason"]
        assert "field_data" in (await settled(bench, "6", "parked"))["reason"]
        await settled(bench, "900100001", "captured")


async def test_a_test_lead_is_kept_apart(make_database: MakeDatabase) -> None:
    async with at_meta(make_database) as (bench, graph):
        sample = json.loads((SAMPLES / "meta" / "graph_lead_test.json").read_bytes())
        graph.answers["1234567890999999"] = (200, sample)
        await post(bench, told("1234567890999999"))
        await settled(bench, "1234567890999999", "captured")
        [captured] = await bench.emitted(LeadCaptured)
        assert isinstance(captured, LeadCaptured)
        assert captured.is_test
