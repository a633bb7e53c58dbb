"""Secrets that can be set and never read, Typeform's door, and how the doors are."""

import asyncio
import base64
import hashlib
import hmac
import json
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from intake.door_watch import look
from intake.intake import Intake
from intake.main import service
from intake.vault import Vault
from shared.contracts import LeadCaptured
from shared.store.sealing import Seal, keys_of
from tests.integration.intake.doors import JSON, SAMPLES, a_lead, balance, google
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase

DOORS: dict[str, Any] = {
    "doors": {
        "api": {"kind": "rest", "owner": "zhang", "defaults": {"tags": ["demo"]}},
        "google": {"kind": "google", "key": {"secret": "google-key"}},
        "form": {"kind": "typeform", "secret": {"secret": "typeform"}, "defaults": {"country": "VN"}},
    }
}
KEY = "a key of this test"


@asynccontextmanager
async def doors(make_database: MakeDatabase) -> AsyncGenerator[Bench]:
    built = service(keys=lambda: [KEY])
    async with a_service(built, make_database, presets={"doors": DOORS}) as bench:
        yield bench


async def put(bench: Bench, name: str, value: str) -> None:
    reply = await bench.client.put(f"/v1/secrets/{name}", json={"value": value})
    assert reply.status_code == 200, reply.text
    assert value not in reply.text


async def of_door(bench: Bench, name: str) -> dict[str, Any]:
    items = (await bench.client.get("/v1/doors")).json()["items"]
    return next(item for item in items if item["door"] == name)


async def test_a_secret_is_set_used_replaced_and_never_read(make_database: MakeDatabase) -> None:
    async with doors(make_database) as bench:
        reply = await bench.client.post("/v1/hooks/google", content=google("1", key="first"), headers=JSON)
        assert reply.status_code == 503
        assert (await of_door(bench, "google"))["state"] == "closed: a secret is not set"
        for value in ("first", "second"):
            await put(bench, "google-key", value)
            reply = await bench.client.post("/v1/hooks/google", content=google(value, key=value), headers=JSON)
            assert reply.status_code == 200
        reply = await bench.client.post("/v1/hooks/google", content=google("3", key="first"), headers=JSON)
        assert reply.status_code == 401
        listed = (await bench.client.get("/v1/secrets")).json()
        assert [sorted(item) for item in listed["items"]] == [["name", "set_at"]]
        assert "second" not in json.dumps(listed)
        [row] = await bench.rows("select * from secret")
        assert b"second" not in bytes(row["sealed"])
        assert row["set_by"] == "admin"
        assert (await of_door(bench, "google"))["state"] == "open"


async def test_only_administrators_and_marketers_touch_secrets(make_database: MakeDatabase) -> None:
    async with doors(make_database) as bench:
        for role, status in (("marketer", 200), ("operator", 403), ("manager", 403), ("rep:ann", 403)):
            headers = {"Authorization": f"Bearer {role}"}
            reply = await bench.client.put("/v1/secrets/x", json={"value": "1"}, headers=headers)
            assert reply.status_code == status, role
            assert (await bench.client.get("/v1/secrets", headers=headers)).status_code == status


@pytest.mark.parametrize(
    "body", [{}, {"value": " "}, {"value": 5}, {"value": "a\0b"}, {"value": "x" * 9_000}, {"v": "planted"}]
)
async def test_a_value_that_can_be_none_is_refused_without_repeating_it(
    make_database: MakeDatabase, body: dict[str, Any]
) -> None:
    async with doors(make_database) as bench:
        reply = await bench.client.put("/v1/secrets/x", json=body)
        assert reply.status_code == 422
        assert "planted" not in reply.text
        assert (await bench.client.put("/v1/secrets/a%20b", json={"value": "1"})).status_code == 422


async def test_a_secret_outlives_the_process_and_not_its_key(make_database: MakeDatabase) -> None:
    async with doors(make_database) as bench:
        await put(bench, "google-key", "first")
        found: list[str | None] = []
        for keys in ([KEY], ["new", KEY], ["new"]):
            vault = Vault(Seal(lambda keys=keys: keys))
            async with bench.desk.read() as session:
                await vault.read(session)
            found.append(vault.find("google-key"))
        assert found == ["first", "first", None]


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    home = {"BATON_DATA_DIR": str(tmp_path / "data")}
    first = keys_of(home)()
    assert keys_of(home)() == first
    file = tmp_path / "data" / "secrets-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secrets-key"]
    assert keys_of({**home, "BATON_SECRETS_KEY": "one, two"})() == ["one", "two"]
    assert keys_of({"BATON_SECRETS_KEY_FILE": str(file)})() == first


