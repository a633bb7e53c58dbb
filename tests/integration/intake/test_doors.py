"""The ways in, for real: samples, proofs, forms, hostile bodies, parked submissions and their replay."""

import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.contracts import LeadCaptured
from tests.integration.intake.doors import DOORS, FORM, JSON, SAMPLES, a_lead, balance, counts, google, intake
from tests.support.postgres import MakeDatabase

BOUNDARY = "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"
GOOGLE = sorted(path for path in (SAMPLES / "google").glob("*.json") if ".expected" not in path.name)


@pytest.mark.parametrize("path", GOOGLE, ids=lambda path: path.stem)
async def test_google_samples_are_taken(make_database: MakeDatabase, path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected.json").read_bytes())
    async with intake(make_database) as bench:
        reply = await bench.client.post("/v1/hooks/google-main", content=path.read_bytes(), headers=JSON)
        if "status_class" in expected:
            assert reply.status_code == 401
            assert "message" in reply.json()
            assert (await counts(bench))["submission"] == 0
            return
        assert (reply.status_code, reply.json()) == (expected["status"], {})
        [lead] = expected["leads"]
        shown = (await bench.client.get(f"/v1/submissions/{reply.headers['Baton-Submission-Id']}")).json()
        assert shown["state"] == "captured"
        assert shown["vendor_id"] == lead["vendor_id"]
        for name in ("name", "email", "phone", "company", "title"):
            if name in lead:
                assert shown["fields"][name] == lead[name]
        [captured] = await bench.emitted()
        assert isinstance(captured, LeadCaptured)
        assert captured.is_test == lead.get("is_test", False)
        assert orjson.loads(shown["raw"]) == json.loads(path.read_bytes())


FORMS = [
    ("contact.form", "application/x-www-form-urlencoded", "/v1/forms/site", "jane@example.com"),
    ("cf7.form", "application/x-www-form-urlencoded", "/v1/forms/site", "jane@example.com"),
    ("multipart.txt", BOUNDARY, "/v1/forms/site", "ha@example.vn"),
    ("gravity_forms_entry.json", "application/json", "/v1/hooks/gravity/unguessable", "jane@example.com"),
]


@pytest.mark.parametrize(("name", "content_type", "path", "email"), FORMS)
async def test_form_samples_are_taken(
    make_database: MakeDatabase, name: str, content_type: str, path: str, email: str
) -> None:
    async with intake(make_database) as bench:
        raw = (SAMPLES / "html_forms" / name).read_bytes()
        reply = await bench.client.post(path, content=raw, headers={"Content-Type": content_type})
        assert reply.status_code == 200
        shown = (await bench.client.get(f"/v1/submissions/{reply.headers['Baton-Submission-Id']}")).json()
        assert (shown["state"], shown["fields"]["email"]) == ("captured", email)
        assert len(await bench.emitted(LeadCaptured)) == 1


async def test_a_form_leads_to_the_thanks_page_and_a_script_gets_json(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        own = {**FORM, "Origin": "https://www.example.com"}
        reply = await bench.client.post("/v1/forms/page", content="email=ann%40example.com", headers=own)
        assert (reply.status_code, reply.headers["Location"]) == (303, "https://www.example.com/thanks")
        script = {**own, "Sec-Fetch-Mode": "cors"}
        reply = await bench.client.post("/v1/forms/page", content="email=bob%40example.com", headers=script)
        assert reply.status_code == 200
        assert reply.json()["submission_id"] == reply.headers["Baton-Submission-Id"]
        assert reply.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
        assert "lead" not in reply.text
        preflight = await bench.client.options("/v1/forms/page", headers={"Origin": "https://www.example.com"})
        assert preflight.status_code == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
        before = await counts(bench)
        for headers in ({**FORM, "Origin": "https://evil.example"}, {**FORM, "Origin": "null"}):
            reply = await bench.client.post("/v1/forms/page", content="email=c%40example.com", headers=headers)
            assert reply.status_code == 403
        assert (await bench.client.options("/v1/forms/page", headers={"Origin": "null"})).status_code == 403
        assert await counts(bench) == before


async def test_a_robot_is_answered_as_anybody_and_makes_no_lead(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        form = "email=ann%40example.com&website_hp=http%3A%2F%2Fspam"
        reply = await bench.client.post("/v1/forms/page", content=form, headers=FORM)
        assert reply.status_code == 303
        assert reply.headers["Baton-Submission-Id"]
        [row] = await bench.rows("select state, raw, fields, lead_id from submission")
        assert row == {"state": "ignored", "raw": None, "fields": None, "lead_id": None}
        assert await bench.emitted() == []
        await balance(bench)


def signed(body: bytes, key: str = "shared secret") -> dict[str, str]:
    return {**JSON, "X-Signature": "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


async def test_a_wrong_proof_keeps_nothing_and_is_counted(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        before = await counts(bench)
        body = orjson.dumps({"leads": [a_lead(ref="1")]})
        attempts: list[tuple[str, bytes, dict[str, str], int]] = [
            ("/v1/hooks/google-main", google("1", key="wrong"), JSON, 401),
            ("/v1/hooks/google-main", orjson.dumps({"lead_id": "1"}), JSON, 401),
            ("/v1/hooks/google-bare", google("1"), JSON, 503),
            ("/v1/hooks/gravity/wrong", b'{"id": "1"}', JSON, 401),
            ("/v1/hooks/gravity", b'{"id": "1"}', JSON, 401),
            ("/v1/hooks/partner", body, JSON, 401),
            ("/v1/hooks/partner", body, signed(body, "another"), 401),
            ("/v1/hooks/partner", body + b" ", signed(body), 401),
            ("/v1/hooks/nowhere", body, JSON, 404),
            ("/v1/hooks/site", body, JSON, 404),
            ("/v1/forms/api", b"email=a%40example.com", FORM, 404),
        ]
        for path, content, headers, status in attempts:
            reply = await bench.client.post(path, content=content, headers=headers)
            assert reply.status_code == status, path
            assert "Planted" not in reply.text
            assert status != 503 or reply.headers["Retry-After"]
        assert await counts(bench) == before
        doors = {one["door"]: one for one in (await bench.client.get("/v1/doors")).json()["items"]}
        assert doors["google-main"]["refused"] == {"unproven": 2}
        assert doors["google-bare"]["state"] == "closed: a secret is not set"
        assert "not set" in doors["google-bare"]["problems"][0]
        assert doors["partner"]["refused"] == {"unproven": 3}


async def test_a_list_is_captured_item_by_item(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        leads: list[Any] = [
            a_lead(ref="1"),
            {"ref": "2", "name": "No Contact"},
            a_lead(ref="3", email="bob@example.com"),
        ]
        body = orjson.dumps({"leads": [*leads, 5, a_lead(ref="1")]})
        reply = await bench.client.post("/v1/hooks/partner", content=body, headers=signed(body))
        assert reply.status_code == 200
        told = reply.json()["submissions"]
        assert [one["state"] for one in told] == ["captured", "parked", "captured", "parked", "captured"]
        assert [one["duplicate"] for one in told] == [False, False, False, False, True]
        assert "Baton-Lead-Id" not in reply.headers
        again = await bench.client.post("/v1/hooks/partner", content=body, headers=signed(body))
        assert [one["submission_id"] for one in again.json()["submissions"]] == [one["submission_id"] for one in told]
        assert len(await bench.emitted()) == 2
        await balance(bench)


DEEP = b'{"email":"a@example.com","x":' + b"[" * 5000 + b"]" * 5000 + b"}"
HOSTILE: list[tuple[bytes, str, tuple[int, ...]]] = [
    (b"", "application/json", (400,)),
    (b"{", "application/json", (400,)),
    (b'"text"', "application/json", (400,)),
    (b'{"email":"a@example.com\\u0000"}', "application/json", (400,)),
    (b'{"email":"a@example.com\x00"}', "application/json", (400,)),
    (b'{"email":"a@example.com","n":NaN}', "application/json", (400,)),
    (b'{"email":"a@example.com","n":1e999}', "application/json", (400,)),
    (b'{"email":"a@example.com","name":"\\ud800"}', "application/json", (400,)),
    (b'{"email":"a@example.com","name":"\xff\xfe"}', "application/json", (400,)),
    (b'{"email":"a@example.com","email":"b@example.com"}', "application/json", (400,)),
    (DEEP, "application/json", (400,)),
    (b'{"email":"a@example.com","x":"' + b"y" * 70_000 + b'"}', "application/json", (413,)),
    (b'{"email":"a@example.com","x":"' + b"y" * 300_000 + b'"}', "application/json", (413,)),
    (b'{"email":"a@example.com"}', "application/xml", (415,)),
    (b"email=%00a%40example.com", "application/x-www-form-urlencoded", (400,)),
    (b"&".join(b"a%d=1" % n for n in range(2_000)), "application/x-www-form-urlencoded", (400, 413)),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x", (400,)),
    (b"--x", "multipart/form-data", (400,)),
]


async def test_hostile_bodies_are_refused_in_words_and_leave_nothing(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        before = await counts(bench)
        for path in ("/v1/leads", "/v1/hooks/partner", "/v1/forms/site", "/v1/hooks/google-main"):
            for body, content_type, statuses in HOSTILE:
                headers = signed(body) | {"Content-Type": content_type}
                reply = await bench.client.post(path, content=body, headers=headers)
                assert reply.status_code in statuses, (path, body[:60], reply.text)
                told = reply.json()
                assert told.get("detail") or told.get("message"), path
        assert await counts(bench) == before


async def test_our_own_capture_refuses_what_it_cannot_map(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        before = await counts(bench)
        for body in ({"name": "Nobody"}, {"email": "not an address"}, [a_lead(), a_lead()], {}, {"leads": []}):
            reply = await bench.client.post("/v1/leads", json=body)
            assert reply.status_code == 422, body
            assert reply.json()["detail"]
        huge = await bench.client.post("/v1/leads", content=chunks(), headers=JSON)
        assert huge.status_code == 413
        for role in ("viewer", "rep:ann", "analyst"):
            other = {"Authorization": f"Bearer {role}"}
            assert (await bench.client.post("/v1/leads", json=a_lead(), headers=other)).status_code == 403
        assert await counts(bench) == before


async def chunks() -> AsyncGenerator[bytes]:
    for _ in range(40):
        yield b" " * 10_000


async def test_a_parked_submission_is_replayed_after_its_door_is_put_right(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        body = orjson.dumps({"leads": [{"ref": "9", "who": {"mail": "ann@example.com"}}]})
        reply = await bench.client.post("/v1/hooks/partner", content=body, headers=signed(body))
        submission = f"/v1/submissions/{reply.headers['Baton-Submission-Id']}"
        assert "Baton-Lead-Id" not in reply.headers
        parked = (await bench.client.get("/v1/submissions", params={"state": "parked"})).json()["items"]
        assert [one["submission_id"] for one in parked] == [reply.headers["Baton-Submission-Id"]]
        assert "email" in parked[0]["reason"]
        still = await bench.client.post(f"{submission}/replay")
        assert still.status_code == 422
        partner = {**DOORS["doors"]["partner"], "map": {"email": "who.mail"}}
        await bench.publish("doors", {"doors": {**DOORS["doors"], "partner": partner}})
        done = (await bench.client.post(f"{submission}/replay")).json()
        assert done["state"] == "captured"
        assert done["submission_id"] == reply.headers["Baton-Submission-Id"]
        [captured] = await bench.emitted()
        assert str(captured.lead_id) == done["lead_id"]
        assert (await bench.client.get(submission)).json()["fields"]["email"] == "ann@example.com"
        assert (await bench.client.post(f"{submission}/replay")).status_code == 409
        again = await bench.client.post("/v1/hooks/partner", content=body, headers=signed(body))
        assert again.headers["Baton-Lead-Id"] == done["lead_id"]
        assert len(await bench.emitted()) == 1
        await balance(bench)


async def test_a_body_whose_list_was_not_found_becomes_all_its_items(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        body = orjson.dumps({"entries": [a_lead(ref="1"), a_lead(ref="2", email="bob@example.com"), a_lead(ref="1")]})
        reply = await bench.client.post("/v1/hooks/partner", content=body, headers=signed(body))
        partner = {**DOORS["doors"]["partner"], "items": "entries"}
        await bench.publish("doors", {"doors": {**DOORS["doors"], "partner": partner}})
        done = (await bench.client.post(f"/v1/submissions/{reply.headers['Baton-Submission-Id']}/replay")).json()
        assert [one["state"] for one in done["submissions"]] == ["captured", "captured", "repeat"]
        assert done["submission_id"] == reply.headers["Baton-Submission-Id"]
        assert len(await bench.emitted()) == 2
        await balance(bench)


async def test_a_replay_of_what_came_again_meanwhile_is_a_repeat(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        body = orjson.dumps({"leads": [{"nr": "9", "who": {"mail": "ann@example.com"}}]})
        reply = await bench.client.post("/v1/hooks/partner", content=body, headers=signed(body))
        partner = {**DOORS["doors"]["partner"], "id": "nr", "map": {"email": "who.mail"}}
        await bench.publish("doors", {"doors": {**DOORS["doors"], "partner": partner}})
        second = await bench.client.post("/v1/hooks/partner", content=body, headers=signed(body))
        done = (await bench.client.post(f"/v1/submissions/{reply.headers['Baton-Submission-Id']}/replay")).json()
        assert (done["state"], done["lead_id"]) == ("repeat", second.headers["Baton-Lead-Id"])
        assert len(await bench.emitted()) == 1
        await balance(bench)


async def test_a_door_published_a_moment_ago_is_open(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        await bench.client.post("/v1/leads", json=a_lead())
        doors = {**DOORS["doors"], "fair": {"kind": "rest", "defaults": {"source": "trade_show"}}}
        put = await bench.client.put("/v1/policies/doors", json={"doors": doors})
        assert put.status_code == 200
        assert any("NOT_SET" in line or "google-bare" in line for line in put.json()["lint"])
        bad = await bench.client.put("/v1/policies/doors", json={"doors": {"x": {"kind": "html", "orgins": []}}})
        assert bad.status_code == 422
        assert "did you mean 'origins'" in bad.text
        reply = await bench.client.post("/v1/leads?door=fair", json=a_lead(email="new@example.com"))
        assert reply.status_code == 202