@pytest.mark.parametrize("name", ["form_response_full", "lead_vi_hidden_utm", "minimal_vector"])
async def test_typeforms_samples_are_taken(make_database: MakeDatabase, name: str) -> None:
    async with doors(make_database) as bench:
        await put(bench, "typeform", "test_typeform_secret")
        raw = (SAMPLES / "typeform" / f"{name}.json").read_bytes()
        signature = base64.b64encode(hmac.digest(b"test_typeform_secret", raw, hashlib.sha256)).decode()
        headers = {**JSON, "Typeform-Signature": f"sha256={signature}"}
        replies = [await bench.client.post("/v1/hooks/form", content=raw, headers=headers) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [200, 200]
        assert len({reply.headers["Baton-Submission-Id"] for reply in replies}) == 1
        [told] = replies[0].json()["submissions"]
        if name == "minimal_vector":
            assert (told["state"], "form_response" in told["reason"]) == ("parked", True)
        else:
            assert told["state"] == "captured"
            assert len(await bench.emitted(LeadCaptured)) == 1
        forged = {**JSON, "Typeform-Signature": f"sha256={signature[:-4]}AAA="}
        assert (await bench.client.post("/v1/hooks/form", content=raw, headers=forged)).status_code == 401
        await balance(bench)


async def test_a_doors_owner_and_tags_are_its_leads(make_database: MakeDatabase) -> None:
    async with doors(make_database) as bench:
        reply = await bench.client.post("/v1/leads", json=a_lead())
        assert reply.status_code == 202
        [captured] = await bench.emitted()
        assert isinstance(captured, LeadCaptured)
        assert captured.marketing_owner == "zhang"
        shown = (await bench.client.get(f"/v1/submissions/{reply.json()['submission_id']}")).json()
        assert shown["fields"]["tags"] == ["demo"]


async def test_every_refusal_of_a_door_has_words(make_database: MakeDatabase) -> None:
    async with doors(make_database) as bench:
        await bench.client.post("/v1/hooks/form", content=b"{}", headers=JSON)
        await put(bench, "typeform", "secret")
        await bench.client.post("/v1/hooks/form", content=b"{}", headers=JSON)
        door = await of_door(bench, "form")
        assert door["refused"] == {"no-secret": 1, "unproven": 1}
        assert [(one["why"], one["count"]) for one in door["refusals"]] == [("no-secret", 1), ("unproven", 1)]
        assert all(len(one["detail"]) > 20 for one in door["refusals"])


async def test_a_door_that_falls_silent_against_its_habit_alarms(make_database: MakeDatabase) -> None:
    async with doors(make_database) as bench:
        intake = Intake(desk=bench.desk)
        start = bench.clock.now
        number = 0
        for day in range(15):
            for hour in range(6):
                bench.clock.now = start + timedelta(days=day, hours=hour)
                if day < 14 or hour == 0:
                    several = [
                        bench.client.post("/v1/leads", json=a_lead(email=f"p{number + n}@example.com"))
                        for n in range(2)
                    ]
                    number += len(several)
                    await asyncio.gather(*several)
                await look(bench.desk, intake)
        bench.clock.now = start + timedelta(days=14, hours=6)
        await look(bench.desk, intake)
        assert (await of_door(bench, "api"))["alarms"] == []  # one earlier week is no habit yet
        earlier = "insert into door_mark select door, hour - interval '14 days', leads - 168 from door_mark"
        async with bench.desk.work() as work:
            await work.session.execute(text(f"{earlier} on conflict do nothing"))
        [alarm] = (await of_door(bench, "api"))["alarms"]
        assert alarm == {"alarm": "silent", "detail": "no lead for 6 h, usually 12 in that time"}
        await look(bench.desk, intake)
        value = bench.desk.meters.registry.get_sample_value
        assert value("baton_door_alarm", {"door": "api", "alarm": "silent"}) == 1
        assert value("baton_door_alarm", {"door": "google", "alarm": "silent"}) == 0
